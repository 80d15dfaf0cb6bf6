//! Whatever a stranger sends: a clear refusal, no fault of ours, nothing changed.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::site::{FILM, Site};

/// Every endpoint that takes a body, with one that it takes.
fn endpoints() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "POST",
            "/api/orders",
            json!({"title": FILM, "tier": "rent"}),
        ),
        ("POST", "/api/tokens", json!({"ticket": "x"})),
        (
            "POST",
            "/api/tokens/recover",
            json!({"payment_request": "x", "preimage": "x"}),
        ),
        ("POST", "/api/grants", json!({"title": FILM})),
        ("POST", "/api/tips", json!({"amount_sat": 1})),
        ("PUT", "/api/purchases", json!({"tokens": []})),
        ("POST", "/wallet/pay", json!({"payment_request": "x"})),
    ]
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn bodies_that_are_no_bodies_are_refused() {
    let site = Site::open();
    for (method, path, good) in endpoints() {
        let send = |body: &[u8]| site.client.send(method, path, &[JSON], body);
        let mut latin = good.to_string().into_bytes();
        latin.extend(b"\xff\xfe");
        let long = json!({"title": "x".repeat(40 << 10)}).to_string();
        let deep = "[".repeat(10_000);
        for (body, expected) in [
            (&b""[..], 400),
            (b"{", 400),
            (b"nonsense", 400),
            (&latin, 400),
            (deep.as_bytes(), 400),
            (b"null", 422),
            (b"[]", 422),
            (b"{\"__proto__\": 1}", 422),
            (long.as_bytes(), 413),
        ] {
            let answer = send(body);
            let start = String::from_utf8_lossy(&body[..body.len().min(30)]).into_owned();
            let near =
                expected == 422 && answer.status == 400 || expected == 400 && answer.status == 422;
            assert!(
                answer.status == expected || near,
                "{method} {path} {start}: {} {}",
                answer.status,
                answer.text()
            );
            answer.slug();
        }
        let (name, value) = good
            .as_object()
            .and_then(|map| map.iter().next())
            .expect("a field");
        let doubled = format!("{{\"{name}\": {value}, \"{name}\": {value}}}");
        assert_eq!(
            send(doubled.as_bytes()).status,
            422,
            "{method} {path} doubled"
        );
        let mut unknown = good.clone();
        unknown["surprise"] = json!(1);
        assert_eq!(
            send(unknown.to_string().as_bytes()).status,
            422,
            "{method} {path} unknown"
        );
        let typeless = site
            .client
            .send(method, path, &[], good.to_string().as_bytes());
        assert_eq!(typeless.status, 415, "{method} {path} without a type");
    }
}

#[test]
fn values_out_of_range_are_refused_with_words() {
    let site = Site::open();
    let unknown = "ffffffffffffffff";
    for (path, body, status, slug) in [
        (
            "/api/orders",
            json!({"title": unknown, "tier": "rent"}),
            404,
            "unknown-title",
        ),
        (
            "/api/orders",
            json!({"title": "zz", "tier": "rent"}),
            422,
            "invalid",
        ),
        (
            "/api/orders",
            json!({"title": 7, "tier": "rent"}),
            422,
            "invalid",
        ),
        (
            "/api/orders",
            json!({"title": FILM, "tier": "steal"}),
            422,
            "not-on-offer",
        ),
        (
            "/api/orders",
            json!({"title": FILM, "tier": "pass"}),
            422,
            "not-on-offer",
        ),
        ("/api/orders", json!({"title": FILM}), 422, "invalid"),
        ("/api/tokens", json!({"ticket": ""}), 403, "bad-ticket"),
        (
            "/api/tokens",
            json!({"ticket": "ü".repeat(500)}),
            403,
            "bad-ticket",
        ),
        ("/api/tokens", json!({"ticket": null}), 422, "invalid"),
        ("/api/tips", json!({"amount_sat": 0}), 422, "invalid"),
        ("/api/tips", json!({"amount_sat": -1}), 422, "invalid"),
        ("/api/tips", json!({"amount_sat": 1.5}), 422, "invalid"),
        (
            "/api/tips",
            json!({"amount_sat": 100_000_001}),
            422,
            "invalid",
        ),
        ("/api/tips", json!({"amount_sat": u64::MAX}), 422, "invalid"),
        (
            "/api/tips",
            json!({"amount_sat": 1, "message": "x".repeat(281)}),
            422,
            "invalid",
        ),
        (
            "/api/tips",
            json!({"amount_sat": 1, "message": "\u{0}"}),
            422,
            "invalid",
        ),
        (
            "/api/tips",
            json!({"amount_sat": 1, "title": unknown}),
            404,
            "unknown-title",
        ),
        (
            "/api/grants",
            json!({"title": unknown}),
            404,
            "unknown-title",
        ),
        (
            "/api/grants",
            json!({"title": FILM, "session": "x"}),
            422,
            "invalid",
        ),
        (
            "/api/grants",
            json!({"title": FILM, "whole_timeline": "yes"}),
            422,
            "invalid",
        ),
    ] {
        let answer = site.client.post(path, &body);
        assert_eq!(
            (answer.status, answer.slug().as_str()),
            (status, slug),
            "{path} {body}"
        );
    }
    let too_many = json!({"tokens": vec!["x"; 101]}).to_string();
    let answer = site
        .client
        .send("PUT", "/api/purchases", &[JSON], too_many.as_bytes());
    assert_eq!(answer.status, 422);
}

#[test]
fn tokens_that_are_none_are_refused_for_the_right_reason() {
    let site = Site::open();
    let token = site.client.buy(FILM, "own")["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let body = json!({"title": FILM});
    let mut changed = token.clone().into_bytes();
    changed[40] = if changed[40] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).expect("text");
    let foreign = Site::open().client.buy(FILM, "own")["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    for bad in [&*changed, &*foreign, "x", &token[1..]] {
        let answer = site.client.grant(&body, Some(bad));
        assert_eq!(
            (answer.status, answer.slug().as_str()),
            (403, "bad-token"),
            "{bad}"
        );
    }
    for header in ["Basic abc", "Bearer", ""] {
        let headers = [JSON, ("authorization", header)];
        let text = body.to_string();
        let answer = site
            .client
            .send("POST", "/api/grants", &headers, text.as_bytes());
        assert_eq!(answer.status, 400, "{header:?}");
    }
    let twice = [
        JSON,
        ("authorization", "Bearer a"),
        ("authorization", "Bearer b"),
    ];
    let answer = site
        .client
        .send("POST", "/api/grants", &twice, body.to_string().as_bytes());
    assert_eq!(answer.status, 400);
}

#[test]
fn addresses_that_are_none_are_refused() {
    let site = Site::open();
    for (method, path, status) in [
        ("GET", "/api/titles/zz", 404),
        ("GET", "/api/titles/ffffffffffffffff", 404),
        ("GET", "/api/titles/%00", 404),
        ("GET", "/api/titles/%ff", 404),
        ("GET", "/api/titles?page=0", 422),
        ("GET", "/api/titles?page=-1", 400),
        ("GET", "/api/titles?page=x", 400),
        ("GET", "/api/titles?page=1&page=2", 400),
        ("GET", "/api/titles?pag=1", 400),
        ("GET", "/api/orders/x", 404),
        ("GET", "/api/orders/x/events", 404),
        ("GET", "/api/orders/x/qr.svg", 404),
        ("GET", "/api/orders", 405),
        ("DELETE", "/api/tokens", 405),
        ("GET", "/api/nothing", 404),
    ] {
        let answer = site.client.send(method, path, &[], b"");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        answer.slug();
    }
    let long = format!("/api/titles?q={}", "x".repeat(101));
    assert_eq!(site.client.get(&long).status, 422);
    for path in [
        "/w/zz",
        "/w/ffffffffffffffff",
        "/w/%ff",
        "/nothing",
        "/assets/..%2fmain.rs",
    ] {
        assert_eq!(site.client.get(path).status, 404, "{path}");
    }
}

#[test]
fn another_sites_page_cannot_spend_from_the_demo_wallet() {
    let site = Site::open();
    let order = site
        .client
        .post("/api/orders", &json!({"title": FILM, "tier": "rent"}))
        .json();
    let body = json!({"payment_request": order["payment_request"]}).to_string();
    let headers = [JSON, ("sec-fetch-site", "cross-site")];
    let answer = site
        .client
        .send("POST", "/wallet/pay", &headers, body.as_bytes());
    assert_eq!(answer.status, 403);
    let open = site.client.get(&format!(
        "/api/orders/{}",
        order["order"].as_str().expect("a name")
    ));
    assert_eq!(open.json()["state"], "open");
}

/// What the server says on one connection to requests that are sent one after the other.
fn said(site: &Site, requests: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(site.client.address()).expect("a connection");
    for request in requests {
        stream.write_all(request).expect("sent");
    }
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("an answer");
    said
}

/// Otherwise the refusal, or the next request on the connection, is lost in its reset.
#[test]
fn a_body_that_nobody_wants_does_not_break_the_connection() {
    let site = Site::open();
    let poster = format!("/api/studio/titles/{FILM}/poster");
    let body = vec![7; 600 << 10];
    let refused = |length: usize, more: &str| {
        format!("PUT {poster} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{more}\r\n")
    };
    let next = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    let answers = said(&site, &[refused(body.len(), "").as_bytes(), &body, next]);
    assert!(answers.starts_with("HTTP/1.1 401"), "{answers}");
    assert!(answers.contains("HTTP/1.1 200"), "{answers}");

    // Too much of it: it says that it closes. Nothing that is still to come is asked for.
    let mut long = vec![7; (1 << 20) + 1];
    let head = refused(1 << 30, "");
    long.splice(..0, head.bytes());
    for request in [long, refused(9, "expect: 100-continue\r\n").into_bytes()] {
        let answer = said(&site, &[&request]);
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
}
