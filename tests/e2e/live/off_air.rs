//! While nothing is on air a channel sells what is worth its price whatever comes.

use serde_json::{Value, json};

use super::stage::{ON_AIR, Stage, state};
use crate::site::{OTHER, Site, satreel, wait_until, write_title};
use crate::studio::Creator;

fn passes(site: &Site) -> Vec<Value> {
    let channel = site.client.get("/api/channels/news").json();
    let passes = channel["passes"].as_array().expect("passes");
    passes.iter().map(|pass| pass["id"].clone()).collect()
}

#[test]
fn a_pass_is_sold_for_what_it_is_worth_whatever_comes() {
    let site = Site::open();
    let data = site.data.to_str().expect("a path");
    assert_eq!(
        satreel(&["channel", "add", "news", "--ticket", "70", "--data", data]).0,
        0
    );
    let creator = Creator::at(&site);
    let settings = json!({"passes": [{"sat": 500, "hours": 24}, {"sat": 2000}]});
    assert_eq!(creator.change("news", &settings).status, 200);

    // A day would run out in the wait, and there is nothing to see in it.
    wait_until("priced", || passes(&site) == [json!("pass:news")]);
    let order = |body: Value| site.client.post("/api/orders", &body);
    for (body, status) in [
        (json!({"channel": "news", "tier": "pass:news:24"}), 422),
        (json!({"channel": "news", "tier": "rent"}), 422),
        (json!({"channel": "none", "tier": "pass:news"}), 404),
        (
            json!({"channel": "news", "title": OTHER, "tier": "pass:news"}),
            422,
        ),
        (json!({"tier": "pass:news"}), 422),
    ] {
        let refused = order(body.clone());
        assert_eq!(refused.status, status, "{body}: {}", refused.text());
    }
    let made = order(json!({"channel": "news", "tier": "pass:news"}));
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(
        (&made["amount_sat"], &made["tier"]),
        (&json!(2000), &json!("pass:news"))
    );
    let again = order(json!({"channel": "news", "tier": "pass:news", "ticket": made["ticket"]}));
    assert_eq!(
        (again.status, &again.json()["order"]),
        (200, &made["order"]),
        "the same one"
    );
    let request = json!({"payment_request": made["payment_request"]});
    assert_eq!(site.client.post("/wallet/pay", &request).status, 200);
    let token = site
        .client
        .post("/api/tokens", &json!({"ticket": made["ticket"]}))
        .json();
    assert_eq!(
        (&token["expires_at"], &token["tag"]),
        (&Value::Null, &json!("news"))
    );

    // With a recording there is something to see at once.
    write_title(
        &site.data,
        OTHER,
        &json!({"name": "Yesterday", "tags": ["news"]}),
    );
    wait_until("sold", || {
        passes(&site) == [json!("pass:news:24"), json!("pass:news")]
    });
    let day = order(json!({"channel": "news", "tier": "pass:news:24"}));
    assert_eq!((day.status, &day.json()["amount_sat"]), (201, &json!(500)));

    let _stage = Stage::begin(&site.data, "news");
    wait_until("on air", || state(&site) == "live");
    assert!(
        passes(&site).is_empty(),
        "the broadcast's own offers have them"
    );
    for title in [ON_AIR, OTHER] {
        let granted = site
            .client
            .grant(&json!({"title": title}), token["token"].as_str());
        assert_eq!(
            (granted.status, &granted.json()["full"]),
            (200, &json!(true))
        );
    }
}
