//! Broadcasts: a journal written by the test as the transcoder writes it, watched, bought and kept.

mod credit;
mod off_air;
pub mod stage;
mod tips;

use std::fs;

use satreel_hls::live::Event;
use serde_json::{Value, json};

use crate::site::{Program, Site, satreel, wait_until, write_title};
use crate::studio::Creator;
use stage::{Events, ON_AIR, Stage, base, grant, on_air, state};

#[test]
fn a_broadcast_is_bought_and_watched_as_it_grows() {
    let site = Site::open();
    let stage = on_air(&site);
    let channel = site.client.get("/api/channels/news").json();
    let title = &channel["title"];
    assert_eq!(
        (&title["id"], &title["url"]),
        (&json!(ON_AIR), &json!("/live/news"))
    );
    let offers: Vec<_> = title["tiers"]
        .as_array()
        .expect("offers")
        .iter()
        .map(|offer| {
            (
                offer["id"].clone(),
                offer["sat"].clone(),
                offer["label"].clone(),
            )
        })
        .collect();
    assert_eq!(
        offers,
        [
            (json!("rent"), json!(70), json!("2 days")),
            (
                json!("pass:news:24"),
                json!(500),
                json!("Everything on The News, 24 hours")
            ),
            (
                json!("pass:news"),
                json!(2000),
                json!("Everything on The News, for ever")
            ),
        ]
    );
    let token = site.client.buy(ON_AIR, "rent");
    assert_eq!(token["title"]["name"], "The News");
    let base = base(&grant(&site, token["token"].as_str()));

    let client = site.client.clone();
    let reload = format!("{base}v.m3u8?_HLS_msn=5&_HLS_part=3");
    let waiting = std::thread::spawn(move || client.get(&reload));
    let client = site.client.clone();
    let hinted = format!("{base}a-5.3.m4s");
    let hinted = std::thread::spawn(move || client.get(&hinted));
    stage.part(5, 3);
    let answer = waiting.join().expect("no panic");
    assert_eq!(
        (answer.status, answer.header("cache-control")),
        (200, "no-store")
    );
    assert!(answer.text().contains("v-5.3.m4s") && answer.text().contains("URI=\"v-5.4.m4s\""));
    assert_eq!(hinted.join().expect("no panic").text(), "a-5.3.m4s");

    let get = |file: &str| site.client.get(&format!("{base}{file}"));
    assert_eq!(
        get("v-0.m4s").header("cache-control"),
        "private, max-age=31536000, immutable"
    );
    let delta = get("v.m3u8?_HLS_msn=5&_HLS_part=0&_HLS_skip=YES");
    assert_eq!(delta.status, 200);
    for (file, status) in [
        ("v.m3u8?_HLS_msn=7", 400),
        ("v.m3u8?_HLS_part=1", 400),
        ("v.m3u8?_HLS_msn=x", 400),
        ("x.m3u8", 404),
        ("v-9.0.m4s", 404),
        ("v-99.m4s", 404),
        ("journal", 404),
        ("broadcast.json", 404),
    ] {
        assert_eq!(get(file).status, status, "{file}");
    }
    let zipped = site.client.send(
        "GET",
        &format!("{base}v.m3u8"),
        &[("accept-encoding", "gzip")],
        b"",
    );
    assert_eq!(zipped.header("vary"), "accept-encoding");
    let shown = Creator::at(&site).get("/api/studio/channels/news").json();
    assert_eq!(shown["broadcast"]["viewers"], 1, "{shown}");
}

#[test]
fn the_free_part_of_a_broadcast_ends_for_the_session_that_saw_it() {
    let site = Site::open();
    let stage = on_air(&site);
    let free = grant(&site, None);
    assert_eq!(
        (&free["full"], &free["preview_s"]),
        (&json!(false), &json!(10.0))
    );
    let get = |file: &str| site.client.get(&format!("{}{file}", base(&free))).status;
    assert_eq!(
        (get("v.m3u8"), get("v-4.m4s"), get("v-5.2.m4s")),
        (200, 200, 200)
    );
    for part in 3..10 {
        stage.part(5, part);
    }
    stage.close(5);
    (6..11).for_each(|segment| stage.segment(segment));
    wait_until("grown", || {
        let playlist = site.client.get(&format!("{}v.m3u8", base(&free)));
        playlist.text().contains("v-10.m4s")
    });
    // Ten seconds from the segment on that was being made.
    assert_eq!((get("v-10.m4s"), get("v-11.0.m4s")), (200, 403));
    stage.segment(11);
    wait_until("beyond", || {
        get("v-11.m4s") == 403
            && site
                .client
                .get(&format!("{}v.m3u8", base(&free)))
                .text()
                .contains("v-11.m4s")
    });
    // The same session has seen it; its renewal opens no more.
    let again = json!({"title": ON_AIR, "session": free["session"]});
    let again = site.client.grant(&again, None);
    assert_eq!((again.status, again.slug().as_str()), (402, "no-preview"));
}

#[test]
fn a_channels_pass_opens_what_is_on_air_and_what_was() {
    let site = Site::open();
    let _stage = on_air(&site);
    let pass = site.client.buy(ON_AIR, "pass:news:24");
    assert_eq!(pass["tag"], "news");
    grant(&site, pass["token"].as_str());
    let earlier = "cdcdcdcdcdcdcdcd";
    write_title(
        &site.data,
        earlier,
        &json!({"name": "Yesterday", "tags": ["news"]}),
    );
    wait_until("listed", || {
        site.client.get(&format!("/api/titles/{earlier}")).status == 200
    });
    let opened = site
        .client
        .grant(&json!({"title": earlier}), pass["token"].as_str());
    assert_eq!((opened.status, &opened.json()["full"]), (200, &json!(true)));
    let channel = site.client.get("/api/channels/news").json();
    assert_eq!(channel["recordings"][0]["name"], "Yesterday");
    site.clock.advance(24 * 3600 + 1);
    let late = site
        .client
        .grant(&json!({"title": ON_AIR}), pass["token"].as_str());
    assert_eq!((late.status, late.slug().as_str()), (403, "token-expired"));
}

#[test]
fn the_ticket_of_a_broadcast_opens_its_recording() {
    let site = Site::open();
    let stage = on_air(&site);
    let token = site.client.buy(ON_AIR, "rent");
    let token = token["token"].as_str();
    let live = base(&grant(&site, token));
    stage.close(5);
    stage.say(&Event::End {});
    // Its creator has not published it: only who paid may see it.
    write_title(
        &site.data,
        ON_AIR,
        &json!({"name": "The News, 2027-01-15", "tags": ["news"], "state": "hidden"}),
    );
    let creator = Creator::at(&site);
    wait_until("a title", || creator.title(ON_AIR)["state"] == "hidden");
    stage.stand("news", "ended");
    wait_until("over", || state(&site) == "offline");
    wait_until("kept", || {
        let playlist = site.client.get(&format!("{live}v.m3u8?_HLS_msn=6"));
        playlist.text().ends_with("#EXT-X-ENDLIST\n")
    });
    let recording = base(&grant(&site, token));
    assert_eq!(
        site.client.get(&format!("{recording}v720.m3u8")).status,
        200
    );
    assert_eq!(
        site.client.grant(&json!({"title": ON_AIR}), None).status,
        404
    );
    fs::remove_dir_all(site.data.join("live").join(ON_AIR)).expect("gone");
    wait_until("gone", || {
        site.client.get(&format!("{live}v.m3u8?_HLS_msn=6")).status == 404
    });
    assert_eq!(
        site.client.get(&format!("{recording}v720-0.m4s")).status,
        200
    );
    site.clock.advance(48 * 3600 + 1);
    assert_eq!(
        site.client.grant(&json!({"title": ON_AIR}), token).slug(),
        "token-expired"
    );
}

#[test]
fn what_ended_without_a_recording_is_sold_no_more() {
    let site = Site::open();
    let stage = on_air(&site);
    stage.say(&Event::End {});
    wait_until("over", || state(&site) == "offline");
    let order = site
        .client
        .post("/api/orders", &json!({"title": ON_AIR, "tier": "rent"}));
    assert_eq!(
        (order.status, order.slug().as_str()),
        (404, "unknown-title")
    );
}

/// kill -9 in mid-broadcast: the next server knows all that the one before knew, and grants hold.
#[test]
fn a_server_in_the_place_of_another_goes_on() {
    let data = crate::site::data_folder();
    let path = data.path().to_str().expect("a path");
    assert_eq!(
        satreel(&["channel", "add", "news", "--ticket", "70", "--data", path]).0,
        0
    );
    let stage = Stage::begin(data.path(), "news");
    let first = Program::serve(data.path());
    let token = first.client.buy(ON_AIR, "rent");
    let grant = first
        .client
        .grant(&json!({"title": ON_AIR}), token["token"].as_str());
    let base = base(&grant.json());
    let before = first.client.get(&format!("{base}v.m3u8"));
    first.kill();
    let second = Program::serve(data.path());
    let after = second.client.get(&format!("{base}v.m3u8"));
    assert_eq!((after.status, &after.body), (200, &before.body));
    assert_eq!(after.header("etag"), before.header("etag"));
    // And what comes meanwhile.
    let third = {
        second.kill();
        stage.part(5, 3);
        Program::serve(data.path())
    };
    let reload = third
        .client
        .get(&format!("{base}v.m3u8?_HLS_msn=5&_HLS_part=3"));
    assert!(reload.text().contains("v-5.3.m4s"));
}

#[test]
fn channels_are_made_shown_and_removed() {
    let site = Site::open();
    let data = site.data.to_str().expect("a path");
    let (code, made, _) = satreel(&["channel", "add", "news", "--json", "--data", data]);
    assert_eq!(code, 0);
    let made: Value = serde_json::from_str(&made).expect("JSON");
    let key = made["key"].as_str().expect("a key");
    assert!(key.starts_with("news_"));
    let url = made["publish_url"].as_str().expect("a URL");
    assert_eq!(url, format!("rtmp://127.0.0.1:1935/live/{key}"));
    assert_eq!(satreel(&["channel", "add", "news", "--data", data]).0, 1);
    assert_eq!(satreel(&["channel", "add", "No Name", "--data", data]).0, 2);
    assert_eq!(
        satreel(&["channel", "add", "free", "--ticket", "0", "--data", data]).0,
        2
    );
    let (_, list, _) = satreel(&["channel", "list", "--data", data]);
    assert!(list.starts_with("news ") && !list.contains(key));
    let (code, new, _) = satreel(&["channel", "key", "news", "--json", "--data", data]);
    assert_eq!(code, 0);
    assert!(!new.contains(key));

    let creator = Creator::at(&site);
    let new = json!({"id": "films", "name": "Films", "starts_at": "2027-02-01T20:00:00Z"});
    let headers = [("content-type", "application/json")];
    let made = creator.send(
        "POST",
        "/api/studio/channels",
        &headers,
        new.to_string().as_bytes(),
    );
    assert_eq!(made.status, 201, "{}", made.text());
    let key = made.json()["key"].as_str().expect("a key").to_owned();
    let again = creator.send(
        "POST",
        "/api/studio/channels",
        &headers,
        new.to_string().as_bytes(),
    );
    assert_eq!(
        (again.status, again.slug().as_str()),
        (409, "known-channel")
    );
    let list = creator.get("/api/studio/channels");
    assert_eq!(list.json()["channels"].as_array().map(Vec::len), Some(2));
    for nowhere in [&key, "key_sha256"] {
        assert!(!list.text().contains(nowhere), "{nowhere}");
    }
    let wrong = creator.change("films", &json!({"grace_s": "long"}));
    assert_eq!((wrong.status, wrong.slug().as_str()), (422, "invalid"));
    let wrong = creator.change("films", &json!({"key_sha256": "00"}));
    assert_eq!(
        (wrong.status, &wrong.json()["field"]),
        (422, &json!("key_sha256"))
    );

    let channel = site.client.get("/api/channels/films").json();
    assert_eq!(
        (&channel["state"], &channel["title"]),
        (&json!("scheduled"), &json!(null))
    );
    let page = site.client.get("/live/films").text();
    assert!(page.contains("2027-02-01 20:00 UTC") && page.contains("/live/films/broadcast.ics"));
    let calendar = site.client.get("/live/films/broadcast.ics");
    assert_eq!(
        calendar.header("content-type"),
        "text/calendar; charset=utf-8"
    );
    assert!(calendar.text().contains("\r\nDTSTART:20270201T200000Z\r\n"));
    site.clock.advance(400 * 86_400);
    assert_eq!(
        site.client.get("/api/channels/films").json()["state"],
        "offline"
    );

    let creator = Creator::at(&site);
    let rotated = creator.send("POST", "/api/studio/channels/films/key", &[], b"");
    assert_ne!(rotated.json()["key"], json!(key));
    let gone = creator.send("DELETE", "/api/studio/channels/films", &[], b"");
    assert_eq!(gone.status, 204);
    assert_eq!(site.client.get("/live/films").status, 404);
    assert_eq!(
        site.client.get("/api/channels/films").slug(),
        "unknown-channel"
    );
    assert_eq!(site.client.get("/api/studio/channels").status, 401);
}

#[test]
fn a_page_that_waits_hears_of_the_beginning() {
    let site = Site::open();
    let data = site.data.to_str().expect("a path");
    assert_eq!(satreel(&["channel", "add", "news", "--data", data]).0, 0);
    let mut events = Events::open(&site.client, "/api/channels/news/events");
    assert_eq!(events.next()["state"], "offline");
    let stage = Stage::begin(&site.data, "news");
    assert_eq!(events.next()["title"]["id"], ON_AIR);
    fs::write(
        site.data.join("live").join(ON_AIR).join("poster.jpg"),
        "a picture",
    )
    .expect("written");
    let poster = site.client.get("/api/channels/news").json()["title"]["poster"].clone();
    let poster = poster.as_str().expect("a poster");
    assert_eq!(site.client.get(poster).text(), "a picture");
    let front = site.client.get("/").text();
    assert!(
        front.contains("href=\"/live/news\"") && front.contains(poster),
        "the hero"
    );
    stage.stand("news", "away");
    // The poster may have been told of on its own.
    events.until("away");
    let page = site.client.get("/live/news").text();
    assert!(
        page.contains("id=\"offers\"") && page.contains("live-"),
        "the player's page"
    );
    let film = site.client.get(&format!("/w/{ON_AIR}"));
    assert_eq!((film.status, film.header("location")), (303, "/live/news"));
}
