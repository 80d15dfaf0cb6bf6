//! What a machine does to a server: a clock that jumps, descriptors that run out.

use std::{net::TcpStream, process::Command};

use satreel::core::time::Timestamp;
use serde_json::json;

use crate::site::{FILM, Program, START, Site, data_folder};

/// Nobody who paid is shut out, nobody keeps more than was paid for once the clock is right again.
#[test]
fn a_clock_that_jumps_an_hour_either_way_costs_no_viewer_a_purchase() {
    const HOUR: u64 = 3600;
    let site = Site::open();
    let plays = |token: &str| {
        let grant = site.client.grant(&json!({"title": FILM}), Some(token));
        assert_eq!(grant.status, 200, "{}", grant.text());
        let grant = grant.json();
        let master = grant["master_url"].as_str().expect("a URL").to_owned();
        assert_eq!(site.client.get(&master).status, 200);
        grant["expires_at"].as_str().expect("a time").to_owned()
    };
    let before = site.client.buy(FILM, "rent");
    let before = before["token"].as_str().expect("a token");
    plays(before);
    site.clock.set(Timestamp::from_unix(START + HOUR));
    plays(before);
    let ahead = site.client.buy(FILM, "rent");
    let ahead = ahead["token"].as_str().expect("a token");
    plays(ahead);
    // Right again, and then an hour behind: what was bought "later" plays, too.
    site.clock.set(Timestamp::from_unix(START));
    plays(ahead);
    site.clock.set(Timestamp::from_unix(START - HOUR));
    for token in [before, ahead] {
        plays(token);
    }
    let behind = site.client.buy(FILM, "rent");
    site.clock.set(Timestamp::from_unix(START));
    plays(behind["token"].as_str().expect("a token"));
    site.clock.set(Timestamp::from_unix(START + 25 * HOUR));
    let ended = site.client.grant(&json!({"title": FILM}), Some(before));
    assert_eq!(
        (ended.status, ended.slug().as_str()),
        (403, "token-expired")
    );
}

/// New visitors wait while there are none, and come in as soon as there are.
#[test]
fn descriptors_that_are_used_up_end_nothing() {
    let folder = data_folder();
    let config = Program::config(
        folder.path(),
        &folder.path().join("keys.json"),
        "backend = \"wallet\"\n",
    );
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg("ulimit -n 64; exec \"$0\" serve --config \"$1\"")
        .arg(env!("CARGO_BIN_EXE_satreel"))
        .arg(config)
        .env("RUST_LOG", "info");
    let server = Program::start(command);
    let token = server.client.buy(FILM, "own");
    let crowd: Vec<_> = (0..80)
        .map(|_| TcpStream::connect(server.client.address()).expect("the kernel takes them"))
        .collect();
    crate::site::wait_until("the end of the descriptors", || {
        let log = server.log.lock().expect("the log");
        log.contains("could not accept a connection")
    });
    // Who is connected already goes on meanwhile.
    let grant = server
        .client
        .grant(&json!({"title": FILM}), token["token"].as_str());
    assert_eq!(grant.status, 200, "{}", grant.text());
    drop(crowd);
    let fresh = crate::site::Client::new(server.client.address());
    let master = grant.json()["master_url"]
        .as_str()
        .expect("a URL")
        .to_owned();
    assert_eq!(fresh.get(&master).status, 200);
    assert_eq!(fresh.buy(FILM, "rent")["tier"], "rent");
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
}
