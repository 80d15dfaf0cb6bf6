//! An outage is given back to whoever had paid: by the real server, on a clock of the test's own.

use serde_json::{Value, json};

use super::stage::{ON_AIR, on_air, state};
use crate::site::{START, Site, wait_until};

const DAYS_2: u64 = 48 * 3600;

fn time(seconds: u64) -> Value {
    json!(satreel::core::time::Timestamp::from_unix(START + seconds).to_string())
}

fn listed(site: &Site, token: &str) -> Value {
    let headers = [("content-type", "application/json")];
    let body = json!({"tokens": [token]}).to_string();
    let listed = site
        .client
        .send("PUT", "/api/purchases", &headers, body.as_bytes());
    listed.json()["purchases"][0].clone()
}

#[test]
fn an_outage_extends_what_was_rented() {
    let site = Site::open();
    let stage = on_air(&site);
    let early = site.client.buy(ON_AIR, "rent");
    let (text, end) = (early["token"].as_str().expect("a token"), DAYS_2);
    assert_eq!(
        (&early["expires_at"], &early["credit_s"]),
        (&time(end), &json!(0))
    );

    // Twelve minutes in the first day; a new server knows of it, too.
    stage.outages("news", "live", &[(600, Some(1320)), (2000, Some(2030))]);
    let file = site.data.join("channels/outages/news.json");
    wait_until("on record", || file.exists());
    site.clock.advance(3600);
    let late = site.client.buy(ON_AIR, "rent");
    assert_eq!(
        (&late["expires_at"], &late["credit_s"]),
        (&time(3600 + end), &json!(0)),
        "it was over when this one paid"
    );
    let grant = |token: &str| site.client.grant(&json!({"title": ON_AIR}), Some(token));
    let granted = grant(text).json();
    assert_eq!(
        (&granted["ends_at"], &granted["credit_s"]),
        (&time(end + 720), &json!(720))
    );
    let listed = listed(&site, text);
    assert_eq!(
        (&listed["expires_at"], &listed["credit_s"], &listed["state"]),
        (&time(end + 720), &json!(720), &json!("valid"))
    );

    // The broadcast and its folder go, the recording stays, and what was lost stays with it.
    site.clock.advance(end - 3600 + 719);
    assert_eq!(grant(text).status, 200);
    site.clock.advance(1);
    let refused = grant(text);
    assert_eq!(
        (refused.status, refused.slug().as_str()),
        (403, "token-expired")
    );

    // In the middle of an outage nobody's time runs out.
    let ends = 3600 + end;
    site.clock.advance(ends - (end + 720) - 5);
    let late = late["token"].as_str().expect("a token");
    stage.outages(
        "news",
        "away",
        &[(600, Some(1320)), (2000, Some(2030)), (ends - 5, None)],
    );
    wait_until("away", || state(&site) == "away");
    site.clock.advance(30);
    assert_eq!(grant(late).status, 200);
    stage.outages(
        "news",
        "live",
        &[
            (600, Some(1320)),
            (2000, Some(2030)),
            (ends - 5, Some(ends + 25)),
        ],
    );
    wait_until("back", || state(&site) == "live");
    assert_eq!(grant(late).status, 403, "thirty seconds are no outage");
}
