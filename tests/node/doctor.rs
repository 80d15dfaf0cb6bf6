//! `satreel doctor` on a real node, with each thing broken that it looks at.

use std::process::Command;

use lnd_pair::{NARROW, Node};
use serde_json::Value;

use crate::bench::{Files, pair};

const LIST: (&str, &str) = ("uri", "/lnrpc.Lightning/ListChannels");

/// What the doctor says of one check.
struct Found {
    state: String,
    detail: String,
    remedy: String,
}

impl Found {
    #[track_caller]
    fn is(&self, state: &str, detail: &str, remedy: &str) {
        let same = self.state == state
            && self.detail.contains(detail)
            && self.remedy.contains(remedy)
            && (state != "green" || self.remedy.is_empty());
        assert!(same, "{}: {} → {}", self.state, self.detail, self.remedy);
    }
}

/// The program's answers.
struct Visit {
    code: Option<i32>,
    answer: Value,
}

impl Visit {
    /// Looks at a site whose `[payments.lnd]` names these files and has `more` in it.
    fn to(files: &Files, more: &str) -> Self {
        let visit = Self::run(files, more, &["--json"]);
        let answer = serde_json::from_str(&visit.1).unwrap();
        Self {
            code: visit.0,
            answer,
        }
    }

    fn run(files: &Files, more: &str, options: &[&str]) -> (Option<i32>, String) {
        let config = files.macaroon().with_file_name("satreel.toml");
        let text = format!(
            "[site]\nurl = \"http://127.0.0.1:1\"\ndata = \"data\"\n\
             [payments]\nbackend = \"lnd\"\n[payments.lnd]\naddress = \"{}\"\n\
             certificate = \"tls.cert\"\nmacaroon = {{ file = \"satreel.macaroon\" }}\n{more}",
            files.address
        );
        std::fs::write(&config, text).unwrap();
        let visit = Command::new(env!("CARGO_BIN_EXE_satreel"))
            .args(["doctor", "--config"])
            .arg(&config)
            .args(options)
            .output()
            .unwrap();
        let said = String::from_utf8(visit.stdout).unwrap();
        (visit.status.code(), said)
    }

    fn check(&self, name: &str) -> Found {
        let checks = self.answer["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["name"] == name).unwrap();
        let text = |key: &str| found[key].as_str().unwrap().to_owned();
        Found {
            state: text("state"),
            detail: text("detail"),
            remedy: text("remedy"),
        }
    }
}

async fn shop_files(permissions: &[(&str, &str)]) -> Files {
    let shop = pair().await.shop();
    let files = Files::of(shop).await;
    files.put_macaroon(&shop.bake(permissions).await.unwrap());
    files
}

#[tokio::test]
async fn all_is_green_on_a_node_that_is_well() {
    let all = [&NARROW[..], &[LIST]].concat();
    for permissions in [&NARROW[..], &all] {
        let files = shop_files(permissions).await;
        let visit = Visit::to(&files, "network = \"regtest\"\n");
        for name in [
            "lnd",
            "lnd wallet",
            "lnd macaroon",
            "lnd network",
            "lnd chain",
            "inbound capacity",
        ] {
            visit.check(name).is("green", "", "");
        }
        assert_eq!(visit.code, Some(0));
    }
    let (code, table) = Visit::run(&shop_files(&all).await, "", &[]);
    assert_eq!(code, Some(0));
    for name in ["backup", "disk", "inotify", "clock", "landlock", "seccomp"] {
        assert!(table.contains(name), "{name}: {table}");
    }
    assert!(
        table
            .lines()
            .take(6)
            .all(|line| line.starts_with("green   "))
    );
}

#[tokio::test]
async fn the_way_to_the_node_is_looked_at_first() {
    let pair = pair().await;
    let mut files = shop_files(&NARROW).await;
    files.put_certificate(pair.buyer());
    let visit = Visit::to(&files, "");
    visit
        .check("lnd")
        .is("red", "another certificate", "copy LND's tls.cert");
    visit.check("lnd wallet").is("yellow", "not looked at", "");
    visit
        .check("lnd macaroon")
        .is("yellow", "its text is right", "");
    visit
        .check("inbound capacity")
        .is("yellow", "not looked at", "");
    assert_eq!(visit.code, Some(1));

    std::fs::remove_file(files.certificate()).unwrap();
    let visit = Visit::to(&files, "");
    visit
        .check("lnd")
        .is("red", "cannot read", "readable for Satreel");
    files.put_certificate(pair.shop());
    files.address = "https://127.0.0.1:1".into();
    let visit = Visit::to(&files, "");
    visit
        .check("lnd")
        .is("red", "Connection refused", "is LND running");
    let (code, table) = Visit::run(&files, "", &[]);
    assert_eq!(code, Some(1));
    assert!(table.contains("→ is LND running"), "{table}");
}

#[tokio::test]
async fn a_wallet_that_is_closed_is_named() {
    let node = pair().await.bare("closed").await.unwrap();
    let mut files = shop_files(&NARROW).await;
    files.put_certificate(&node);
    files.address = node.address();
    let visit = Visit::to(&files, "");
    visit.check("lnd").is("green", "answers at", "");
    visit
        .check("lnd wallet")
        .is("red", "there is none", "lncli create");
    assert_eq!(visit.code, Some(1));
    node.create_wallet().await.unwrap();
    node.stop().await.unwrap();
    node.start_closed().await.unwrap();
    let visit = Visit::to(&files, "");
    visit
        .check("lnd wallet")
        .is("red", "locked", "lncli unlock");
}

#[tokio::test]
async fn a_macaroon_is_compared_with_what_is_needed() {
    let line = "lncli --network regtest bakemacaroon --save_to satreel.macaroon invoices:read";
    let found = |files: &Files| Visit::to(files, "network = \"regtest\"\n").check("lnd macaroon");
    let files = shop_files(&NARROW[1..]).await;
    let visit = Visit::to(&files, "");
    visit
        .check("lnd macaroon")
        .is("red", "lacks invoices:read", line);
    assert_eq!(visit.code, Some(1));

    // LND's own, ready-made ones.
    let admin = std::fs::read(pair().await.shop().admin_macaroon()).unwrap();
    files.put_macaroon(&admin);
    let visit = Visit::to(&files, "");
    visit
        .check("lnd macaroon")
        .is("yellow", "offchain:write", line);
    assert_eq!(visit.code, Some(0));
    let shop = pair().await.shop();
    let invoice = shop.admin_macaroon().with_file_name("invoice.macaroon");
    files.put_macaroon(&std::fs::read(invoice).unwrap());
    found(&files).is(
        "red",
        "lacks info:read, uri:/lnrpc.Lightning/ChannelBalance",
        line,
    );

    files.put_macaroon(b"nonsense");
    found(&files).is("red", "no macaroon of LND's", "bakemacaroon");
    let strange = pair().await.buyer().bake(&NARROW).await.unwrap();
    files.put_macaroon(&strange);
    found(&files).is("red", "does not take the macaroon", "bakemacaroon");
    std::fs::remove_file(files.macaroon()).unwrap();
    found(&files).is("red", "cannot read the macaroon", "bakemacaroon");
}

/// The line that is printed, given to the real `lncli`.
#[tokio::test]
async fn the_printed_line_makes_the_right_macaroon() {
    let files = shop_files(&[("info", "read")]).await;
    let remedy = Visit::to(&files, "").check("lnd macaroon").remedy;
    let arguments = remedy.strip_prefix("lncli ").unwrap();
    let shop = pair().await.shop();
    let made = lncli(shop)
        .args(arguments.split(' '))
        .current_dir(files.macaroon().parent().unwrap())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let visit = Visit::to(&files, "");
    let macaroon = visit.check("lnd macaroon");
    macaroon.is("green", "what Satreel needs and no more", "");
    assert_eq!(visit.code, Some(0));
}

fn lncli(node: &Node) -> Command {
    let mut command = Command::new(lnd_pair::programs().unwrap().join("lncli"));
    command
        .arg(format!(
            "--rpcserver={}",
            &node.address()["https://".len()..]
        ))
        .arg(format!("--lnddir={}", node.folder().display()));
    command
}

#[tokio::test]
async fn the_wrong_network_and_empty_channels_are_red() {
    let files = shop_files(&NARROW).await;
    let visit = Visit::to(&files, "network = \"signet\"\n");
    let network = visit.check("lnd network");
    network.is(
        "red",
        "is on regtest, the site takes signet",
        "payments.lnd.network",
    );
    assert_eq!(visit.code, Some(1));

    let lone = pair().await.lone("without-channels").await.unwrap();
    let visit = Visit::to(&Files::of(&lone).await, "");
    visit.check("lnd network").is("green", "regtest", "");
    visit
        .check("inbound capacity")
        .is("red", "can arrive", "open a channel");
    assert_eq!(visit.code, Some(1));
    let dear = "[offers]\ntiers = [{ tier = \"own\", sat = 6000000 }]\n";
    let visit = Visit::to(&files, dear);
    let inbound = visit.check("inbound capacity");
    inbound.is("yellow", "costs 6,000,000", "open a channel");
    assert_eq!(visit.code, Some(0));

    // A single title is as good a reason.
    let data = files.macaroon().with_file_name("data");
    let title = |state: &str| {
        let folder = data.join("titles/00ff10a9bcdef012");
        std::fs::create_dir_all(&folder).unwrap();
        let tiers = r#"[{"tier": "own", "sat": 7000000}]"#;
        let text = format!(r#"{{"name": "Dear", "state": "{state}", "tiers": {tiers}}}"#);
        std::fs::write(folder.join("title.json"), text).unwrap();
        Visit::to(&files, "").check("inbound capacity")
    };
    title("published").is("yellow", "costs 7,000,000", "open a channel");
    title("hidden").is("green", "can arrive", "");

    // Sales as of late would use it up within a day.
    let record = data.join("ledger.db");
    let made = satreel::ledger::Ledger::open(&record).await.unwrap();
    made.close().await;
    Visit::to(&files, "")
        .check("inbound capacity")
        .is("green", "can arrive; the", "");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    rusqlite::Connection::open(&record)
        .unwrap()
        .execute(
            "INSERT INTO sales (reference, order_code, title, tier, price_sat, received_msat, \
             settled_at, subject, marked) VALUES ('r', 'c', 't', 'own', 1, 70000000000, ?1, 's', 0)",
            [i64::try_from(now).unwrap() - 3600],
        )
        .unwrap();
    Visit::to(&files, "").check("inbound capacity").is(
        "yellow",
        "enough for 0 days of sales",
        "open a channel",
    );
}
