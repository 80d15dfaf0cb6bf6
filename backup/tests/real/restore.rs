//! The promise: a node whose disk is gone gets its money back by its seed and a copy, from whichever
//! place the copy is fetched.

use std::time::Duration;

use copy_places::{Sshd, Weed};
use lnd_pair::Node;
use satreel_config::Place;
use satreel_lnd::{call, proto::lnrpc::WalletBalanceRequest};

use crate::bench::{Bench, pair, until};

const LIMIT: Duration = Duration::from_secs(20);
/// What the node owns in the channel.
const OWNS: u32 = 400_000;
/// What closing a channel and taking in the output may cost at the test's fees.
const FEES: i64 = 20_000;

#[tokio::test]
async fn a_node_that_is_gone_gets_its_money_back_from_a_folder() {
    comes_back_from("folder").await;
}

#[tokio::test]
async fn a_node_that_is_gone_gets_its_money_back_over_sftp() {
    comes_back_from("sftp").await;
}

#[tokio::test]
async fn a_node_that_is_gone_gets_its_money_back_from_s3() {
    comes_back_from("s3").await;
}

async fn comes_back_from(kind: &str) {
    let (sshd, weed) = (Sshd::start(), Weed::start().await);
    let pair = pair().await;
    let node = pair.bare(&format!("lost-{kind}")).await.unwrap();
    let seed = node.create_wallet().await.unwrap();
    let path = "folder".into();
    let places = [
        ("folder", Place::Folder { path }),
        ("sftp", sshd.place("copies")),
        ("s3", weed.place("films", "copies")),
    ];
    let bench = Bench::with(&node, &places).await;
    let guardian = bench.run();
    until("the first copies", async || bench.everywhere() == Some(0)).await;
    pair.open_pushing(&node, 1_000_000, OWNS).await.unwrap();
    until("the channel", async || bench.everywhere() == Some(1)).await;
    let (code, answer) = bench.drill();
    assert_eq!(code, Some(0), "{answer}");
    let lines = answer["results"].as_array().unwrap();
    assert_eq!(lines.len(), places.len(), "{answer}");
    drop(guardian);

    // The disk is gone, and this machine's history with it.
    node.kill9().unwrap();
    std::fs::remove_dir_all(node.folder()).unwrap();
    std::fs::remove_dir_all(bench.path("guardian")).unwrap();
    let backup = restored(&bench, kind);

    std::fs::create_dir_all(node.folder()).unwrap();
    node.start_closed().await.unwrap();
    node.restore_wallet(&seed, backup).await.unwrap();
    // The peer closes the channel; what was the node's own comes back on chain.
    until("the money", async || {
        pair.mine(1).await.unwrap();
        confirmed(&node).await > i64::from(OWNS) - FEES
    })
    .await;
    node.stop().await.unwrap();
}

/// The channel backup in the newest copy of a place.
fn restored(bench: &Bench, from: &str) -> Vec<u8> {
    let (into, key) = (bench.path("restored"), bench.path("key.txt"));
    let (code, said) = bench.call(&[
        "restore",
        "--from",
        from,
        "--identity",
        key.to_str().unwrap(),
        "--into",
        into.to_str().unwrap(),
    ]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("restorechanbackup"), "{said}");
    std::fs::read(into.join("channel.backup")).unwrap()
}

async fn confirmed(node: &Node) -> i64 {
    let mut lightning = node.connect().unwrap().lightning();
    let asked = lightning.wallet_balance(WalletBalanceRequest {});
    let answer = call("WalletBalance", LIMIT, asked).await;
    answer.map_or(0, |balance| balance.confirmed_balance)
}
