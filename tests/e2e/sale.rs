//! The sale from order to film, what the viewer owns, and time running out.

use std::fs;

use serde_json::{Value, json};

use crate::site::{FILM, OTHER, START, Site, data_folder, wait_until, write_title};

fn order(site: &Site, tier: &str) -> Value {
    let order = site
        .client
        .post("/api/orders", &json!({"title": FILM, "tier": tier}));
    assert_eq!(order.status, 201, "{}", order.text());
    assert_eq!(order.header("cache-control"), "no-store");
    order.json()
}

fn pay(site: &Site, order: &Value) -> String {
    let paid = site.client.post(
        "/wallet/pay",
        &json!({"payment_request": order["payment_request"]}),
    );
    assert_eq!(paid.status, 200, "{}", paid.text());
    paid.json()["preimage"]
        .as_str()
        .expect("a preimage")
        .to_owned()
}

#[test]
fn paying_turns_a_ticket_into_the_same_token_every_time() {
    let site = Site::open();
    let order = order(&site, "rent");
    assert_eq!(
        (&order["amount_sat"], &order["tier"]),
        (&json!(100), &json!("rent"))
    );
    let redeem = || {
        site.client
            .post("/api/tokens", &json!({"ticket": order["ticket"]}))
    };
    let unpaid = redeem();
    assert_eq!((unpaid.status, unpaid.slug().as_str()), (402, "unpaid"));
    assert_eq!(unpaid.json()["received_sat"], 0);
    pay(&site, &order);
    let first = redeem();
    assert_eq!(first.status, 200, "{}", first.text());
    site.clock.advance(3600);
    assert_eq!(redeem().json(), first.json());
    assert_eq!(first.json()["expires_at"], "2027-01-16T08:00:00Z");
}

#[test]
fn the_event_stream_tells_of_the_payment_and_ends() {
    let site = Site::open();
    let order = order(&site, "own");
    let name = order["order"].as_str().expect("a name");
    let watching = std::thread::spawn({
        let (client, path) = (site.client.clone(), format!("/api/orders/{name}/events"));
        move || client.get(&path).text()
    });
    let state = || site.client.get(&format!("/api/orders/{name}")).json()["state"].clone();
    assert_eq!(state(), "open");
    pay(&site, &order);
    assert_eq!(state(), "settled");
    let told = watching.join().expect("the stream ends by itself");
    assert!(told.contains("event: state"), "{told}");
    assert!(
        told.contains(r#"{"state":"settled","received_sat":3000,"amount_sat":3000}"#),
        "{told}"
    );
}

#[test]
fn an_unpaid_code_runs_out() {
    let site = Site::open();
    let order = order(&site, "rent");
    site.clock.advance(15 * 60);
    let gone = site
        .client
        .post("/api/tokens", &json!({"ticket": order["ticket"]}));
    assert_eq!((gone.status, gone.slug().as_str()), (410, "expired"));
    let events = format!(
        "/api/orders/{}/events",
        order["order"].as_str().expect("a name")
    );
    assert!(site.client.get(&events).text().contains("expired"));
    let late = site.client.post(
        "/wallet/pay",
        &json!({"payment_request": order["payment_request"]}),
    );
    assert_eq!(late.status, 422);
}

#[test]
fn a_rent_ends_on_the_second_and_takes_its_grants_with_it() {
    let site = Site::open();
    let token = site.client.buy(FILM, "rent");
    let token = token["token"].as_str();
    site.clock.advance(24 * 3600 - 60);
    let grant = site.client.grant(&json!({"title": FILM}), token).json();
    assert_eq!(
        grant["expires_at"], "2027-01-16T08:00:00Z",
        "no later than the rent"
    );
    let master = grant["master_url"].as_str().expect("a URL");
    assert_eq!(site.client.get(master).status, 200);
    site.clock.advance(60);
    assert_eq!(site.client.get(master).status, 403);
    let ended = site.client.grant(&json!({"title": FILM}), token);
    assert_eq!(
        (ended.status, ended.slug().as_str()),
        (403, "token-expired")
    );
    assert_eq!(ended.json()["expired_at"], "2027-01-16T08:00:00Z");
}

#[test]
fn a_renewed_grant_keeps_its_session() {
    let site = Site::open();
    let token = site.client.buy(FILM, "own");
    let token = token["token"].as_str();
    let first = site.client.grant(&json!({"title": FILM}), token).json();
    let again = site
        .client
        .grant(&json!({"title": FILM, "session": first["session"]}), token)
        .json();
    assert_eq!(first["session"], again["session"]);
}

#[test]
fn a_wallets_history_restores_a_purchase() {
    let site = Site::open();
    let order = order(&site, "own");
    let preimage = pay(&site, &order);
    let token = site
        .client
        .post("/api/tokens", &json!({"ticket": order["ticket"]}))
        .json();
    let recover = |request: &Value, preimage: &str| {
        let body = json!({"payment_request": request, "preimage": preimage});
        site.client.post("/api/tokens/recover", &body)
    };
    assert_eq!(recover(&order["payment_request"], &preimage).json(), token);
    let upper = order["payment_request"]
        .as_str()
        .expect("a request")
        .to_uppercase();
    assert_eq!(recover(&json!(upper), &preimage).json(), token);

    let wrong = "00".repeat(32);
    assert_eq!(
        recover(&order["payment_request"], &wrong).slug(),
        "bad-receipt"
    );
    assert_eq!(
        recover(&order["payment_request"], "zz").slug(),
        "bad-receipt"
    );
    assert_eq!(recover(&json!("lnbc1"), &preimage).slug(), "bad-receipt");
}

#[test]
fn deleting_the_ledger_loses_nobody_a_purchase() {
    let folder = data_folder();
    let (ticket, token);
    {
        let site = Site::on(folder.path(), START);
        let order = order(&site, "own");
        pay(&site, &order);
        ticket = order["ticket"].clone();
        token = site
            .client
            .post("/api/tokens", &json!({"ticket": ticket}))
            .json();
    }
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(folder.path().join(format!("ledger.db{end}")));
    }
    let site = Site::on(folder.path(), START);
    assert_eq!(
        site.client
            .post("/api/tokens", &json!({"ticket": ticket}))
            .json(),
        token
    );
    let grant = site
        .client
        .grant(&json!({"title": FILM}), token["token"].as_str());
    assert_eq!(grant.status, 200);
}

#[test]
fn tips_are_counted_for_all_to_see() {
    let site = Site::open();
    let body = json!({"amount_sat": 500, "title": FILM, "message": "Lovely ☀"});
    let tip = site.client.post("/api/tips", &body);
    assert_eq!(tip.status, 201, "{}", tip.text());
    assert!(tip.json().get("ticket").is_none());
    let name = tip.json()["order"].as_str().expect("a name").to_owned();
    pay(&site, &tip.json());
    // The stream ends once the settlement was taken in.
    assert!(
        site.client
            .get(&format!("/api/orders/{name}/events"))
            .text()
            .contains("settled")
    );
    let figure = || site.client.get(&format!("/api/titles/{FILM}")).json()["tips_sat"].clone();
    wait_until("the figure", || figure() == 500);
}

#[test]
fn purchases_come_back_from_the_cookie() {
    let site = Site::open();
    let token = site.client.buy(FILM, "rent")["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let body = json!({"tokens": [token, "nonsense", token]}).to_string();
    let json_type = ("content-type", "application/json");
    let put = site
        .client
        .send("PUT", "/api/purchases", &[json_type], body.as_bytes());
    let list = put.json();
    assert_eq!(list["purchases"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["purchases"][0]["title"]["name"], "The Film");
    assert_eq!(list["rejected"][0]["index"], 1);
    let cookie = put.header("set-cookie").to_owned();
    for part in [
        "HttpOnly",
        "SameSite=Strict",
        "Path=/api/purchases",
        "Max-Age=34560000",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let back = site
        .client
        .send("GET", "/api/purchases", &[("cookie", &cookie)], b"")
        .json();
    assert_eq!(back["purchases"], list["purchases"]);
    site.clock.advance(24 * 3600);
    let later = site
        .client
        .send("GET", "/api/purchases", &[("cookie", &cookie)], b"")
        .json();
    assert_eq!(later["purchases"][0]["state"], "expired");
}

#[test]
fn without_scripts_a_person_still_gets_the_code_and_the_film() {
    let site = Site::open();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let page = site
        .client
        .send("POST", &format!("/w/{FILM}/order"), &[form], b"tier=rent");
    assert_eq!(page.status, 200);
    let html = page.text();
    let request = between(&html, "lightning:", "\"");
    let ticket = between(&html, "name=\"ticket\" value=\"", "\"");
    let paid = |ticket: &str| {
        let body = format!("ticket={ticket}");
        site.client
            .send("POST", &format!("/w/{FILM}/paid"), &[form], body.as_bytes())
            .text()
    };
    assert!(paid(&ticket).contains("No payment has arrived yet"));
    pay(&site, &json!({"payment_request": request}));
    let master = format!("/m/{}", between(&paid(&ticket), "src=\"/m/", "\""));
    assert_eq!(site.client.get(&master).status, 200);
}

fn between(text: &str, before: &str, after: &str) -> String {
    let rest = text
        .split_once(before)
        .unwrap_or_else(|| panic!("{before} in {text}"))
        .1;
    rest.split_once(after).expect("an end").0.to_owned()
}

#[test]
fn a_price_changed_by_hand_counts_at_once_and_a_slip_changes_nothing() {
    let site = Site::open();
    let price =
        || site.client.get(&format!("/api/titles/{OTHER}")).json()["tiers"][0]["sat"].clone();
    assert_eq!(price(), 100);
    let wait = |expected: Value| wait_until("the price", || price() == expected);
    let tiers = |sat: u64| json!([{"tier": "own", "sat": sat}]);
    write_title(
        &site.data,
        OTHER,
        &json!({"name": "Another", "tiers": tiers(77)}),
    );
    wait(json!(77));
    let file = site.data.join("titles").join(OTHER).join("title.json");
    fs::write(
        &file,
        "{\"name\": \"Another\",\n \"tiers\": [{\"tier\": \"own\", \"sat\": 0}]}",
    )
    .expect("written");
    assert_eq!(price(), 77, "the last good version stays");
    write_title(
        &site.data,
        OTHER,
        &json!({"name": "Another", "tiers": tiers(78)}),
    );
    wait(json!(78));
}

#[test]
fn a_site_that_sells_only_passes_gives_nothing_away() {
    let folder = data_folder();
    let mut config = satreel_config::Config::demo(folder.path());
    config.offers.tiers = vec![satreel_hls::title::Tier {
        tier: satreel_hls::title::TierKind::Pass,
        sat: 5000,
        hours: Some(720),
    }];
    let site = Site::with(config, START);
    let title = site.client.get(&format!("/api/titles/{FILM}")).json();
    assert_eq!(title["free"], false);
    assert_eq!(title["tiers"][0]["tier"], "pass");
    let preview = site.client.grant(&json!({"title": FILM}), None).json();
    assert_eq!(preview["full"], false);
    let pass = site.client.buy(FILM, "pass");
    assert_eq!(pass["scope"], "site");
    for title in [FILM, OTHER] {
        let grant = site
            .client
            .grant(&json!({"title": title}), pass["token"].as_str());
        assert_eq!(grant.json()["full"], true, "{title}");
    }
}

#[test]
fn a_player_that_cannot_renew_gets_an_evening() {
    let site = Site::open();
    let token = site.client.buy(FILM, "own");
    let body = json!({"title": FILM, "native": true});
    let grant = site.client.grant(&body, token["token"].as_str()).json();
    let master = grant["master_url"].as_str().expect("a URL");
    site.clock.advance(6 * 3600 - 1);
    assert_eq!(site.client.get(master).status, 200);
    site.clock.advance(1);
    assert_eq!(site.client.get(master).status, 403);
}
