//! Films in the studio: seen, edited, hidden, published and taken down.

use serde_json::{Value, json};

use crate::site::{Answer, FILM, OTHER, Site, wait_until, write_title};
use crate::studio::Creator;

impl Creator {
    pub fn patch(&self, id: &str, etag: &str, changes: &Value) -> Answer {
        self.send(
            "PATCH",
            &format!("/api/studio/titles/{id}"),
            &[("content-type", "application/json"), ("if-match", etag)],
            changes.to_string().as_bytes(),
        )
    }

    pub fn title(&self, id: &str) -> Value {
        self.get(&format!("/api/studio/titles/{id}")).json()
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().expect("a text")
}

#[test]
fn every_title_is_listed_with_what_it_took() {
    let site = Site::open();
    let creator = Creator::at(&site);
    write_title(
        &site.data,
        OTHER,
        &json!({"name": "Another", "state": "hidden"}),
    );
    site.client.buy(FILM, "own");
    site.client.buy(FILM, "rent");
    wait_until("hidden", || creator.title(OTHER)["state"] == "hidden");
    let list = creator.get("/api/studio/titles").json();
    let titles = list["titles"].as_array().expect("titles");
    assert_eq!(titles.len(), 3);
    let film = titles
        .iter()
        .find(|title| title["id"] == FILM)
        .expect("the film");
    for (key, value) in [
        ("name", json!("The Film")),
        ("sales", json!(2)),
        ("received_sat", json!(3100)),
        ("owned", json!(1)),
        ("running", json!(1)),
        ("tiers", json!(null)),
        ("preview_s", json!(4)),
    ] {
        assert_eq!(film[key], value, "{key}");
    }
    assert_eq!(list["usual_tiers"].as_array().map(Vec::len), Some(2));
    let one = creator.get(&format!("/api/studio/titles/{FILM}"));
    assert_eq!(one.header("etag"), text(film, "etag"));
    // A rent that ran out runs no more.
    site.clock.advance(25 * 3600);
    assert_eq!(Creator::at(&site).title(FILM)["running"], 0);
}

#[test]
fn an_edit_is_seen_by_viewers_at_once() {
    let site = Site::open();
    let creator = Creator::at(&site);
    let before = creator.title(FILM);
    let changes = json!({"name": "Renamed", "tags": ["noir"], "preview_s": 2,
        "tiers": [{"tier": "own", "sat": 500}]});
    let answer = creator.patch(FILM, text(&before, "etag"), &changes);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_ne!(answer.header("etag"), text(&before, "etag"));
    assert_eq!(answer.json()["name"], "Renamed");
    wait_until("it is seen", || {
        let seen = site.client.get(&format!("/api/titles/{FILM}")).json();
        seen["name"] == "Renamed" && seen["tiers"][0]["sat"] == 500
    });
    let hidden = creator.patch(FILM, answer.header("etag"), &json!({"state": "hidden"}));
    assert_eq!(hidden.json()["state"], "hidden");
    let page = format!("/w/{FILM}");
    wait_until("it is hidden", || site.client.get(&page).status == 404);
    creator.patch(FILM, "*", &json!({"state": "published"}));
    wait_until("it is back", || site.client.get(&page).status == 200);
}

#[test]
fn conflicts_and_faults_have_words_and_fields() {
    let site = Site::open();
    let creator = Creator::at(&site);
    let seen = creator.title(FILM);
    let path = site.data.join("titles").join(FILM).join("title.json");
    std::fs::write(
        &path,
        r#"{"name": "By hand", "state": "published", "mine": 1}"#,
    )
    .expect("written");
    let lost = creator.patch(FILM, text(&seen, "etag"), &json!({"name": "Mine"}));
    assert_eq!((lost.status, lost.slug()), (412, "changed".to_owned()));
    let kept: Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
    assert_eq!(kept["name"], "By hand");

    let blind = creator.send(
        "PATCH",
        &format!("/api/studio/titles/{FILM}"),
        &[("content-type", "application/json")],
        b"{}",
    );
    assert_eq!(
        (blind.status, blind.slug()),
        (428, "condition-missing".to_owned())
    );
    for (changes, field) in [
        (json!({"name": "  "}), "name"),
        (json!({"tiers": [{"tier": "own", "sat": 0}]}), "tiers"),
        (json!({"state": "processing"}), "state"),
        (json!({"mine": 2}), "mine"),
    ] {
        let refused = creator.patch(FILM, "*", &changes);
        assert_eq!(
            (refused.status, refused.slug()),
            (422, "invalid".to_owned())
        );
        assert_eq!(refused.json()["field"], field);
    }
    let unknown = creator.patch("ffffffffffffffff", "*", &json!({}));
    assert_eq!(
        (unknown.status, unknown.slug()),
        (404, "unknown-title".to_owned())
    );
    assert_eq!(creator.patch("nonsense", "*", &json!({})).status, 404);
    // Keys that nobody here knows outlive an edit.
    let edited = creator.patch(FILM, "*", &json!({"year": 1962}));
    assert_eq!(edited.status, 200, "{}", edited.text());
    let kept: Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
    assert_eq!((&kept["mine"], &kept["year"]), (&json!(1), &json!(1962)));
}

#[test]
fn a_title_is_taken_down_with_what_is_left_said() {
    let site = Site::open();
    let creator = Creator::at(&site);
    site.client.buy(FILM, "own");
    let path = format!("/api/studio/titles/{FILM}");
    let blind = creator.send("DELETE", &path, &[], b"");
    assert_eq!(blind.status, 428);
    let etag = creator.title(FILM);
    let deleted = creator.send("DELETE", &path, &[("if-match", text(&etag, "etag"))], b"");
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    assert_eq!(deleted.json()["owned"], 1);
    assert!(
        deleted.json()["freed_bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 10_000)
    );
    assert!(text(&deleted.json(), "left").contains("sales record stays"));
    assert!(!site.data.join("titles").join(FILM).exists());
    wait_until("it is gone", || creator.get(&path).status == 404);
    assert_eq!(site.client.get(&format!("/w/{FILM}")).status, 404);
}
