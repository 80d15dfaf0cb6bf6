//! Limits per visitor and in total, open invoices bounded, and orders shown again.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use satreel_config::{Config, Limits};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::{Answer, FILM, OTHER, START, Site, data_folder, wait_until, write_title};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A site with these limits behind these proxies.
pub fn site(limits: Limits, proxies: &[&str]) -> (Site, TempDir) {
    let folder = data_folder();
    let mut config = Config::demo(folder.path());
    config.limits = limits;
    config.server.trusted_proxies = proxies
        .iter()
        .map(|range| range.parse().expect("a range"))
        .collect();
    (Site::with(config, START), folder)
}

fn order_of(site: &Site, tier: &str) -> Answer {
    site.client
        .post("/api/orders", &json!({"title": FILM, "tier": tier}))
}

fn order(site: &Site) -> Answer {
    order_of(site, "rent")
}

fn order_behind(site: &Site, forwarded: &str) -> u16 {
    let headers = [
        ("content-type", "application/json"),
        ("x-forwarded-for", forwarded),
    ];
    let body = json!({"title": FILM, "tier": "rent"}).to_string();
    let answer = site
        .client
        .send("POST", "/api/orders", &headers, body.as_bytes());
    answer.status
}

#[test]
fn too_many_orders_are_refused_with_a_time_to_come_back() {
    let (site, _folder) = site(Limits::default(), &[]);
    for _ in 0..9 {
        assert_eq!(order(&site).status, 201);
    }
    let tip = site.client.post("/api/tips", &json!({"amount_sat": 5}));
    assert_eq!(tip.status, 201, "a tip is an invoice too");
    let refused = order(&site);
    assert_eq!(
        (refused.status, refused.slug().as_str()),
        (429, "too-many-requests")
    );
    assert_eq!(refused.header("retry-after"), "2");
    let form = site
        .client
        .send("POST", &format!("/w/{FILM}/order"), &[FORM], b"tier=rent");
    assert_eq!((form.status, form.header("retry-after")), (429, "2"));
    assert!(form.text().contains("wait 2 s"), "{}", form.text());
    assert_eq!(
        order_behind(&site, "198.51.100.7"),
        429,
        "a visitor's word on his address counts for nothing"
    );
    site.clock.advance(2);
    assert_eq!(order(&site).status, 201);
    assert_eq!(order(&site).status, 429);
}

#[test]
fn behind_a_trusted_proxy_visitors_are_told_apart() {
    let (site, _folder) = site(Limits::default(), &["127.0.0.1"]);
    for _ in 0..10 {
        assert_eq!(order_behind(&site, "198.51.100.7"), 201);
    }
    assert_eq!(order_behind(&site, "198.51.100.7"), 429);
    assert_eq!(order_behind(&site, "203.0.113.1, 198.51.100.7"), 429);
    assert_eq!(order_behind(&site, "198.51.100.8"), 201);
    for number in 0..10 {
        let address = format!("2001:db8:0:7::{number:x}");
        assert_eq!(order_behind(&site, &address), 201);
    }
    assert_eq!(order_behind(&site, "2001:db8:0:7:ffff::1"), 429, "one /64");
    assert_eq!(order_behind(&site, "2001:db8:0:8::1"), 201);
}

#[test]
fn everybody_together_is_held_back_too() {
    let limits = Limits {
        all_orders_per_second: 5,
        ..Limits::default()
    };
    let (site, _folder) = site(limits, &["127.0.0.1"]);
    for number in 0..5 {
        assert_eq!(order_behind(&site, &format!("198.51.100.{number}")), 201);
    }
    assert_eq!(order_behind(&site, "198.51.100.9"), 503);
    site.clock.advance(1);
    assert_eq!(order_behind(&site, "198.51.100.9"), 201);
}

#[test]
fn guesses_at_receipts_and_tickets_are_slow() {
    let (site, _folder) = site(Limits::default(), &[]);
    let recover = || {
        let body = json!({"payment_request": "lnbc1", "preimage": "00"});
        site.client.post("/api/tokens/recover", &body)
    };
    for _ in 0..10 {
        assert_eq!(recover().status, 422);
    }
    let refused = recover();
    assert_eq!((refused.status, refused.header("retry-after")), (429, "60"));
    let redeem = || site.client.post("/api/tokens", &json!({"ticket": "x"}));
    for _ in 0..60 {
        assert_eq!(redeem().status, 403);
    }
    assert_eq!(redeem().status, 429);
    let (first, limit) = (redeem(), 300);
    assert_eq!(first.status, 429);
    for _ in 0..limit {
        assert_eq!(site.client.grant(&json!({"title": FILM}), None).status, 200);
    }
    assert_eq!(site.client.grant(&json!({"title": FILM}), None).status, 429);
    for _ in 0..limit {
        assert_eq!(site.client.get("/api/orders/x").status, 404);
    }
    for path in [
        "/api/orders/x",
        "/api/orders/x/qr.svg",
        "/api/orders/x/events",
    ] {
        assert_eq!(site.client.get(path).status, 429, "{path}");
    }
    assert_eq!(
        site.client.get("/api/titles").status,
        200,
        "reading is free"
    );
}

/// An event stream that stays open; its answer's status and the connection.
pub fn listen(site: &Site, order: &Value) -> (u16, TcpStream) {
    let mut stream = TcpStream::connect(site.client.address()).expect("connected");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("set");
    let path = format!(
        "/api/orders/{}/events",
        order["order"].as_str().expect("a name")
    );
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").expect("sent");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("an answer");
    let status = String::from_utf8_lossy(&head[9..]).parse();
    (status.expect("a status"), stream)
}

#[test]
fn a_visitor_has_so_many_event_streams_at_once() {
    let (site, _folder) = site(Limits::default(), &[]);
    let order = order(&site).json();
    let mut streams: Vec<_> = (0..20).map(|_| listen(&site, &order)).collect();
    assert!(streams.iter().all(|(status, _)| *status == 200));
    assert_eq!(listen(&site, &order).0, 429);
    streams.pop();
    wait_until("a place is free again", || {
        let (status, stream) = listen(&site, &order);
        streams.push((status, stream));
        status == 200
    });
}

fn state(site: &Site, order: &Value) -> Value {
    let path = format!("/api/orders/{}", order["order"].as_str().expect("a name"));
    site.client.get(&path).json()["state"].clone()
}

#[test]
fn the_oldest_abandoned_invoice_makes_room() {
    let limits = Limits {
        open_invoices: 3,
        ..Limits::default()
    };
    let (site, _folder) = site(limits, &[]);
    let orders: Vec<_> = (0..3).map(|_| order(&site).json()).collect();
    let waiting = listen(&site, &orders[0]);
    assert_eq!(order(&site).status, 201);
    assert_eq!(state(&site, &orders[0]), "open", "somebody waits for it");
    assert_eq!(state(&site, &orders[1]), "expired");
    assert_eq!(state(&site, &orders[2]), "open");

    // One that was paid is no longer open, and its buyer keeps what it bought.
    let paid = site.client.post(
        "/wallet/pay",
        &json!({"payment_request": orders[2]["payment_request"]}),
    );
    assert_eq!(paid.status, 200);
    assert_eq!(order(&site).status, 201);
    let token = site
        .client
        .post("/api/tokens", &json!({"ticket": orders[2]["ticket"]}));
    assert_eq!(token.status, 200);
    drop(waiting);
}

#[test]
fn where_everybody_waits_nobody_is_cancelled() {
    let limits = Limits {
        open_invoices: 2,
        ..Limits::default()
    };
    let (site, _folder) = site(limits, &[]);
    let orders: Vec<_> = (0..2).map(|_| order(&site).json()).collect();
    let _waiting: Vec<_> = orders.iter().map(|order| listen(&site, order)).collect();
    let refused = order(&site);
    assert_eq!((refused.status, refused.slug().as_str()), (503, "busy"));
    assert!(orders.iter().all(|order| state(&site, order) == "open"));
    // They ran out by themselves.
    site.clock.advance(15 * 60);
    assert_eq!(order(&site).status, 201);
}

fn order_with(site: &Site, title: &str, tier: &str, ticket: &Value) -> Answer {
    let body = json!({"title": title, "tier": tier, "ticket": ticket});
    site.client.post("/api/orders", &body)
}

#[test]
fn an_abandoned_order_is_shown_again() {
    let site = Site::open();
    let first = order(&site).json();
    let ticket = &first["ticket"];
    let again = order_with(&site, FILM, "rent", ticket);
    assert_eq!((again.status, &again.json()), (200, &first));
    // Something else, or no ticket of ours: a new one.
    for answer in [
        order_with(&site, FILM, "own", ticket),
        order_with(&site, OTHER, "rent", ticket),
        order_with(&site, FILM, "rent", &json!("nonsense")),
        order_with(&site, FILM, "rent", &Value::Null),
    ] {
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_ne!(answer.json()["order"], first["order"]);
    }
    site.clock.advance(13 * 60);
    assert_eq!(order_with(&site, FILM, "rent", ticket).status, 200);
    site.clock.advance(1);
    let short = order_with(&site, FILM, "rent", ticket);
    assert_eq!(short.status, 201, "less than two minutes are left");
    site.clock.advance(3600);
    assert_eq!(order_with(&site, FILM, "rent", ticket).status, 201);
}

#[test]
fn a_paid_order_and_another_price_are_not_shown_again() {
    let site = Site::open();
    let (paid, _) = site.client.pay(FILM, "rent");
    assert_eq!(order_with(&site, FILM, "rent", &paid["ticket"]).status, 201);
    let dear = order(&site).json();
    write_title(
        &site.data,
        FILM,
        &json!({"name": "The Film", "tiers": [{"tier": "rent", "hours": 24, "sat": 99}]}),
    );
    wait_until("the new price", || {
        let answer = order_with(&site, FILM, "rent", &dear["ticket"]);
        answer.status == 201 && answer.json()["amount_sat"] == 99
    });
}

#[test]
fn without_scripts_the_page_can_be_loaded_again() {
    let site = Site::open();
    let path = format!("/w/{FILM}/order");
    let first = site.client.send("POST", &path, &[FORM], b"tier=rent");
    let cookie = first.header("set-cookie").to_owned();
    for part in [
        &format!("Path={path}"),
        "Max-Age=900",
        "HttpOnly",
        "SameSite=Strict",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let sent = cookie.split(';').next().expect("a cookie").to_owned();
    let code = |page: &Answer| {
        let text = page.text();
        let (_, rest) = text.split_once("href=\"lightning:").expect("a link");
        rest.split('"').next().expect("a code").to_owned()
    };
    let with = |body: &[u8]| {
        let headers = [FORM, ("cookie", sent.as_str())];
        site.client.send("POST", &path, &headers, body)
    };
    assert_eq!(code(&with(b"tier=rent")), code(&first));
    assert_ne!(code(&with(b"tier=own")), code(&first));
}
