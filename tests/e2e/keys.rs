//! Signing keys while servers run: rotated without anybody noticing, and retired after a leak.

use std::path::Path;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::site::{Client, FILM, Program, data_folder, satreel, wait_until};

/// The id of the key that signed a credential.
fn signer(credential: &Value) -> String {
    let text = credential.as_str().expect("a text");
    let bytes = URL_SAFE_NO_PAD.decode(text).expect("base64url");
    hex::encode(&bytes[2..6])
}

fn redeem(client: &Client, order: &Value) -> Value {
    let token = client.post("/api/tokens", &json!({"ticket": order["ticket"]}));
    assert_eq!(token.status, 200, "{}", token.text());
    token.json()
}

fn grant(client: &Client, bought: &Value) -> (u16, Value) {
    let answer = client.grant(&json!({"title": FILM}), bought["token"].as_str());
    (answer.status, answer.json())
}

/// Two servers on two disks that share the key file and nothing else, each with a node of its own.
struct Pair {
    one: tempfile::TempDir,
    _other: tempfile::TempDir,
    here: Program,
    there: Program,
}

impl Pair {
    fn new() -> Self {
        let (one, other) = (data_folder(), data_folder());
        let keys = one.path().join("keys.json");
        let here = Program::serve(one.path());
        let wallet = "backend = \"wallet\"\n";
        let there = Program::serve_with(other.path(), &keys, wallet);
        Self {
            one,
            _other: other,
            here,
            there,
        }
    }

    fn data(&self) -> String {
        self.one.path().to_string_lossy().into_owned()
    }

    fn signing(&self) -> String {
        keys(self.one.path(), "signing")
    }
}

/// The first key in this state.
fn keys(data: &Path, state: &str) -> String {
    let data = data.to_string_lossy();
    let (_, listed, _) = satreel(&["keys", "list", "--json", "--data", &data]);
    assert!(!listed.contains("secret"), "{listed}");
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let keys = listed["keys"].as_array().expect("keys").clone();
    let found = keys.iter().find(|key| key["state"] == state);
    let id = found.and_then(|key| key["id"].as_str());
    id.unwrap_or_default().to_owned()
}

#[test]
fn a_rotation_is_noticed_by_nobody() {
    let pair = Pair::new();
    let (order, _) = pair.here.client.pay(FILM, "own");
    let before = redeem(&pair.here.client, &order);
    let old = pair.signing();
    assert_eq!(signer(&before["token"]), old);

    let rotating = std::thread::spawn({
        let data = pair.data();
        move || satreel(&["keys", "rotate", "--data", &data])
    });
    // All the while: what one server signs, the other takes.
    let mut signers = Vec::new();
    while !rotating.is_finished() || signers.last() == Some(&old) {
        let token = redeem(&pair.here.client, &order);
        let (status, granted) = grant(&pair.there.client, &token);
        assert_eq!(status, 200, "{granted}");
        let url = granted["master_url"].as_str().expect("a URL");
        assert_eq!(pair.here.client.get(url).status, 200, "a grant of there");
        assert_eq!(token["subject"], before["subject"]);
        signers.push(signer(&token["token"]));
    }
    let (code, out, said) = rotating.join().expect("rotated");
    assert_eq!(code, 0, "{said}");
    let new = pair.signing();
    assert!(out.contains(&new), "{out}");
    signers.dedup();
    assert_eq!(
        signers,
        [old.clone(), new.clone()],
        "first the one, then the other"
    );

    // What the old key signed stays good: token, ticket, order.
    assert_eq!(grant(&pair.there.client, &before).0, 200);
    let state = format!("/api/orders/{}", order["order"].as_str().expect("a name"));
    assert_eq!(pair.here.client.get(&state).json()["state"], "settled");
    let data = pair.data();
    assert_eq!(
        satreel(&["keys", "retire", &new, "--data", &data]).0,
        1,
        "it signs"
    );
}

#[test]
fn copies_of_the_file_rotate_in_steps() {
    let folder = data_folder();
    let data = folder.path().to_string_lossy().into_owned();
    let server = Program::serve(folder.path());
    server.kill();
    let old = keys(folder.path(), "signing");
    let (code, out, said) = satreel(&["keys", "rotate", "--prepare", "--data", &data]);
    let new = keys(folder.path(), "verifying");
    assert_eq!((code, out.contains(&new)), (0, true), "{said}");
    assert_eq!(keys(folder.path(), "signing"), old);
    assert_eq!(satreel(&["keys", "sign", &new, "--data", &data]).0, 0);
    assert_eq!(keys(folder.path(), "signing"), new);
    assert_eq!(satreel(&["keys", "retire", &old, "--data", &data]).0, 0);
    let (code, _, said) = satreel(&["keys", "sign", &old, "--data", &data]);
    assert_eq!(
        (code, said.contains("never sign again")),
        (1, true),
        "{said}"
    );
}

#[test]
fn after_a_leak_buyers_restore_their_purchases_while_the_servers_run() {
    let pair = Pair::new();
    let (order, preimage) = pair.here.client.pay(FILM, "own");
    let bought = redeem(&pair.here.client, &order);
    let (_, granted) = grant(&pair.there.client, &bought);
    let running = granted["master_url"].as_str().expect("a URL");
    let (old, data) = (pair.signing(), pair.data());
    assert_eq!(satreel(&["keys", "rotate", "--now", "--data", &data]).0, 0);
    assert_eq!(satreel(&["keys", "retire", &old, "--data", &data]).0, 0);

    for server in [&pair.here, &pair.there] {
        wait_until("the key is retired", || {
            grant(&server.client, &bought).0 == 403
        });
        let (_, problem) = grant(&server.client, &bought);
        assert_eq!(problem["type"], "urn:satreel:problem:retired-key");
        assert_eq!(
            server.client.get(running).status,
            403,
            "what was playing stops"
        );
        let ticket = server
            .client
            .post("/api/tokens", &json!({"ticket": order["ticket"]}));
        assert_eq!(
            (ticket.status, ticket.slug().as_str()),
            (403, "retired-key")
        );
        let headers = [("content-type", "application/json")];
        let body = json!({"tokens": [bought["token"]]}).to_string();
        let held = server
            .client
            .send("PUT", "/api/purchases", &headers, body.as_bytes());
        assert_eq!(held.json()["rejected"][0]["retired"], true);
    }
    let receipt = json!({"payment_request": order["payment_request"], "preimage": preimage});
    let restored = pair.here.client.post("/api/tokens/recover", &receipt);
    assert_eq!(restored.status, 200, "{}", restored.text());
    let restored = restored.json();
    assert_eq!(
        restored["subject"], bought["subject"],
        "one purchase is one subject"
    );
    assert_eq!(signer(&restored["token"]), pair.signing());
    for server in [&pair.here, &pair.there] {
        assert_eq!(grant(&server.client, &restored).0, 200);
    }
}
