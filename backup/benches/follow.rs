//! From LND's word of a change to copies at two destinations, read back: channels are opened between
//! real nodes, one after the other. Then what the guardian costs while it waits. Prints JSON.

#![allow(clippy::unwrap_used, reason = "a measurement may stop where it stands")]

#[path = "../tests/real/bench.rs"]
mod bench;

use std::time::{Duration, Instant};

use bench::{Bench, pair, until};
use satreel_lnd::proto::lnrpc::ChannelBackupSubscription;
use serde_json::json;

const CHANNELS: usize = 20;
const IDLE: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let pair = pair().await;
    let shop = pair.shop();
    let bench = Bench::of(shop).await;
    let guardian = bench.run();
    until("the first copies", async || bench.everywhere().is_some()).await;

    // Hears what the guardian hears, at the same moment.
    let mut lightning = shop.connect().unwrap().lightning();
    let mut changes = lightning
        .subscribe_channel_backups(ChannelBackupSubscription {})
        .await
        .unwrap()
        .into_inner();
    let mut taken = Vec::new();
    for _ in 0..CHANNELS {
        let known = bench.everywhere().unwrap();
        let opening = pair.open_private(shop, 100_000);
        let copying = async {
            let told = loop {
                let change = changes.message().await.unwrap().unwrap();
                let points = change.multi_chan_backup.unwrap_or_default().chan_points;
                if points.len() > known {
                    break Instant::now();
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
    let (before, begun) = (Cost::of(guardian.0.id()), Instant::now());
    tokio::time::sleep(IDLE).await;
    let (after, seconds) = (Cost::of(guardian.0.id()), begun.elapsed().as_secs_f64());
    let result = json!({
        "changes": taken.len(),
        "p50_ms": taken[taken.len() / 2],
        "p99_ms": taken[taken.len() - 1],
        "resident_mb": after.resident_mb,
        "wakes_per_s": (after.wakes - before.wakes) / seconds,
    });
    println!("{result}");
    drop(guardian);
}

/// Of a process: its memory, and how often it has waited since it began.
struct Cost {
    resident_mb: f64,
    wakes: f64,
}

impl Cost {
    fn of(pid: u32) -> Self {
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
