//! Tips on a channel: seen by its page and by its overlay where the creator wants it, and hidden.

use serde_json::{Value, json};

use super::stage::{Events, ON_AIR, on_air};
use crate::site::{START, Site};
use crate::studio::Creator;

/// Left and paid.
fn tip(site: &Site, mut tip: Value, sat: u64) {
    tip["amount_sat"] = json!(sat);
    let made = site.client.post("/api/tips", &tip);
    assert_eq!(made.status, 201, "{}", made.text());
    let request = json!({"payment_request": made.json()["payment_request"]});
    let paid = site.client.post("/wallet/pay", &request);
    assert_eq!(paid.status, 200, "{}", paid.text());
}

fn numbers(tips: &Value) -> Vec<u64> {
    let tips = tips.as_array().expect("tips");
    tips.iter()
        .map(|tip| tip["amount_sat"].as_u64().expect("a sum"))
        .collect()
}

#[test]
fn tips_are_seen_on_page_and_overlay_until_they_are_hidden() {
    let site = Site::open();
    let _stage = on_air(&site);
    let creator = Creator::at(&site);
    let opened = creator.send("POST", "/api/studio/channels/news/overlay", &[], b"");
    let url = opened.json()["url"]
        .as_str()
        .expect("an address")
        .to_owned();
    let path = url[url.find("/overlay/").expect("a path")..].to_owned();
    let page = site.client.get(&path);
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy");
    assert!(
        !policy.contains("unsafe") && policy.contains("default-src 'none'"),
        "{policy}"
    );
    assert_eq!(
        (
            page.header("cache-control"),
            page.header("set-cookie"),
            page.header("referrer-policy")
        ),
        ("no-store", "", "no-referrer")
    );

    let mut overlay = Events::open(&site.client, &format!("{path}/events"));
    assert_eq!(overlay.next(), json!({"tips": [], "goal": null}));
    tip(&site, json!({"title": ON_AIR, "message": "First"}), 100);
    assert_eq!(numbers(&overlay.next()["tips"]), [100]);
    // Nobody else sees it before the creator wants it; a goal counts what came before it was set.
    let mut viewer = Events::open(&site.client, "/api/channels/news/events");
    assert_eq!(viewer.next()["state"], "live");
    let since = satreel::core::time::Timestamp::from_unix(START - 60).to_string();
    let goal = json!({"sat": 1000, "words": "A lamp", "since": since});
    let changed = creator.change("news", &json!({"tips_on_page": true, "goal": goal}));
    assert_eq!(
        (changed.status, &changed.json()["overlay"]),
        (200, &json!(true))
    );
    assert!(!changed.text().contains("sha256"), "{}", changed.text());
    tip(&site, json!({"channel": "news", "message": "Second"}), 200);
    let mut tips = viewer.next();
    while numbers(&tips).len() < 2 {
        tips = viewer.next();
    }
    assert_eq!(numbers(&tips), [200, 100]);
    let mut board = overlay.next();
    while board["goal"]["got_sat"] != json!(300) {
        board = overlay.next();
    }
    assert_eq!(
        board["goal"],
        json!({"words": "A lamp", "sat": 1000, "got_sat": 300})
    );
    // One for the site, and one for another film, are none of this channel's.
    tip(&site, json!({"message": "Elsewhere"}), 400);
    tip(
        &site,
        json!({"title": crate::site::FILM, "message": "Elsewhere"}),
        800,
    );

    let report = creator.get("/api/studio/sales").json();
    let first = report["tips"].as_array().expect("tips").iter();
    let first = first
        .clone()
        .find(|tip| tip["message"] == "First")
        .expect("the first");
    assert_eq!(
        (&first["channel"], &first["hidden"]),
        (&json!("news"), &json!(false))
    );
    let second = report["tips"].as_array().expect("tips").iter();
    let second = second
        .clone()
        .find(|tip| tip["message"] == "Second")
        .expect("the second");
    assert_eq!(
        (&second["title"], &second["name"]),
        (&Value::Null, &json!("The News"))
    );
    let path_of = |number: &Value| format!("/api/studio/tips/{number}");
    let body = br#"{"hidden": true}"#;
    let json_type = [("content-type", "application/json")];
    let hidden = creator.send("PATCH", &path_of(&first["number"]), &json_type, body);
    assert_eq!(
        (hidden.status, &hidden.json()["hidden"]),
        (200, &json!(true))
    );
    assert_eq!(numbers(&viewer.next()), [200]);
    let board = overlay.next();
    assert_eq!(
        (numbers(&board["tips"]), &board["goal"]["got_sat"]),
        (vec![200], &json!(300))
    );
    let nobody = creator.send("PATCH", &path_of(&json!(99)), &json_type, body);
    assert_eq!(nobody.status, 404);
    let stranger = site
        .client
        .send("PATCH", &path_of(&first["number"]), &json_type, body);
    assert_eq!(stranger.status, 401);

    creator.change("news", &json!({"tips_on_page": false}));
    assert_eq!(viewer.next(), json!([]), "no more of them");
    // The address that was shown nothing is told any more.
    assert_eq!(
        creator
            .send("POST", "/api/studio/channels/news/overlay", &[], b"")
            .status,
        200
    );
    assert_eq!(site.client.get(&path).status, 404);
    for wrong in [
        "/overlay/news_00",
        "/overlay/none_00",
        "/overlay/x",
        "/overlay/news_00/events",
    ] {
        assert_eq!(site.client.get(wrong).status, 404, "{wrong}");
    }
    let unknown = json!({"amount_sat": 5, "channel": "none"});
    assert_eq!(site.client.post("/api/tips", &unknown).status, 404);
}
