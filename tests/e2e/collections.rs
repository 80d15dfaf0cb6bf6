//! Passes for all titles that carry a tag.

use satreel_config::{Collection, Config};
use serde_json::{Value, json};

use crate::site::{FILM, FREE, OTHER, START, Site, data_folder, satreel, wait_until, write_title};

/// A site that sells a pass for "Film noir" besides its usual tiers.
fn site() -> (Site, tempfile::TempDir) {
    let folder = data_folder();
    let title = json!({"name": "The Film", "preview_s": 4, "tags": ["short", "film NOIR"]});
    write_title(folder.path(), FILM, &title);
    let mut config = Config::demo(folder.path());
    config.offers.collections.push(Collection {
        tag: "Film noir".into(),
        sat: 500,
        hours: Some(720),
    });
    (Site::with(config, START), folder)
}

fn offer_ids(site: &Site, title: &str) -> Vec<Value> {
    let title = site.client.get(&format!("/api/titles/{title}")).json();
    let tiers = title["tiers"].as_array().expect("tiers").iter();
    tiers.map(|tier| tier["id"].clone()).collect()
}

fn watch(site: &Site, title: &str, bought: &Value) -> u16 {
    let body = json!({"title": title});
    site.client.grant(&body, bought["token"].as_str()).status
}

#[test]
fn a_pass_for_a_tag_opens_the_titles_that_carry_it() {
    let (site, _folder) = site();
    assert_eq!(
        offer_ids(&site, FILM),
        ["rent", "own", "pass:Film noir"].map(Value::from)
    );
    assert_eq!(offer_ids(&site, OTHER), ["rent", "own"].map(Value::from));
    assert!(offer_ids(&site, FREE).is_empty());
    let title = site.client.get(&format!("/api/titles/{FILM}")).json();
    let offer = &title["tiers"][2];
    assert_eq!(
        (&offer["tier"], &offer["tag"]),
        (&json!("pass"), &json!("Film noir"))
    );
    assert_eq!(offer["label"], "All films tagged Film noir, 30 days");
    let scopes = title["scopes"].as_array().expect("scopes");
    assert!(scopes.contains(&offer["scope"]), "{scopes:?}");

    let order = json!({"title": FILM, "tier": "pass:film noir"});
    let order = site.client.post("/api/orders", &order);
    assert_eq!(order.json()["tier"], "pass:Film noir", "{}", order.text());
    assert_eq!(order.json()["amount_sat"], 500);
    let bought = site.client.buy(FILM, "pass:Film noir");
    assert_eq!(
        (&bought["scope"], &bought["tier"], &bought["tag"]),
        (&offer["scope"], &json!("pass"), &json!("Film noir"))
    );
    assert_eq!(bought["title"], Value::Null);
    assert_eq!(watch(&site, FILM, &bought), 200);
    assert_eq!(watch(&site, OTHER, &bought), 403);

    // A title that gets the tag joins, and one that loses it leaves.
    write_title(
        &site.data,
        OTHER,
        &json!({"name": "Another", "tags": ["Film Noir"]}),
    );
    wait_until("joined", || watch(&site, OTHER, &bought) == 200);
    write_title(
        &site.data,
        FILM,
        &json!({"name": "The Film", "tags": ["short"]}),
    );
    wait_until("left", || watch(&site, FILM, &bought) == 403);
    assert_eq!(offer_ids(&site, FILM), ["rent", "own"].map(Value::from));

    let body = json!({"tokens": [bought["token"]]}).to_string();
    let headers = [("content-type", "application/json")];
    let purchases = site
        .client
        .send("PUT", "/api/purchases", &headers, body.as_bytes());
    let purchase = &purchases.json()["purchases"][0];
    assert_eq!(
        (&purchase["tag"], &purchase["title"]),
        (&json!("Film noir"), &Value::Null)
    );

    site.clock.advance(720 * 3600);
    assert_eq!(watch(&site, OTHER, &bought), 403, "its time ran out");
}

#[test]
fn what_is_not_on_offer_is_named() {
    let (site, _folder) = site();
    for (title, tier) in [
        (OTHER, "pass:Film noir"),
        (FILM, "pass"),
        (FILM, "pass:short"),
        (FILM, "rent:Film noir"),
        (FILM, "pass:"),
    ] {
        let answer = site
            .client
            .post("/api/orders", &json!({"title": title, "tier": tier}));
        assert_eq!(
            (answer.status, answer.slug().as_str()),
            (422, "not-on-offer")
        );
        let listed = answer.json()["detail"]
            .to_string()
            .contains("pass:Film noir");
        assert_eq!(listed, title == FILM, "{tier}");
    }
}

#[test]
fn a_collection_comes_back_from_the_wallet_and_stands_in_the_record() {
    let (site, folder) = site();
    let (order, preimage) = site.client.pay(FILM, "pass:Film noir");
    let redeemed = site
        .client
        .post("/api/tokens", &json!({"ticket": order["ticket"]}))
        .json();
    let receipt = json!({"payment_request": order["payment_request"], "preimage": preimage});
    let restored = site.client.post("/api/tokens/recover", &receipt);
    assert_eq!(restored.json(), redeemed, "the very same");

    let data = folder.path().to_string_lossy().into_owned();
    let mut sales = Value::Null;
    wait_until("recorded", || {
        let (_, out, _) = satreel(&["sales", "--json", "--data", &data]);
        sales = serde_json::from_str(&out).unwrap_or_default();
        sales["sales"]
            .as_array()
            .is_some_and(|sales| !sales.is_empty())
    });
    let sale = &sales["sales"][0];
    let scope = redeemed["scope"].as_str().expect("a scope");
    assert_eq!(sale["title"], Value::Null);
    assert_eq!(
        format!("tag:{}", sale["tag"].as_str().expect("a tag")),
        scope
    );
    let (_, csv, _) = satreel(&["sales", "--csv", "--data", &data]);
    assert!(csv.contains(scope), "{csv}");
}

#[test]
fn without_scripts_a_collection_plays_the_film_it_was_bought_on() {
    let (site, _folder) = site();
    let page = site.client.get(&format!("/w/{FILM}")).text();
    assert!(page.contains("value=\"pass:Film noir\""), "{page}");
    assert!(page.contains("All films tagged Film noir, 30 days"));
    let (order, _) = site.client.pay(FILM, "pass:Film noir");
    let form = format!("ticket={}", order["ticket"].as_str().expect("a ticket"));
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let paid = site.client.send(
        "POST",
        &format!("/w/{FILM}/paid"),
        &headers,
        form.as_bytes(),
    );
    let text = paid.text();
    assert!(text.contains("Paid. Enjoy the film."), "{text}");
    assert!(text.contains(&format!("/{FILM}/master.m3u8")));
}

#[test]
fn a_site_that_sells_only_collections_gives_nothing_away() {
    let folder = data_folder();
    let mut config = Config::demo(folder.path());
    config.offers.tiers.clear();
    config.offers.collections.push(Collection {
        tag: "noir".into(),
        sat: 5,
        hours: None,
    });
    let site = Site::with(config, START);
    let title = site.client.get(&format!("/api/titles/{OTHER}")).json();
    assert_eq!(
        (&title["free"], &title["tiers"]),
        (&json!(false), &json!([]))
    );
    let grant = site.client.grant(&json!({"title": OTHER}), None).json();
    assert_eq!(grant["full"], false);
}
