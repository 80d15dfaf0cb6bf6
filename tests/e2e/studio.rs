//! The studio's way in: links, sessions, keys, and who stays outside.

use satreel::{clock::Clock, core::time::Timestamp, keys::Keys, studio::entrance};
use serde_json::Value;

use crate::site::{Answer, Client, Program, START, Site, data_folder, satreel, wait_until};

const SESSION: &str = "/api/studio/session";

/// The creator at a server: in by a link, as a browser.
pub struct Creator {
    pub client: Client,
    pub cookie: String,
}

impl Creator {
    pub fn at(site: &Site) -> Self {
        let now = site.clock.now();
        let keys = Keys::open(&site.data.join("keys.json"), now).expect("keys");
        let link = entrance::link(&site.data, &keys.current(), now).expect("a link");
        Self::by(&site.client, &format!("/studio/enter/{link}"))
    }

    pub fn by(client: &Client, link: &str) -> Self {
        let answer = client.get(link);
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(answer.header("location"), "/studio");
        let cookie = cookie(&answer);
        Self {
            client: client.clone(),
            cookie,
        }
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut all = vec![
            ("cookie", self.cookie.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        all.extend_from_slice(headers);
        self.client.send(method, path, &all, body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }
}

/// The session that an answer sets.
fn cookie(answer: &Answer) -> String {
    let values = answer.headers.get_all("set-cookie").iter();
    let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    assert_eq!(values.len(), 2, "{values:?}");
    for (value, path) in values.iter().zip(["/studio", "/api/studio"]) {
        assert!(value.contains(&format!("; Path={path};")), "{value}");
        assert!(value.ends_with("; HttpOnly; SameSite=Strict"), "{value}");
    }
    let cookie = values[0].split(';').next().expect("a cookie");
    cookie.to_owned()
}

#[test]
fn a_link_opens_the_studio_once() {
    let folder = data_folder();
    let data = folder.path().to_string_lossy().into_owned();
    let (code, _, words) = satreel(&["studio-link", "--data", &data]);
    assert_eq!(code, 1);
    assert!(words.contains("start the server once"), "{words}");

    let program = Program::serve(folder.path());
    let (code, printed, words) = satreel(&["studio-link", "--data", &data]);
    assert_eq!((code, words.as_str()), (0, ""));
    let link = printed.trim();
    let home = program.client.url();
    let path = link.strip_prefix(home).expect("where the server listens");

    // Neither a look ahead nor a preview uses it up.
    let ahead = [("sec-purpose", "prefetch;prerender")];
    assert_eq!(program.client.send("HEAD", path, &[], b"").status, 503);
    assert_eq!(program.client.send("GET", path, &ahead, b"").status, 503);
    let creator = Creator::by(&program.client, path);
    let page = creator.get("/studio");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("id=\"studio\""));
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(creator.get(SESSION).json()["by"], "session");

    let again = program.client.get(path);
    assert_eq!(again.status, 401);
    assert!(again.text().contains("satreel studio-link"));
    assert_eq!(again.header("set-cookie"), "");

    // Also after kill -9, and the session goes on.
    let log = program.kill();
    for secret in [path.rsplit('/').next().expect("a link"), &creator.cookie] {
        assert!(!log.contains(secret), "the log gives nothing away");
    }
    let program = Program::serve(folder.path());
    assert_eq!(program.client.get(path).status, 401);
    let headers = [("cookie", creator.cookie.as_str())];
    assert_eq!(
        program.client.send("GET", SESSION, &headers, b"").status,
        200
    );

    let (code, printed, _) = satreel(&["studio-link", "--data", &data, "--json"]);
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(code, 0);
    assert!(
        printed["url"]
            .as_str()
            .is_some_and(|url| url.contains("/studio/enter/"))
    );
    assert!(
        printed["expires_at"]
            .as_str()
            .is_some_and(|at| at.ends_with('Z'))
    );
}

#[test]
fn a_link_from_another_site_opens_by_a_page_of_ours() {
    let site = Site::open();
    let keys = Keys::open(&site.data.join("keys.json"), Timestamp::default()).expect("keys");
    let now = Timestamp::from_unix(START);
    let link = entrance::link(&site.data, &keys.current(), now).expect("a link");
    let path = format!("/studio/enter/{link}");
    let answer = site
        .client
        .send("GET", &path, &[("sec-fetch-site", "cross-site")], b"");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("href=\"/studio\""));
    let creator = Creator {
        client: site.client.clone(),
        cookie: cookie(&answer),
    };
    assert_eq!(creator.get("/studio").status, 200);
}

#[test]
fn nobody_else_comes_in() {
    let site = Site::open();
    let closed = site.client.get("/studio");
    assert_eq!(closed.status, 401);
    assert!(closed.text().contains("satreel studio-link --data DIR"));
    for path in [SESSION, "/api/studio/titles", "/api/studio/nothing"] {
        assert_eq!(site.client.get(path).status, 401, "{path}");
    }
    let refused = site.client.get(SESSION);
    assert_eq!(refused.slug(), "not-the-creator");
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    let token = site.client.buy(crate::site::FILM, "own");
    let bearer = format!("Bearer {}", token["token"].as_str().expect("a token"));
    for headers in [
        [("authorization", bearer.as_str())],
        [("authorization", "Basic YTpi")],
        [("authorization", "Bearer")],
        [("cookie", "satreel_studio=AAAA")],
    ] {
        let answer = site.client.send("GET", SESSION, &headers, b"");
        assert_eq!(
            (answer.status, answer.slug()),
            (401, "not-the-creator".to_owned())
        );
    }
    // Whoever goes on trying is sent away.
    let bad = [("authorization", "Bearer AAAA")];
    let mut statuses = (0..40).map(|_| site.client.send("GET", SESSION, &bad, b"").status);
    assert!(statuses.any(|status| status == 429));
}

#[test]
fn another_sites_page_changes_nothing() {
    let site = Site::open();
    let creator = Creator::at(&site);
    let cookie = ("cookie", creator.cookie.as_str());
    for foreign in [
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
    ] {
        let answer = site.client.send("DELETE", SESSION, &[cookie, foreign], b"");
        assert_eq!(
            (answer.status, answer.slug()),
            (403, "foreign-page".to_owned())
        );
    }
    let home = site.client.url().to_owned();
    assert_eq!(creator.get(SESSION).status, 200);
    let own = site
        .client
        .send("DELETE", SESSION, &[cookie, ("origin", &home)], b"");
    assert_eq!(own.status, 204);
}

#[test]
fn who_leaves_is_out_everywhere() {
    let site = Site::open();
    let (one, other) = (Creator::at(&site), Creator::at(&site));
    let left = one.send("DELETE", SESSION, &[], b"");
    assert_eq!(left.status, 204);
    assert!(cookie(&left).ends_with('='), "the browser forgets it");
    // A copy of the cookie is worth nothing either.
    assert_eq!(one.get(SESSION).status, 401);
    assert_eq!(other.get(SESSION).status, 200);
}

#[test]
fn a_session_ends_by_itself_and_is_renewed_by_use() {
    let site = Site::open();
    let creator = Creator::at(&site);
    assert_eq!(creator.get(SESSION).header("set-cookie"), "");
    site.clock.advance(2 * 3600);
    let renewed = creator.get(SESSION);
    let longer = Creator {
        client: site.client.clone(),
        cookie: cookie(&renewed),
    };
    site.clock.advance(11 * 3600);
    assert_eq!(creator.get(SESSION).status, 401);
    assert_eq!(longer.get(SESSION).status, 200);
    site.clock.advance(30 * 86_400);
    assert_eq!(longer.get(SESSION).status, 401);
}

#[test]
fn programs_have_keys_and_all_can_be_ended() {
    let folder = data_folder();
    let data = folder.path().to_string_lossy().into_owned();
    let program = Program::serve(folder.path());
    let print = |args: &[&str]| {
        let (code, printed, words) = satreel(&[args, &["--data", &data]].concat());
        assert_eq!(code, 0, "{words}");
        printed.trim().to_owned()
    };
    let key = print(&["studio-key"]);
    let limited: Value =
        serde_json::from_str(&print(&["studio-key", "--days", "7", "--json"])).expect("JSON");
    assert!(limited["expires_at"].is_string());
    let bearer = format!("Bearer {key}");
    let ask = || {
        // From a page, for all we know: a key is sent by nobody who does not know it.
        let headers = [("authorization", bearer.as_str()), ("origin", "null")];
        program.client.send("GET", SESSION, &headers, b"")
    };
    assert_eq!(ask().json()["by"], "key");
    let link = print(&["studio-link", "--end-all"]);
    wait_until("the key is ended", || ask().status == 401);
    let path = link.strip_prefix(program.client.url()).expect("the server");
    Creator::by(&program.client, path);
}
