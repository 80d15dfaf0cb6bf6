//! Tips by Lightning address, and tips that outlive their record.

use std::fs;

use lightning_invoice::{Bolt11Invoice, Bolt11InvoiceDescriptionRef};
use satreel_config::Config;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::site::{Answer, FILM, START, Site, data_folder, satreel, wait_until};

fn site(data: &std::path::Path) -> Site {
    let mut config = Config::demo(data);
    config.tips.address = Some("tips".to_owned());
    config.tips.min_sat = 10;
    config.tips.max_sat = 5000;
    Site::with(config, START)
}

/// Only the part after the host: tests listen elsewhere than the site says.
fn path(url: &Value) -> String {
    let url = url.as_str().expect("a URL");
    let host = url.strip_prefix("http://").expect("a loopback URL");
    host[host.find('/').expect("a path")..].to_owned()
}

fn error(answer: &Answer) -> String {
    let json = answer.json();
    assert_eq!(json["status"], "ERROR");
    json["reason"].as_str().expect("a reason").to_owned()
}

fn tips(site: &Site) -> Vec<Value> {
    let data = site.data.display().to_string();
    let (code, out, fault) = satreel(&["sales", "--data", &data, "--json"]);
    assert_eq!(code, 0, "{fault}");
    let all: Value = serde_json::from_str(&out).expect("JSON");
    all["tips"].as_array().expect("tips").clone()
}

#[test]
fn a_wallet_tips_by_address() {
    let folder = data_folder();
    let site = site(folder.path());
    let offer = site.client.get("/.well-known/lnurlp/tips");
    assert_eq!(
        (offer.status, offer.header("access-control-allow-origin")),
        (200, "*")
    );
    let offer = offer.json();
    assert_eq!(offer["tag"], "payRequest");
    assert_eq!(
        (
            &offer["minSendable"],
            &offer["maxSendable"],
            &offer["commentAllowed"]
        ),
        (&json!(10_000), &json!(5_000_000), &json!(280))
    );
    let metadata = offer["metadata"].as_str().expect("text");
    let entries: Vec<[String; 2]> = serde_json::from_str(metadata).expect("JSON in JSON");
    assert_eq!(entries[0], ["text/plain", "A tip for Satreel"]);
    assert!(entries[1][1].starts_with("tips@"), "{entries:?}");

    let callback = path(&offer["callback"]);
    let answer = site.client.get(&format!(
        "{callback}?amount=12345&comment=Lovely%20%E2%98%80"
    ));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let request = answer["pr"].as_str().expect("BOLT11");
    let invoice: Bolt11Invoice = request.parse().expect("BOLT11");
    assert_eq!(invoice.amount_milli_satoshis(), Some(12_345));
    let Bolt11InvoiceDescriptionRef::Hash(hash) = invoice.description() else {
        panic!("the invoice commits to the metadata");
    };
    let hash: &[u8] = hash.0.as_ref();
    assert_eq!(hash, &Sha256::digest(metadata)[..]);
    assert_eq!(answer["routes"], json!([]));
    assert_eq!(
        answer["successAction"],
        json!({"tag": "message", "message": "Thank you. It arrived."})
    );

    let verify = path(&answer["verify"]);
    let state = site.client.get(&verify).json();
    assert_eq!(
        state,
        json!({"status": "OK", "settled": false, "preimage": null, "pr": request})
    );
    site.client
        .post("/wallet/pay", &json!({"payment_request": request}));
    assert_eq!(site.client.get(&verify).json()["settled"], true);
    wait_until("the record", || tips(&site).len() == 1);
    let tip = &tips(&site)[0];
    assert_eq!(tip["message"], "Lovely ☀", "{tip}");
}

#[test]
fn what_is_out_of_range_is_refused_in_the_wallets_words() {
    let folder = data_folder();
    let site = site(folder.path());
    for amount in [
        "",
        "amount=",
        "amount=9999",
        "amount=5000001",
        "amount=-1",
        "amount=1e5",
        "amount=99999999999999999999",
    ] {
        let answer = site.client.get(&format!("/lnurl/pay/tips?{amount}"));
        assert_eq!(answer.status, 200);
        assert_eq!(
            error(&answer),
            "amount: 10000 to 5000000 millisatoshi",
            "{amount}"
        );
    }
    let long = "a".repeat(281);
    let answer = site
        .client
        .get(&format!("/lnurl/pay/tips?amount=10000&comment={long}"));
    assert_eq!(error(&answer), "comment: at most 280 characters");
    let fine = site
        .client
        .get("/lnurl/pay/tips?amount=10000&nonce=1&payerdata=%7B%7D&comment=%00%07hi");
    assert!(fine.json()["pr"].is_string(), "{}", fine.text());
    for unknown in [
        "/.well-known/lnurlp/other",
        "/lnurl/pay/other?amount=10000",
        "/lnurl/pay/other/qr.svg",
        "/lnurl/verify/abc",
    ] {
        let answer = site.client.get(unknown);
        assert_eq!(answer.status, 404, "{unknown}");
        assert!(!error(&answer).is_empty());
    }
}

#[test]
fn a_site_without_an_address_has_none() {
    let site = Site::open();
    let answer = site.client.get("/.well-known/lnurlp/tips");
    assert_eq!(
        (answer.status, error(&answer).as_str()),
        (404, "nobody here has this address")
    );
    assert!(
        !site
            .client
            .get(&format!("/w/{FILM}"))
            .text()
            .contains("tips@")
    );
}

#[test]
fn the_page_names_the_address_and_shows_its_code() {
    let folder = data_folder();
    let site = site(folder.path());
    assert!(
        site.client
            .get(&format!("/w/{FILM}"))
            .text()
            .contains("\"lightning_address\":\"tips@")
    );
    let qr = site.client.get("/lnurl/pay/tips/qr.svg");
    assert_eq!(
        (qr.status, qr.header("content-type")),
        (200, "image/svg+xml")
    );
}

#[test]
fn tips_survive_a_deleted_ledger() {
    let folder = data_folder();
    {
        let site = site(folder.path());
        let body = json!({"amount_sat": 500, "title": FILM, "message": "Lovely"});
        let tip = site.client.post("/api/tips", &body).json();
        let by_address = site.client.get("/lnurl/pay/tips?amount=20000").json();
        for request in [&tip["payment_request"], &by_address["pr"]] {
            site.client
                .post("/wallet/pay", &json!({"payment_request": request}));
        }
        wait_until("both", || tips(&site).len() == 2);
    }
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(folder.path().join(format!("ledger.db{end}")));
    }
    let site = site(folder.path());
    let path = format!("/api/titles/{FILM}");
    wait_until("the figure", || {
        site.client.get(&path).json()["tips_sat"] == 500
    });
    wait_until("both again", || tips(&site).len() == 2);
    assert_eq!(tips(&site)[0]["message"], "", "the message was ours alone");
}
