//! Media leaves only under a grant, and then as HTTP wants it.

use satreel_config::Limits;
use serde_json::json;

use crate::floods;
use crate::site::{FILM, FREE, OTHER, SEGMENTS, Site, segment};

fn preview(site: &Site, whole_timeline: bool) -> String {
    let body = json!({"title": FILM, "whole_timeline": whole_timeline});
    let grant = site.client.grant(&body, None);
    assert_eq!(grant.status, 200, "{}", grant.text());
    assert_eq!(grant.json()["preview_s"], 4.0);
    assert_eq!(grant.json()["full"], false);
    grant.json()["grant"].as_str().expect("a grant").to_owned()
}

#[test]
fn the_preview_ends_where_it_says() {
    let site = Site::open();
    let grant = preview(&site, false);
    let get = |file: &str| site.client.get(&format!("/m/{grant}/{FILM}/{file}"));
    assert_eq!(get("master.m3u8").status, 200);
    for track in ["v720", "a"] {
        let playlist = get(&format!("{track}.m3u8")).text();
        assert_eq!(playlist.matches("#EXTINF").count(), 2, "{playlist}");
        assert!(playlist.trim_end().ends_with("#EXT-X-ENDLIST"));
        assert_eq!(get(&format!("{track}-init.mp4")).status, 200);
        for number in 0..=SEGMENTS {
            let answer = get(&format!("{track}-{number}.m4s"));
            if number < 2 {
                assert_eq!((answer.status, answer.body), (200, segment(track, number)));
            } else {
                assert_eq!(answer.status, 403, "segment {number}");
                assert!(answer.text().starts_with("the free part ends"));
            }
        }
    }
}

/// Small pictures of the whole film and captions are part of what is sold.
#[test]
fn a_preview_shows_nothing_of_what_follows() {
    let site = Site::open();
    let token = site.client.buy(FILM, "own");
    let bought = site.client.grant(
        &json!({"title": FILM}),
        Some(token["token"].as_str().expect("a token")),
    );
    let bought = bought.json()["grant"].as_str().expect("a grant").to_owned();
    for whole_timeline in [false, true] {
        let free = preview(&site, whole_timeline);
        for (file, expected) in [
            ("s-1.vtt", 200),
            ("s-2.vtt", 403),
            ("chapters.vtt", 200),
            ("storyboard.vtt", 403),
            ("sprite-0.jpg", 403),
            ("poster-1.jpg", 403),
        ] {
            let status = |grant: &str| site.client.get(&format!("/m/{grant}/{FILM}/{file}")).status;
            assert_eq!(status(&free), expected, "{file}");
            assert_eq!(status(&bought), 200, "{file}");
        }
    }
}

#[test]
fn our_own_page_sees_the_whole_timeline_but_no_more_bytes() {
    let site = Site::open();
    let grant = preview(&site, true);
    let playlist = site
        .client
        .get(&format!("/m/{grant}/{FILM}/v720.m3u8"))
        .text();
    assert_eq!(playlist.matches("#EXTINF").count(), SEGMENTS as usize);
    assert_eq!(
        site.client
            .get(&format!("/m/{grant}/{FILM}/v720-2.m4s"))
            .status,
        403
    );
}

#[test]
fn a_token_opens_its_own_film_only() {
    let site = Site::open();
    let token = site.client.buy(FILM, "own");
    let token = token["token"].as_str().expect("a token");
    let grant = site.client.grant(&json!({"title": FILM}), Some(token));
    assert_eq!((grant.status, &grant.json()["full"]), (200, &json!(true)));
    assert_eq!(grant.json()["preview_s"], json!(null));
    let master = grant.json()["master_url"]
        .as_str()
        .expect("a URL")
        .to_owned();
    assert_eq!(site.client.get(&master).status, 200);
    let last = master.replace("master.m3u8", &format!("v720-{}.m4s", SEGMENTS - 1));
    assert_eq!(site.client.get(&last).body, segment("v720", SEGMENTS - 1));
    assert_eq!(site.client.get(&last.replace(FILM, OTHER)).status, 403);
    let other = site.client.grant(&json!({"title": OTHER}), Some(token));
    assert_eq!((other.status, other.slug().as_str()), (403, "wrong-title"));
}

#[test]
fn a_free_film_opens_whole_for_everybody() {
    let site = Site::open();
    let grant = site.client.grant(&json!({"title": FREE}), None).json();
    assert_eq!(
        (&grant["full"], &grant["preview_s"]),
        (&json!(true), &json!(null))
    );
    let last = grant["master_url"]
        .as_str()
        .expect("a URL")
        .replace("master.m3u8", "a-9.m4s");
    assert_eq!(site.client.get(&last).status, 200);
    let order = site
        .client
        .post("/api/orders", &json!({"title": FREE, "tier": "own"}));
    assert_eq!((order.status, order.slug().as_str()), (422, "free"));
}

#[test]
fn without_a_good_grant_nothing_leaves() {
    let site = Site::open();
    let grant = preview(&site, false);
    let mut forged = grant.clone().into_bytes();
    forged[50] = if forged[50] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("text");
    for bad in ["x", "", &forged, &grant[..99], &"A".repeat(5000)] {
        let answer = site.client.get(&format!("/m/{bad}/{FILM}/v720-0.m4s"));
        assert_eq!(answer.status, 403, "{bad}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert!(!answer.text().contains('/') || answer.text().contains("/api/grants"));
    }
    site.clock.advance(601);
    assert_eq!(
        site.client
            .get(&format!("/m/{grant}/{FILM}/v720-0.m4s"))
            .status,
        403
    );
}

#[test]
fn path_tricks_find_nothing() {
    let site = Site::open();
    let grant = preview(&site, false);
    for file in [
        "title.json",
        "..%2ftitle.json",
        "%2e%2e/title.json",
        "v720-0.m4s%00",
        "v720-0.m4s.tmp",
        "job.json",
        "v720-00.m4s",
        "%76720-0.m4s",
        "",
        "master.m3u8/",
        "../2222222222222222/a.m3u8",
        "v1080.m3u8",
        "v720-10.m4s.m3u8",
    ] {
        let answer = site.client.get(&format!("/m/{grant}/{FILM}/{file}"));
        assert!(
            matches!(answer.status, 403 | 404),
            "{file}: {}",
            answer.status
        );
        assert!(!answer.text().contains("preview_s"), "{file}");
    }
    assert_eq!(
        site.client
            .get(&format!("/m/{grant}/{FILM}/title.json"))
            .status,
        404
    );
}

#[test]
fn segments_come_as_http_wants_them() {
    let site = Site::open();
    let grant = preview(&site, false);
    let path = format!("/m/{grant}/{FILM}/v720-0.m4s");
    let whole = site.client.get(&path);
    assert_eq!(whole.header("content-type"), "video/mp4");
    assert_eq!(
        whole.header("cache-control"),
        "private, max-age=31536000, immutable"
    );
    assert_eq!(whole.header("access-control-allow-origin"), "*");
    assert_eq!(whole.header("referrer-policy"), "no-referrer");
    let length = whole.body.len().to_string();
    assert_eq!(whole.header("content-length"), length);

    let head = site.client.send("HEAD", &path, &[], b"");
    assert_eq!(
        (head.status, head.header("content-length"), head.body.len()),
        (200, &*length, 0)
    );

    let part = site
        .client
        .send("GET", &path, &[("range", "bytes=2-5")], b"");
    assert_eq!((part.status, &part.body[..]), (206, &whole.body[2..6]));
    assert_eq!(part.header("content-range"), format!("bytes 2-5/{length}"));
    assert_eq!(
        site.client
            .send("GET", &path, &[("range", "bytes=99999-")], b"")
            .status,
        416
    );

    let etag = whole.header("etag").to_owned();
    let known = site
        .client
        .send("GET", &path, &[("if-none-match", &etag)], b"");
    assert_eq!((known.status, known.body.len()), (304, 0));

    assert_eq!(site.client.send("OPTIONS", &path, &[], b"").status, 204);
    for method in ["POST", "PUT", "DELETE", "PATCH", "BREW"] {
        assert_eq!(
            site.client.send(method, &path, &[], b"").status,
            405,
            "{method}"
        );
    }
}

#[test]
fn playlists_are_compressed_and_revalidated() {
    let site = Site::open();
    let token = site.client.buy(FILM, "own");
    let grant = site
        .client
        .grant(&json!({"title": FILM}), token["token"].as_str())
        .json();
    let path = grant["master_url"]
        .as_str()
        .expect("a URL")
        .replace("master", "v720");
    let zipped = site
        .client
        .send("GET", &path, &[("accept-encoding", "gzip")], b"");
    assert_eq!(zipped.header("content-encoding"), "gzip");
    assert_eq!(zipped.header("cache-control"), "private, no-cache");
    assert_eq!(
        zipped.header("content-type"),
        "application/vnd.apple.mpegurl"
    );
    let plain = site.client.get(&path);
    assert!(zipped.body.len() < plain.body.len());
    assert_ne!(zipped.header("etag"), plain.header("etag"));
}

#[test]
fn posters_are_free_and_nothing_else_is() {
    let site = Site::open();
    let title = site.client.get(&format!("/api/titles/{FILM}")).json();
    let poster = site.client.get(title["poster"].as_str().expect("a poster"));
    assert_eq!(
        (poster.status, poster.header("content-type")),
        (200, "image/jpeg")
    );
    let clip = site.client.get(&format!("/posters/{FILM}/hover.mp4"));
    assert_eq!(
        (clip.status, clip.header("content-type")),
        (200, "video/mp4")
    );
    for file in [
        "title.json",
        "v720-0.m4s",
        "master.m3u8",
        "sprite-0.jpg",
        "poster-1.jpg",
        "..%2fposter.jpg",
    ] {
        assert_eq!(
            site.client.get(&format!("/posters/{FILM}/{file}")).status,
            404,
            "{file}"
        );
    }
}

/// A web server in front that serves the files itself asks for each.
#[test]
fn a_proxy_of_ours_is_told_what_it_may_serve_itself() {
    let (site, _folder) = floods::site(Limits::default(), &["127.0.0.1"]);
    let preview = preview(&site, false);
    let token = site.client.buy(FILM, "own");
    let bought = site.client.grant(
        &json!({"title": FILM}),
        Some(token["token"].as_str().expect("a token")),
    );
    let bought = bought.json()["grant"].as_str().expect("a grant").to_owned();
    let ask = |uri: &str| {
        let headers = [("x-original-uri", uri)];
        let answer = site.client.send("GET", "/internal/auth", &headers, b"");
        assert!(answer.body.is_empty() && answer.header("cache-control") == "no-store");
        answer.status
    };
    for (grant, file, expected) in [
        (&bought, "v720-2.m4s", 204),
        (&bought, "v720.m3u8", 204),
        (&preview, "v720-0.m4s", 204),
        (&preview, "v720-init.mp4", 204),
        (&preview, "v720-2.m4s", 403),
        // Cut for the preview: not what lies on disk.
        (&preview, "v720.m3u8", 403),
        (&preview, "storyboard.vtt", 403),
        (&bought, "title.json", 403),
        (&"x".to_owned(), "v720-0.m4s", 403),
    ] {
        assert_eq!(
            ask(&format!("/m/{grant}/{FILM}/{file}")),
            expected,
            "{file}"
        );
    }
    for uri in [
        format!("/m/{bought}/{OTHER}/v720-0.m4s"),
        // What a proxy would turn into another path than the one that is looked at.
        format!("/m/{bought}/{FILM}/../{OTHER}/v720-0.m4s"),
        format!("/m/{bought}/{FILM}/%2e%2e/{OTHER}/v720-0.m4s"),
        format!("/m/{bought}/{FILM}//v720-0.m4s"),
        format!("/m/{bought}/{FILM}/v720-0.m4s/"),
        format!("/internal/auth?/m/{bought}/{FILM}/v720-0.m4s"),
        "nonsense".to_owned(),
        String::new(),
    ] {
        assert_eq!(ask(&uri), 403, "{uri}");
    }
    assert_eq!(ask(&format!("/m/{bought}/{FILM}/v720-2.m4s?x=1")), 204);
    let fine = format!("/m/{bought}/{FILM}/v720-2.m4s");
    let twice = [("x-original-uri", fine.as_str()); 2];
    let status = |site: &Site, headers: &[(&str, &str)]| {
        let answer = site.client.send("GET", "/internal/auth", headers, b"");
        answer.status
    };
    assert_eq!(status(&site, &twice), 403);
    assert_eq!(status(&site, &[]), 403);
    // Whoever is no proxy finds nothing here.
    assert_eq!(status(&Site::open(), &twice[..1]), 404);
}
