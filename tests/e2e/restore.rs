//! A site that sold something is lost, and comes back on an empty machine out of one archive and the films.

use std::{fs, path::Path};

use satreel_archive::{Site, Target, make, restore};
use serde_json::{Value, json};

use crate::site::{Client, FILM, OTHER, Program, data_folder, satreel};

/// Everything of the titles but what the archive has: as a media disk that was left, or films made anew.
fn carry_films(from: &Path, to: &Path) {
    for title in fs::read_dir(from.join("titles")).expect("titles") {
        let title = title.expect("a title");
        let folder = to.join("titles").join(title.file_name());
        fs::create_dir_all(&folder).expect("made");
        for file in fs::read_dir(title.path()).expect("a title") {
            let file = file.expect("a file");
            if file.file_name() != "title.json" && file.file_name() != "poster.jpg" {
                fs::copy(file.path(), folder.join(file.file_name())).expect("copied");
            }
        }
    }
}

fn tokens(client: &Client, order: &Value) -> (u16, Value) {
    let answer = client.post("/api/tokens", &json!({"ticket": order["ticket"]}));
    (answer.status, answer.json())
}

/// The last segment: beyond every preview.
fn plays(client: &Client, title: &str, token: &Value) -> u16 {
    let grant = client.grant(&json!({"title": title}), token.as_str());
    assert_eq!(grant.status, 200, "{}", grant.text());
    let master = grant.json()["master_url"]
        .as_str()
        .expect("a URL")
        .to_owned();
    client
        .get(&master.replace("master.m3u8", "v720-9.m4s"))
        .status
}

#[test]
fn a_lost_site_comes_back_and_owes_nobody_anything() {
    let (lost, scratch) = (data_folder(), tempfile::tempdir().expect("a folder"));
    let server = Program::serve(lost.path());
    let (bought, preimage) = server.client.pay(FILM, "own");
    let (status, token) = tokens(&server.client, &bought);
    assert_eq!(status, 200, "{token}");
    // Paid, and the browser closed before it had its token.
    let (unredeemed, _) = server.client.pay(OTHER, "own");
    let site = Site {
        data: lost.path().to_owned(),
        keys: lost.path().join("keys.json"),
        config: Some(lost.path().join("satreel.toml")),
        scratch: scratch.path().to_owned(),
    };
    // While the server goes on.
    let archive = make(&site).expect("an archive").bytes;
    server.kill();

    let machine = tempfile::tempdir().expect("a folder");
    let data = machine.path().join("satreel");
    carry_films(lost.path(), &data);
    drop(lost);
    let summary = restore(
        &archive,
        &Target {
            data: data.clone(),
            replace: false,
        },
    )
    .expect("restored");
    assert_eq!(
        (summary.titles, summary.sales, summary.wallet),
        (3, true, true)
    );
    assert!(summary.without_film.is_empty(), "{summary:?}");
    let config = fs::read_to_string(summary.config.expect("a configuration")).expect("text");
    assert!(config.contains("name = \"Test\""), "{config}");

    let server = Program::serve(&data);
    let client = &server.client;
    assert_eq!(plays(client, FILM, &token["token"]), 200, "an old token");
    assert_eq!(
        tokens(client, &bought),
        (200, token.clone()),
        "an old ticket gives the same token"
    );
    let (status, late) = tokens(client, &unredeemed);
    assert_eq!(status, 200, "{late}");
    assert_eq!(plays(client, OTHER, &late["token"]), 200);
    let receipt = json!({"payment_request": bought["payment_request"], "preimage": preimage});
    let recovered = client.post("/api/tokens/recover", &receipt);
    assert_eq!(recovered.status, 200, "{}", recovered.text());
    assert_eq!(recovered.json()["subject"], token["subject"]);
    assert_eq!(plays(client, FILM, &recovered.json()["token"]), 200);
    let preview = client.grant(&json!({"title": FILM}), None).json();
    let beyond = preview["master_url"]
        .as_str()
        .expect("a URL")
        .replace("master.m3u8", "v720-9.m4s");
    assert_eq!(
        client.get(&beyond).status,
        403,
        "what is played above is played by right"
    );
    // It sells on.
    let next = client.buy(FILM, "rent");
    assert_eq!(plays(client, FILM, &next["token"]), 200);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");

    let (code, sales, said) = satreel(&["sales", "--json", "--data", &data.to_string_lossy()]);
    assert_eq!(code, 0, "{said}");
    let sales: Value = serde_json::from_str(&sales).expect("JSON");
    assert_eq!(
        sales["sales"].as_array().map(Vec::len),
        Some(3),
        "two old ones and a new one: {sales}"
    );
}
