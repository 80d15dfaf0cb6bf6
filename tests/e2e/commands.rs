//! The command line: exit codes, and words that say what to do.

use std::fs;

use serde_json::{Value, json};

use crate::site::{FILM, Program, data_folder, satreel, wait_until};

#[test]
fn a_wrong_configuration_names_every_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("satreel.toml");
    let path = file.to_string_lossy().into_owned();
    fs::write(&file, "[site]\nurl = \"http://localhost:1\"\ndata = \"x\"\n[server]\nlistem = \"127.0.0.1:1\"\ncache_mb = -3\n")
        .expect("written");
    for command in ["check", "serve"] {
        let (code, out, said) = satreel(&[command, "--config", &path]);
        assert_eq!((code, out.as_str()), (2, ""), "{said}");
        assert!(said.contains("satreel.toml:5: server.listem"), "{said}");
        assert!(said.contains("listen"), "the nearest known key: {said}");
        assert!(said.contains("satreel.toml:6: server.cache_mb"), "{said}");
    }
    fs::write(
        &file,
        "[site]\nurl = \"http://localhost:1\"\ndata = \"x\"\n[payments]\nbackend = \"wallet\"\n",
    )
    .expect("written");
    let (code, _, said) = satreel(&["check", "--config", &path]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        satreel(&["check", "--config", "/nowhere/satreel.toml"]).0,
        2
    );
    assert_eq!(satreel(&["check"]).0, 2);
    assert_eq!(satreel(&["dance"]).0, 2);
}

#[test]
fn the_built_in_wallet_never_meets_the_public() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let text = data.to_string_lossy().into_owned();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let (code, _, said) = satreel(&["demo", "--data", &text, "--listen", address]);
        assert_eq!(code, 2, "{address}: {said}");
        assert!(said.contains("server.listen"), "{said}");
        let (code, _, said) = satreel(&[
            "demo",
            "--data",
            &text,
            "--listen",
            "127.0.0.1:0",
            "--live",
            address,
        ]);
        assert_eq!(code, 2, "{address}: {said}");
        assert!(
            said.contains("--live: ") && said.contains("keep it on 127.0.0.1"),
            "{said}"
        );
    }
    let file = folder.path().join("satreel.toml");
    let path = file.to_string_lossy().into_owned();
    fs::write(&file, format!("[site]\nurl = \"https://films.example\"\ndata = {data:?}\n[payments]\nbackend = \"wallet\"\n"))
        .expect("written");
    let (code, _, said) = satreel(&["serve", "--config", &path]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("site.url"), "{said}");
    assert!(
        !data.exists(),
        "nothing was made for a site that may not run"
    );
}

#[test]
fn pay_pays_once_and_says_why_not() {
    let folder = data_folder();
    let data = folder.path().to_string_lossy().into_owned();
    let (code, _, said) = satreel(&["pay", "lnbc1x", "--data", &data]);
    assert_eq!(code, 1);
    assert!(said.contains("no server has run"), "{said}");

    let server = Program::serve(folder.path());
    let order = server
        .client
        .post("/api/orders", &json!({"title": FILM, "tier": "rent"}))
        .json();
    let request = order["payment_request"].as_str().expect("a request");
    let (code, _, said) = satreel(&["pay", request, "--sat", "99", "--data", &data]);
    assert_eq!(code, 1);
    assert!(said.contains("too little"), "{said}");
    let (code, out, said) = satreel(&["pay", request, "--json", "--data", &data]);
    assert_eq!(code, 0, "{said}");
    let paid: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(paid["amount_sat"], 100);
    let (_, again, _) = satreel(&["pay", request, "--json", "--data", &data]);
    assert_eq!(serde_json::from_str::<Value>(&again).expect("JSON"), paid);
    assert_eq!(satreel(&["pay", "nonsense", "--data", &data]).0, 1);
}

#[test]
fn a_denied_purchase_stops_at_once_and_goes_on_when_allowed() {
    let folder = data_folder();
    let data = folder.path().to_string_lossy().into_owned();
    let server = Program::serve(folder.path());
    let (bought, other) = (
        server.client.buy(FILM, "own"),
        server.client.buy(FILM, "rent"),
    );
    let subject = bought["subject"].as_str().expect("a subject");
    let ask = |bought: &Value| {
        let body = json!({"title": FILM});
        server.client.grant(&body, bought["token"].as_str())
    };
    let running = ask(&bought).json()["master_url"]
        .as_str()
        .expect("a URL")
        .replace("master.m3u8", "v720-5.m4s");
    assert_eq!(server.client.get(&running).status, 200);

    let (code, out, said) = satreel(&["deny", subject, "--note", "refunded", "--data", &data]);
    assert_eq!((code, out.contains(subject)), (0, true), "{said}");
    wait_until("the gate heard of it", || {
        server.client.get(&running).status == 403
    });
    let refused = ask(&bought);
    assert_eq!((refused.status, refused.slug().as_str()), (403, "denied"));
    assert_eq!(ask(&other).status, 200, "nobody else's");

    let (_, listed, _) = satreel(&["deny", "--list", "--json", "--data", &data]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed["denied"][0]["subject"], subject);
    assert_eq!(listed["denied"][0]["note"], "refunded");
    let (_, words, _) = satreel(&["deny", "--list", "--data", &data]);
    assert!(words.contains("refunded"), "{words}");

    assert_eq!(satreel(&["allow", subject, "--data", &data]).0, 0);
    wait_until("allowed again", || {
        server.client.get(&running).status == 200
    });
    assert_eq!(ask(&bought).status, 200);
    let (code, _, said) = satreel(&["allow", subject, "--data", &data]);
    assert_eq!((code, said.contains("is not denied")), (1, true), "{said}");
    for wrong in [
        &["deny", "--data", &data][..],
        &["deny", "xyz", "--data", &data],
        &["deny", "0000000000000000", "--data", &data],
        &["deny", subject],
        &["allow", "--data", &data],
    ] {
        assert_eq!(satreel(wrong).0, 2, "{wrong:?}");
    }
    assert_eq!(satreel(&["deny", subject, "--data", "/nowhere"]).0, 1);
}

#[test]
fn every_command_explains_itself() {
    for command in [
        "demo", "serve", "check", "pay", "keys", "sales", "deny", "allow",
    ] {
        let (code, out, _) = satreel(&[command, "--help"]);
        assert_eq!(code, 0);
        assert!(out.contains("Usage: satreel"), "{out}");
    }
    let (code, out, _) = satreel(&["--version"]);
    assert_eq!(
        (code, out.trim()),
        (0, concat!("satreel ", env!("CARGO_PKG_VERSION")))
    );
}
