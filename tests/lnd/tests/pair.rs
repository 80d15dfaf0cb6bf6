//! The pair does what the other suites rely on.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use lnd_pair::Pair;
use satreel_lnd::{
    call,
    proto::lnrpc::{Invoice, PaymentHash, invoice::InvoiceState},
};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(20);

/// The shop's invoice over `msat`: its BOLT11 and its hash.
async fn invoice(pair: &Pair, msat: i64) -> (String, Vec<u8>) {
    let request = Invoice {
        value_msat: msat,
        expiry: 3600,
        ..Invoice::default()
    };
    let mut lightning = pair.shop().connect().unwrap().lightning();
    let made = call("AddInvoice", LIMIT, lightning.add_invoice(request));
    let made = made.await.unwrap();
    (made.payment_request, made.r_hash)
}

async fn received(pair: &Pair, hash: Vec<u8>) -> (InvoiceState, i64) {
    let mut lightning = pair.shop().connect().unwrap().lightning();
    let asked = lightning.lookup_invoice(PaymentHash { r_hash: hash });
    let found = call("LookupInvoice", LIMIT, asked).await.unwrap();
    (found.state(), found.amt_paid_msat)
}

#[tokio::test]
async fn the_buyer_pays_and_nodes_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::start(folder.path()).await.unwrap();

    let (bolt11, hash) = invoice(&pair, 21_000).await;
    assert_eq!(pair.pay(&bolt11, None).await.unwrap().len(), 64);
    assert_eq!(received(&pair, hash).await, (InvoiceState::Settled, 21_000));
    assert!(pair.pay(&bolt11, None).await.is_err(), "paid twice");

    let (bolt11, hash) = invoice(&pair, 21_000).await;
    pair.pay(&bolt11, Some(30_000)).await.unwrap();
    assert_eq!(received(&pair, hash).await, (InvoiceState::Settled, 30_000));

    let (bolt11, hash) = invoice(&pair, 5_000).await;
    let before = pair.shop().address();
    pair.shop().kill9().unwrap();
    assert!(pair.shop().info().await.is_err());
    pair.shop().start().await.unwrap();
    pair.rejoin().await.unwrap();
    assert_eq!(pair.shop().address(), before);
    pair.pay(&bolt11, None).await.unwrap();
    assert_eq!(received(&pair, hash).await, (InvoiceState::Settled, 5_000));

    pair.buyer().freeze().unwrap();
    pair.mine(2).await.unwrap();
    pair.buyer().thaw().unwrap();
    pair.mine(1).await.unwrap();
}

#[test]
fn scripts_drive_it_by_lines() {
    let mut script = Script::start();
    let about = script.read();
    for file in ["certificate", "macaroon", "admin_macaroon"] {
        let path = about["shop"][file].as_str().unwrap();
        assert!(Path::new(path).is_file(), "{path}");
    }
    assert_eq!(script.ask(&json!({ "mine": 1 }))["done"], true);
    assert_eq!(script.ask(&json!({ "freeze": "shop" }))["done"], true);
    assert_eq!(script.ask(&json!({ "thaw": "shop" }))["done"], true);
    for wrong in [json!({}), json!({ "dance": 1 }), json!({ "pay": "x" })] {
        assert!(script.ask(&wrong)["error"].is_string(), "{wrong}");
    }
}

#[test]
fn nothing_outlives_a_pair_that_is_killed() {
    let mut script = Script::start();
    let about = script.read();
    let pids = ["shop", "buyer"].map(|name| about[name]["pid"].as_u64().unwrap());
    script.child.kill().unwrap();
    script.child.wait().unwrap();
    let patience = Instant::now() + Duration::from_secs(10);
    while pids.iter().any(|pid| is_running(*pid)) {
        assert!(Instant::now() < patience, "{pids:?} still run");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A zombie (in a container nobody may collect it) runs no more.
fn is_running(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// The program, as a script uses it.
struct Script {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Script {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lnd-pair"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn ask(&mut self, command: &Value) -> Value {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{command}").unwrap();
        self.read()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}
