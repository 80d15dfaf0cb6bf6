//! Films for programs: challenge, payment, redirect, and what is refused.

use satreel_config::Config;
use serde_json::{Value, json};

use crate::site::{
    Answer, FILM, FREE, OTHER, START, Site, data_folder, satreel, wait_until, write_title,
};

fn path(title: &str) -> String {
    format!("/l402/{title}/master.m3u8")
}

fn challenge(site: &Site, path: &str) -> Value {
    let answer = site.client.get(path);
    assert_eq!(answer.status, 402, "{}", answer.text());
    assert_eq!(answer.slug(), "payment-required");
    answer.json()
}

fn pay(site: &Site, challenge: &Value) -> String {
    let body = json!({"payment_request": challenge["payment_request"]});
    let paid = site.client.post("/wallet/pay", &body);
    assert_eq!(paid.status, 200, "{}", paid.text());
    let preimage = paid.json()["preimage"]
        .as_str()
        .expect("a preimage")
        .to_owned();
    format!(
        "{}:{preimage}",
        challenge["macaroon"].as_str().expect("a macaroon")
    )
}

fn with(site: &Site, path: &str, authorization: &str) -> Answer {
    site.client
        .send("GET", path, &[("authorization", authorization)], b"")
}

fn assert_plays(site: &Site, answer: &Answer, title: &str) {
    assert_eq!(answer.status, 307, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let location = answer.header("location");
    assert!(
        location.starts_with("/m/") && location.ends_with(&format!("/{title}/master.m3u8")),
        "{location}"
    );
    assert_eq!(site.client.get(location).status, 200);
    let last = location.replace("master.m3u8", "v720-9.m4s");
    assert_eq!(site.client.get(&last).status, 200, "the whole film");
}

#[test]
fn a_program_pays_and_plays() {
    let site = Site::open();
    let answer = site.client.get(&path(FILM));
    let headers: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(headers.len(), 2);
    let challenge = answer.json();
    let (macaroon, invoice) = (
        challenge["macaroon"].as_str().expect("text"),
        challenge["payment_request"].as_str().expect("text"),
    );
    assert_eq!(
        headers[0],
        &format!(
            "L402 version=\"0\", token=\"{macaroon}\", macaroon=\"{macaroon}\", invoice=\"{invoice}\""
        )
    );
    assert_eq!(
        headers[1],
        &format!("LSAT macaroon=\"{macaroon}\", invoice=\"{invoice}\"")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        (
            &challenge["amount_sat"],
            &challenge["tier"],
            &challenge["hours"]
        ),
        (&json!(100), &json!("rent"), &json!(24)),
        "the cheapest"
    );
    assert_eq!(challenge["tiers"][1]["tier"], "own");
    assert!(
        challenge["documentation"][0]
            .as_str()
            .expect("a URL")
            .ends_with("/.well-known/l402.json")
    );

    let proof = pay(&site, &challenge);
    for scheme in ["L402", "LSAT", "l402"] {
        assert_plays(
            &site,
            &with(&site, &path(FILM), &format!("{scheme} {proof}")),
            FILM,
        );
    }
    // Recorded as a sale like every other.
    let data = site.data.display().to_string();
    wait_until("the record", || {
        let (_, sales, _) = satreel(&["sales", "--data", &data, "--json"]);
        sales.contains(FILM)
    });
}

#[test]
fn asking_again_gives_the_same_invoice_until_it_is_paid_or_nearly_over() {
    let site = Site::open();
    let first = challenge(&site, &path(FILM));
    assert_eq!(challenge(&site, &path(FILM)), first);
    let own = challenge(&site, &format!("{}?tier=own", path(FILM)));
    assert_ne!(own["payment_request"], first["payment_request"]);
    assert_eq!(own["amount_sat"], 3000);
    assert_ne!(
        challenge(&site, &path(OTHER))["payment_request"],
        first["payment_request"]
    );
    assert_eq!(challenge(&site, &path(FILM)), first);

    pay(&site, &first);
    let second = challenge(&site, &path(FILM));
    assert_ne!(
        second["payment_request"], first["payment_request"],
        "a paid one can't be paid again"
    );
    site.clock.advance(14 * 60);
    let third = challenge(&site, &path(FILM));
    assert_ne!(
        third["payment_request"], second["payment_request"],
        "too little time was left"
    );

    write_title(
        &site.data,
        FILM,
        &json!({"name": "The Film", "tiers": [{"tier": "own", "sat": 70}]}),
    );
    wait_until("the new price", || {
        challenge(&site, &path(FILM))["amount_sat"] == 70
    });
}

#[test]
fn many_at_once_share_one_invoice() {
    let site = Site::open();
    let asking: Vec<_> = (0..16)
        .map(|_| {
            let client = site.client.clone();
            std::thread::spawn(move || client.get(&path(FILM)).json()["payment_hash"].clone())
        })
        .collect();
    let hashes: Vec<_> = asking
        .into_iter()
        .map(|one| one.join().expect("an answer"))
        .collect();
    assert!(
        hashes
            .iter()
            .all(|hash| *hash == hashes[0] && hash.is_string()),
        "{hashes:?}"
    );
}

#[test]
fn segments_never_make_invoices() {
    let site = Site::open();
    for file in [
        "v720.m3u8",
        "v720-0.m4s",
        "v720-init.mp4",
        "",
        "title.json",
        "../x/master.m3u8",
    ] {
        let answer = site.client.get(&format!("/l402/{FILM}/{file}"));
        assert_eq!(answer.status, 404, "{file}");
        assert_eq!(answer.header("www-authenticate"), "", "{file}");
    }
    for unknown in [
        "/l402/0000000000000000/master.m3u8",
        "/l402/film/master.m3u8",
    ] {
        assert_eq!(site.client.get(unknown).slug(), "unknown-title");
    }
    let tier = site.client.get(&format!("{}?tier=gift", path(FILM)));
    assert_eq!((tier.status, tier.slug().as_str()), (422, "not-on-offer"));
}

#[test]
fn free_films_are_for_the_asking() {
    let site = Site::open();
    assert_plays(&site, &site.client.get(&path(FREE)), FREE);
}

#[test]
fn malformed_and_forged_are_401_and_unpaid_is_402() {
    let site = Site::open();
    let first = challenge(&site, &path(FILM));
    let macaroon = first["macaroon"].as_str().expect("a macaroon");
    let zeros = "00".repeat(32);
    let foreign = {
        let other = Site::open();
        let challenge = challenge(&other, &path(FILM));
        pay(&other, &challenge)
    };
    for text in [
        "L402".to_owned() + " ",
        "L402 x".to_owned(),
        format!("L402 {macaroon}"),
        format!("L402 {macaroon}:zz"),
        format!("L402 {macaroon}:{zeros}"),
        format!("LSAT ????:{zeros}"),
        format!("L402 {foreign}"),
    ] {
        let answer = with(&site, &path(FILM), &text);
        if text == "L402 " {
            assert_eq!(answer.status, 402, "no credentials at all");
            continue;
        }
        assert_eq!(
            (answer.status, answer.slug().as_str()),
            (401, "bad-authorization"),
            "{text}"
        );
        assert_eq!(answer.header("www-authenticate"), "L402 version=\"0\"");
    }
    // Other schemes are other addresses' business.
    assert_eq!(with(&site, &path(FILM), "Bearer abc").status, 402);
    assert_eq!(challenge(&site, &path(FILM)), first);
}

#[test]
fn an_authorization_opens_its_film_for_its_time() {
    let site = Site::open();
    let proof = format!("L402 {}", pay(&site, &challenge(&site, &path(FILM))));
    let other = with(&site, &path(OTHER), &proof);
    assert_eq!(
        (other.status, other.slug().as_str()),
        (402, "payment-required")
    );
    assert!(
        other.json()["detail"]
            .as_str()
            .expect("words")
            .starts_with("this authorization is for another film. ")
    );
    // Counted from the payment: the challenge was made a while before.
    site.clock.advance(24 * 3600 - 1);
    assert_plays(&site, &with(&site, &path(FILM), &proof), FILM);
    site.clock.advance(1);
    let over = with(&site, &path(FILM), &proof);
    assert_eq!(over.status, 402);
    assert!(
        over.json()["detail"]
            .as_str()
            .expect("words")
            .contains("ran out")
    );
}

#[test]
fn two_headers_are_taken_in_either_order() {
    let site = Site::open();
    let film = format!("L402 {}", pay(&site, &challenge(&site, &path(FILM))));
    let other = format!("LSAT {}", pay(&site, &challenge(&site, &path(OTHER))));
    for headers in [[&film, &other], [&other, &film]] {
        let headers = headers.map(|value| ("authorization", value.as_str()));
        let answer = site.client.send("GET", &path(FILM), &headers, b"");
        assert_plays(&site, &answer, FILM);
    }
}

#[test]
fn an_authorization_outlives_everything_but_its_key() {
    let folder = data_folder();
    let proof = {
        let site = Site::on(folder.path(), START);
        format!(
            "L402 {}",
            pay(
                &site,
                &challenge(&site, &format!("{}?tier=own", path(FILM)))
            )
        )
    };
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.path().join(format!("ledger.db{end}")));
    }
    let data = folder.path().display().to_string();
    let (code, rotated, _) = satreel(&["keys", "rotate", "--data", &data]);
    assert_eq!(code, 0, "{rotated}");
    {
        let site = Site::on(folder.path(), START);
        assert_plays(&site, &with(&site, &path(FILM), &proof), FILM);
    }
    let (_, list, _) = satreel(&["keys", "list", "--data", &data, "--json"]);
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let keys = list["keys"].as_array().expect("keys");
    let old = keys
        .iter()
        .find(|key| key["state"] == "verifying")
        .expect("the older");
    let (code, _, fault) = satreel(&[
        "keys",
        "retire",
        old["id"].as_str().expect("an id"),
        "--data",
        &data,
    ]);
    assert_eq!(code, 0, "{fault}");
    let site = Site::on(folder.path(), START);
    let refused = with(&site, &path(FILM), &proof);
    assert_eq!(refused.status, 401);
    assert!(refused.text().contains("retired"), "{}", refused.text());
}

#[test]
fn a_pass_opens_every_film() {
    let folder = data_folder();
    let mut config = Config::demo(folder.path());
    config.offers.tiers = vec![satreel_hls::title::Tier {
        tier: satreel_hls::title::TierKind::Pass,
        sat: 5000,
        hours: Some(720),
    }];
    let site = Site::with(config, START);
    let proof = format!("L402 {}", pay(&site, &challenge(&site, &path(FILM))));
    assert_plays(&site, &with(&site, &path(OTHER), &proof), OTHER);
}

#[test]
fn the_discovery_explains_itself() {
    let site = Site::open();
    let document = site.client.get("/.well-known/l402.json");
    assert_eq!(
        (document.status, document.header("content-type")),
        (200, "application/json")
    );
    let document = document.json();
    assert_eq!(document["services"][0]["pattern"], "/l402/{id}/master.m3u8");
    assert!(
        document["steps"]
            .as_array()
            .is_some_and(|steps| steps.len() == 5)
    );
    let pattern = document["services"][0]["pattern"]
        .as_str()
        .expect("a pattern");
    assert_eq!(site.client.get(&pattern.replace("{id}", FILM)).status, 402);
}
