//! What Prometheus reads: that it counts what happens, where it is and where it is not.

use std::fs;

use satreel_config::{Config, Limits};
use serde_json::json;
use tempfile::TempDir;

use crate::floods::listen;
use crate::live::stage::Stage;
use crate::site::{Client, FILM, FREE, OTHER, START, Site, data_folder, wait_until, write_title};

/// The demo's site, with metrics on a free port.
fn site() -> (Site, TempDir) {
    let folder = data_folder();
    let mut config = Config::demo(folder.path());
    config.server.metrics = "127.0.0.1:0".parse().ok();
    config.limits = Limits {
        // Three at once.
        orders_per_minute: 9,
        ..Limits::default()
    };
    (Site::with(config, START), folder)
}

fn page(metrics: &Client) -> String {
    let answer = metrics.get("/metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    answer.text()
}

/// A sample's value; None: it is not there.
pub fn value(metrics: &Client, sample: &str) -> Option<u64> {
    let page = page(metrics);
    let mut lines = page.lines();
    let found = lines.find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.map(|value| value.parse().expect("a number"))
}

#[track_caller]
fn expect(metrics: &Client, samples: &[(&str, u64)]) {
    for (sample, expected) in samples {
        assert_eq!(value(metrics, sample), Some(*expected), "{sample}");
    }
}

#[test]
fn a_sale_moves_the_counters() {
    let (site, _folder) = site();
    let (client, metrics) = (&site.client, site.metrics.as_ref().expect("metrics"));
    wait_until("the past is taken in", || {
        value(metrics, "satreel_settlement_reconciled") == Some(1)
    });
    expect(
        metrics,
        &[
            ("satreel_payment_backend_up", 1),
            ("satreel_orders_total{outcome=\"created\"}", 0),
            ("satreel_settlements_total{outcome=\"recorded\"}", 0),
            ("satreel_gate_requests_total{answer=\"served\"}", 0),
            ("satreel_event_streams", 0),
        ],
    );

    let token = client.buy(FILM, "rent")["token"].clone();
    let film = client.grant(&json!({"title": FILM}), token.as_str()).json();
    let gift = client.grant(&json!({"title": FREE}), None);
    let preview = client.grant(&json!({"title": OTHER}), None).json();
    assert_eq!(gift.status, 200);
    let master = film["master_url"].as_str().expect("a URL");
    assert_eq!(client.get(master).status, 200);
    let beyond = preview["master_url"].as_str().expect("a URL");
    let beyond = beyond.replace("master.m3u8", "v720-9.m4s");
    assert_eq!(client.get(&beyond).status, 403);

    let order = json!({"title": FILM, "tier": "rent"});
    let first = client.post("/api/orders", &order).json();
    let again = json!({"title": FILM, "tier": "rent", "ticket": first["ticket"]});
    assert_eq!(client.post("/api/orders", &again).status, 200);
    assert_eq!(client.post("/api/orders", &order).status, 429);

    wait_until("the sale is recorded", || {
        value(metrics, "satreel_settlements_total{outcome=\"recorded\"}") == Some(1)
    });
    expect(
        metrics,
        &[
            ("satreel_orders_total{outcome=\"created\"}", 2),
            ("satreel_orders_total{outcome=\"reused\"}", 1),
            ("satreel_orders_total{outcome=\"refused_limit\"}", 1),
            ("satreel_orders_total{outcome=\"failed\"}", 0),
            ("satreel_grants_total{outcome=\"film\"}", 2),
            ("satreel_grants_total{outcome=\"preview\"}", 1),
            ("satreel_gate_requests_total{answer=\"served\"}", 1),
            ("satreel_gate_requests_total{answer=\"refused\"}", 1),
            ("satreel_gate_refusals_total{reason=\"beyond_preview\"}", 1),
            ("satreel_gate_refusals_total{reason=\"no_grant\"}", 0),
            ("satreel_settlement_delay_seconds_count", 1),
            ("satreel_playing_sessions", 1),
        ],
    );
    let sent = value(metrics, "satreel_media_bytes_total");
    let playlist = client.get(master).body.len() as u64;
    assert!(sent.is_some_and(|sent| sent >= playlist), "{sent:?}");
    let page = page(metrics);
    for hidden in [FILM, OTHER, "127.0.0.1", "The Film"] {
        assert!(!page.contains(hidden), "{hidden} in\n{page}");
    }
}

#[test]
fn who_waits_for_a_payment_is_counted_while_he_waits() {
    let (site, _folder) = site();
    let metrics = site.metrics.as_ref().expect("metrics");
    let order = site
        .client
        .post("/api/orders", &json!({"title": FILM, "tier": "rent"}))
        .json();
    let waiting = listen(&site, &order);
    assert_eq!(waiting.0, 200);
    expect(metrics, &[("satreel_event_streams", 1)]);
    drop(waiting);
    wait_until("who left is not counted", || {
        value(metrics, "satreel_event_streams") == Some(0)
    });
}

#[test]
fn the_dearest_price_is_that_of_all_titles() {
    let (site, folder) = site();
    let metrics = site.metrics.as_ref().expect("metrics");
    let dearest = || value(metrics, "satreel_dearest_tier_sat");
    let before = dearest().expect("the site's own prices");
    let title = |state: &str, sat: u64| {
        let tiers = json!([{"tier": "own", "sat": sat}]);
        let title = json!({"name": "Dear", "state": state, "tiers": tiers});
        write_title(folder.path(), "3333333333333333", &title);
    };
    title("published", 70_000_000);
    wait_until("the new title counts", || dearest() == Some(70_000_000));
    title("hidden", 70_000_000);
    wait_until("it is no longer sold", || dearest() == Some(before));
    assert_eq!(
        value(metrics, "satreel_inbound_sat"),
        None,
        "the built-in wallet takes whatever comes"
    );
}

#[test]
fn metrics_and_the_site_never_share_an_address() {
    let (site, _folder) = site();
    let metrics = site.metrics.as_ref().expect("metrics");
    assert_ne!(metrics.address(), site.client.address());
    let public = site.client.get("/metrics");
    assert_eq!(public.status, 404);
    assert!(!public.text().contains("satreel_build_info"));
    let named = metrics.address().to_string();
    let disguised = site
        .client
        .send("GET", "/metrics", &[("host", &named)], b"");
    assert_eq!(disguised.status, 404);
    for path in ["/", "/api/titles", "/healthz", "/m/x/y/master.m3u8"] {
        assert_eq!(metrics.get(path).status, 404, "{path}");
    }
    assert_eq!(metrics.send("POST", "/metrics", &[], b"x").status, 405);

    let without = Site::open();
    assert!(without.metrics.is_none(), "nobody asked for them");
    assert_eq!(without.client.get("/metrics").status, 404);
}

#[test]
fn what_goes_on_shows() {
    let (site, folder) = site();
    let metrics = site.metrics.as_ref().expect("metrics");
    expect(
        metrics,
        &[
            ("satreel_jobs{state=\"failed\"}", 0),
            ("satreel_broadcasts{standing=\"live\"}", 0),
        ],
    );
    let jobs = folder.path().join("jobs");
    fs::create_dir_all(&jobs).expect("a folder");
    for (name, state) in [("1", "failed"), ("2", "done"), ("3", "waiting")] {
        let text = json!({"id": name, "source": "/films/one.mp4", "state": state}).to_string();
        fs::write(jobs.join(format!("{name}.json")), text).expect("written");
    }
    let stage = Stage::begin(folder.path(), "news");
    stage.feel(
        &json!({"kbit_s": 4500, "frames_ks": 30_000, "keyframes_apart_ms": 8000,
        "dropped_frames": 0, "late_frames": 0, "drift_ms": 0, "jitter_ms": 3,
        "says": ["set the keyframe interval to 2 s"]}),
    );
    wait_until("it is on air", || {
        value(metrics, "satreel_broadcasts{standing=\"live\"}") == Some(1)
    });
    expect(
        metrics,
        &[
            ("satreel_jobs{state=\"failed\"}", 1),
            ("satreel_jobs{state=\"waiting\"}", 1),
            ("satreel_jobs{state=\"working\"}", 0),
            ("satreel_live_ingest_bytes_per_second", 562_500),
            ("satreel_live_ingest_ailing", 1),
            ("satreel_live_viewers", 0),
        ],
    );
    stage.stand("news", "away");
    wait_until("its publisher is away", || {
        value(metrics, "satreel_broadcasts{standing=\"away\"}") == Some(1)
    });
    expect(metrics, &[("satreel_live_ingest_bytes_per_second", 0)]);
    let page = page(metrics);
    assert!(!page.contains("news"), "{page}");
}
