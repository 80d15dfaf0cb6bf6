//! A film's poster in the studio: what there is to choose from, a picture from outside, and refusals.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use serde_json::{Value, json};

use crate::site::{Answer, FILM, Site, wait_until};
use crate::studio::Creator;

const JPEG: &[u8] = b"\xFF\xD8\xFF some picture";

fn poster() -> String {
    format!("/api/studio/titles/{FILM}/poster")
}

impl Creator {
    fn poster(&self) -> Answer {
        self.get(&poster())
    }

    fn put_poster(&self, etag: &str, kind: &str, body: &[u8]) -> Answer {
        let headers = [("content-type", kind), ("if-match", etag)];
        self.send("PUT", &poster(), &headers, body)
    }
}

/// What the transcoder does: takes the next wish, and says what came of it. Answers what was asked.
fn transcoder(
    site: &Site,
    take: impl Fn(&Path, &Value) -> Result<(), &'static str> + Send + 'static,
) -> JoinHandle<Value> {
    let data = site.data.clone();
    thread::spawn(move || {
        let mut found: Option<PathBuf> = None;
        wait_until("a wish", || {
            let entries = fs::read_dir(data.join("jobs/asked")).into_iter().flatten();
            found = entries
                .flatten()
                .map(|entry| entry.path())
                .find(|path| path.extension().is_some_and(|end| end == "json"));
            found.is_some()
        });
        let path = found.expect("a wish");
        let wish: Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
        if let Err(why) = take(&data, &wish) {
            fs::write(path.with_extension("no"), why).expect("an answer");
        }
        fs::remove_file(path).expect("taken");
        wish
    })
}

fn problem(answer: &Answer) -> String {
    let json = answer.json();
    let kind = json["type"].as_str().unwrap_or_default();
    kind.rsplit(':').next().unwrap_or_default().to_owned()
}

fn show(data: &Path, bytes: &[u8]) {
    let folder = data.join("titles").join(FILM);
    fs::write(folder.join(".new"), bytes).expect("written");
    fs::rename(folder.join(".new"), folder.join("poster.jpg")).expect("shown");
}

#[test]
fn another_of_those_that_were_made_is_chosen() {
    let site = Site::open();
    let creator = Creator::at(&site);
    let before = creator.poster();
    let seen = before.json();
    assert_eq!(seen["etag"], before.header("etag"));
    assert_eq!(
        (&seen["own"], &seen["choices"][0]["shown"]),
        (&json!(true), &json!(false))
    );
    let picture = seen["choices"][0]["picture"].as_str().expect("an address");
    let sheet = seen["sheets"][0].as_str().expect("an address");
    for address in [picture, sheet] {
        let answer = creator.get(address);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "image/jpeg")
        );
        assert_eq!(site.client.get(address).status, 401, "{address}");
    }

    let at_work = transcoder(&site, |data, _| {
        let chosen = fs::read(data.join("titles").join(FILM).join("poster-1.jpg"));
        show(data, &chosen.expect("a choice"));
        Ok(())
    });
    let body = br#"{"choice": 1}"#;
    let answer = creator.put_poster(before.header("etag"), "application/json", body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let wish = at_work.join().expect("taken");
    assert_eq!(
        wish,
        json!({"job": FILM, "do": "poster", "picture": {"choice": 1}})
    );
    let now = answer.json();
    assert_eq!(
        (&now["own"], &now["choices"][0]["shown"]),
        (&json!(false), &json!(true))
    );
    wait_until("viewers see it", || {
        let seen = site.client.get(&format!("/api/titles/{FILM}")).json();
        seen["poster"] != before.json()["poster"]
    });
    // Whoever looked before that decides anew.
    let late = creator.put_poster(before.header("etag"), "application/json", body);
    assert_eq!((late.status, problem(&late)), (412, "changed".to_owned()));
}

#[test]
fn a_picture_goes_to_the_transcoder_as_it_came() {
    let site = Site::open();
    let creator = Creator::at(&site);
    let at_work = transcoder(&site, |data, wish| {
        let name = wish["picture"]["file"].as_str().expect("a name");
        let brought = data.join("inbox/.for").join(FILM).join(name);
        assert_eq!(fs::read(&brought).expect("the picture"), JPEG);
        fs::remove_file(brought).expect("taken");
        show(data, b"drawn anew");
        Ok(())
    });
    let answer = creator.put_poster("*", "image/png", JPEG);
    at_work.join().expect("taken");
    assert_eq!((answer.status, &answer.json()["own"]), (200, &json!(true)));

    let at_work = transcoder(&site, |_, _| Err("the picture is torn"));
    let refused = creator.put_poster("*", "image/webp", JPEG);
    at_work.join().expect("taken");
    assert_eq!(
        (refused.status, problem(&refused)),
        (422, "invalid".to_owned())
    );
    assert_eq!(refused.json()["field"], "poster");
    assert!(refused.text().contains("the picture is torn"));
}

#[test]
fn while_the_transcoder_is_away_a_picture_waits_for_it() {
    let site = Site::open();
    let creator = Creator::at(&site);
    let before = creator.poster().json();
    let answer = creator.put_poster("*", "image/png", JPEG);
    let waiting = answer.json();
    assert_eq!((answer.status, &waiting["waiting"]), (202, &json!(true)));
    assert_eq!(
        (&waiting["poster"], &waiting["etag"], answer.header("etag")),
        (
            &before["poster"],
            &before["etag"],
            before["etag"].as_str().expect("a mark")
        ),
        "nothing has changed yet"
    );
    let at_work = transcoder(&site, |data, wish| {
        let name = wish["picture"]["file"].as_str().expect("a name");
        let brought = data.join("inbox/.for").join(FILM).join(name);
        assert_eq!(fs::read(brought).expect("it waits"), JPEG);
        show(data, b"drawn later");
        Ok(())
    });
    at_work.join().expect("taken");
    wait_until("it is shown", || {
        let now = creator.poster().json();
        now["etag"] != before["etag"] && now["waiting"] == json!(false)
    });
}

#[test]
fn what_cannot_be_a_poster_is_refused_before_anybody_is_asked() {
    let site = Site::open();
    let creator = Creator::at(&site);
    let large = vec![0; (10 << 20) + 1];
    for (etag, kind, body, status, words) in [
        ("*", "image/gif", JPEG, 415, "JPEG, PNG or WebP"),
        ("*", "text/html", JPEG, 415, "JPEG, PNG or WebP"),
        ("*", "image/jpeg", &large, 413, "more than 10 MB"),
        ("*", "application/json", b"{", 400, "not JSON"),
        ("*", "application/json", b"{}", 422, "choice"),
        ("*", "application/json", br#"{"choice": -1}"#, 422, "-1"),
        (
            "*",
            "application/json",
            br#"{"choice": 7}"#,
            422,
            "no such picture",
        ),
        ("\"old\"", "image/jpeg", JPEG, 412, "changed meanwhile"),
    ] {
        let answer = creator.put_poster(etag, kind, body);
        assert_eq!(answer.status, status, "{kind}: {}", answer.text());
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    let without = creator.send("PUT", &poster(), &[("content-type", "image/jpeg")], JPEG);
    assert_eq!(without.status, 428);
    let foreign = [("content-type", "image/jpeg"), ("if-match", "*")];
    let cookie = [
        ("cookie", creator.cookie.as_str()),
        ("sec-fetch-site", "cross-site"),
    ];
    let foreign = site.client.send(
        "PUT",
        &poster(),
        &[cookie.as_slice(), &foreign].concat(),
        JPEG,
    );
    assert_eq!(foreign.status, 403);
    let stranger = site
        .client
        .send("PUT", &poster(), &[("if-match", "*")], JPEG);
    assert_eq!(stranger.status, 401);
    let nothing = "/api/studio/titles/00000000000000aa/poster";
    assert_eq!(creator.get(nothing).status, 404);
    for file in [
        "v720-0.m4s",
        "title.json",
        "..%2Fkeys.json",
        "poster-99.jpg",
    ] {
        let address = format!("/api/studio/titles/{FILM}/pictures/{file}");
        assert_eq!(creator.get(&address).status, 404, "{file}");
    }
    assert!(!site.data.join("jobs/asked").exists(), "nobody was asked");
}
