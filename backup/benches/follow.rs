//! From LND's word of a change to copies at two destinations, read back: channels are opened between
//! real nodes, one after the other. Then what the guardian costs while it waits; the same once more with
//! an SFTP server and a store. Prints JSON.

#![allow(clippy::unwrap_used, reason = "a measurement may stop where it stands")]

#[path = "../tests/real/bench.rs"]
mod bench;

use std::time::{Duration, Instant};

use bench::{Bench, Running, pair, until};
use copy_places::{Sshd, Weed};
use lnd_pair::{Node, Pair};
use satreel_lnd::proto::lnrpc::ChannelBackupSubscription;
use serde_json::json;
use tokio::sync::mpsc;

const CHANNELS: usize = 20;
/// Enough for whatever a server's answers leave behind.
const FAR_CHANNELS: usize = 5;
const QUIET: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let pair = pair().await;
    let here = Bench::of(pair.shop()).await;
    let guardian = here.run();
    let taken = follow(&pair, &here, CHANNELS).await;
    let near = Cost::of_waiting(&guardian).await;
    drop(guardian);

    let (sshd, weed) = (Sshd::start(), Weed::start().await);
    let places = [
        ("sftp", sshd.place("copies")),
        ("s3", weed.place("films", "copies")),
    ];
    let there = Bench::with(pair.shop(), &places).await;
    let guardian = there.run();
    let far_taken = follow(&pair, &there, FAR_CHANNELS).await;
    let far = Cost::of_waiting(&guardian).await;
    drop(guardian);
    let result = json!({
        "changes": taken.len(),
        "p50_ms": taken[taken.len() / 2],
        "p99_ms": taken[taken.len() - 1],
        "resident_mb": near.resident_mb,
        "wakes_per_s": near.wakes,
        "far_changes": far_taken.len(),
        "far_p50_ms": far_taken[far_taken.len() / 2],
        "far_resident_mb": far.resident_mb,
    });
    println!("{result}");
}

/// From LND's word to the copies, in ms, for one channel after the other; sorted.
async fn follow(pair: &Pair, bench: &Bench, channels: usize) -> Vec<f64> {
    let shop = pair.shop();
    until("the first copies", async || bench.everywhere().is_some()).await;
    let mut changes = listen(shop);
    let mut taken = Vec::new();
    for _ in 0..channels {
        let known = bench.everywhere().unwrap();
        let opening = pair.open_private(shop, 100_000);
        let copying = async {
            let told = loop {
                let (count, at) = changes.recv().await.unwrap();
                if count > known {
                    break at;
                }
            };
            while bench.everywhere().is_none_or(|count| count <= known) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            told.elapsed().as_secs_f64() * 1000.0
        };
        let (opened, ms) = tokio::join!(opening, copying);
        opened.unwrap();
        // What else changes with a channel is copied, too, before the next one.
        until("the last copies", async || {
            bench.everywhere() == Some(known + 1)
        })
        .await;
        taken.push(ms);
    }
    taken.sort_by(f64::total_cmp);
    taken
}

/// Hears what the guardian hears, at the same moment: how many channels there are. LND answers with the
/// first change and not before, so nobody may wait for its answer.
fn listen(node: &Node) -> mpsc::UnboundedReceiver<(usize, Instant)> {
    let mut lightning = node.connect().unwrap().lightning();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let asked = lightning.subscribe_channel_backups(ChannelBackupSubscription {});
        let mut stream = asked.await.unwrap().into_inner();
        while let Ok(Some(change)) = stream.message().await {
            let points = change.multi_chan_backup.unwrap_or_default().chan_points;
            if tell.send((points.len(), Instant::now())).is_err() {
                break;
            }
        }
    });
    told
}

/// Of a process: its memory, and how often it waits.
struct Cost {
    resident_mb: f64,
    wakes: f64,
}

impl Cost {
    /// While nothing happens; wakes are those of a second.
    async fn of_waiting(guardian: &Running) -> Self {
        // What the last channel brings along is not waiting yet.
        let mut last = Self::so_far(guardian.0.id()).wakes;
        for _ in 0..10 {
            tokio::time::sleep(QUIET).await;
            let now = Self::so_far(guardian.0.id()).wakes;
            if now <= last {
                break;
            }
            last = now;
        }
        let (before, begun) = (Self::so_far(guardian.0.id()), Instant::now());
        tokio::time::sleep(IDLE).await;
        let (after, seconds) = (Self::so_far(guardian.0.id()), begun.elapsed().as_secs_f64());
        Self {
            wakes: (after.wakes - before.wakes) / seconds,
            ..after
        }
    }

    fn so_far(pid: u32) -> Self {
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = |name: &str| -> f64 {
            let found = text.lines().find_map(|line| line.strip_prefix(name));
            found
                .unwrap()
                .split_whitespace()
                .next()
                .unwrap()
                .parse()
                .unwrap()
        };
        Self {
            resident_mb: line("VmRSS:") / 1024.0,
            wakes: line("voluntary_ctxt_switches:"),
        }
    }
}
