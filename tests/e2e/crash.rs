//! kill -9 at the worst moment, and what the log gives away.

use serde_json::{Value, json};

use crate::site::{FILM, Program, data_folder, satreel};

#[test]
fn killed_between_settlement_and_answer_the_buyer_still_owns_it() {
    let folder = data_folder();
    let server = Program::serve(folder.path());
    let (order, _) = server.client.pay(FILM, "own");
    // The money is there; nobody has been told.
    server.kill();

    let server = Program::serve(folder.path());
    let token = server
        .client
        .post("/api/tokens", &json!({"ticket": order["ticket"]}));
    assert_eq!(token.status, 200, "{}", token.text());
    server.kill();

    let server = Program::serve(folder.path());
    let again = server
        .client
        .post("/api/tokens", &json!({"ticket": order["ticket"]}));
    assert_eq!(again.json(), token.json());
    let (code, _) = server.terminate();
    assert_eq!(code, Some(0));

    let data = folder.path().to_string_lossy().into_owned();
    let (code, sales, said) = satreel(&["sales", "--json", "--data", &data]);
    assert_eq!(code, 0, "{said}");
    let sales: Value = serde_json::from_str(&sales).expect("JSON");
    assert_eq!(
        sales["sales"].as_array().map(Vec::len),
        Some(1),
        "recorded once: {sales}"
    );
}

#[test]
fn the_log_gives_nothing_away() {
    let folder = data_folder();
    let server = Program::serve(folder.path());
    let client = &server.client;
    let order = client
        .post("/api/orders", &json!({"title": FILM, "tier": "rent"}))
        .json();
    let paid = client.post(
        "/wallet/pay",
        &json!({"payment_request": order["payment_request"]}),
    );
    let token = client
        .post("/api/tokens", &json!({"ticket": order["ticket"]}))
        .json();
    let grant = client
        .grant(&json!({"title": FILM}), token["token"].as_str())
        .json();
    assert_eq!(
        client
            .get(grant["master_url"].as_str().expect("a URL"))
            .status,
        200
    );
    client.post(
        "/api/tokens/recover",
        &json!({
            "payment_request": order["payment_request"], "preimage": paid.json()["preimage"],
        }),
    );
    // Refusals are logged more readily than successes.
    client.grant(
        &json!({"title": "1111111111111111"}),
        token["token"].as_str(),
    );
    client.post("/api/tokens", &json!({"ticket": token["token"]}));
    let keys = std::fs::read_to_string(folder.path().join("keys.json")).expect("keys");
    let keys: Value = serde_json::from_str(&keys).expect("JSON");
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("serving"), "the log was read: {log}");
    for (what, secret) in [
        ("ticket", &order["ticket"]),
        ("token", &token["token"]),
        ("grant", &grant["grant"]),
        ("preimage", &paid.json()["preimage"]),
        ("signing key", &keys["keys"][0]["secret"]),
    ] {
        let secret = secret.as_str().expect(what);
        assert!(!log.contains(secret), "the log shows the {what}");
    }
}
