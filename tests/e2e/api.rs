//! The list of titles, health, and what every page carries.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::site::{FILM, FREE, OTHER, Site, wait_until, write_title};

#[test]
fn titles_are_listed_searched_and_hidden() {
    let site = Site::open();
    let ids = |path: &str| -> BTreeSet<String> {
        let list = site.client.get(path).json();
        let titles = list["titles"].as_array().expect("titles").clone();
        titles
            .iter()
            .filter_map(|title| title["id"].as_str().map(str::to_owned))
            .collect()
    };
    let set = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(ids("/api/titles"), set(&[FILM, OTHER, FREE]));
    assert_eq!(ids("/api/titles?q=gift"), set(&[FREE]));
    assert_eq!(ids("/api/titles?q=nothing%20such"), set(&[]));
    assert_eq!(ids("/api/titles?page=7"), set(&[]));
    write_title(
        &site.data,
        OTHER,
        &json!({"name": "Another", "state": "hidden"}),
    );
    wait_until("hidden", || ids("/api/titles").len() == 2);
    assert_eq!(ids("/api/titles"), set(&[FILM, FREE]));
    assert_eq!(site.client.get(&format!("/api/titles/{OTHER}")).status, 404);
    assert_eq!(site.client.get(&format!("/w/{OTHER}")).status, 404);
    assert_eq!(
        site.client.grant(&json!({"title": OTHER}), None).status,
        404
    );
}

#[test]
fn pages_load_nothing_from_elsewhere() {
    let site = Site::open();
    for path in [
        "/",
        &format!("/w/{FILM}"),
        "/purchases",
        "/wallet",
        "/nothing",
    ] {
        let page = site.client.get(path);
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}: {policy}"
        );
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("set-cookie"), "", "{path} sets no cookie");
        let html = page.text();
        for part in html
            .split("src=\"")
            .chain(html.split("<link rel=\"stylesheet\" href=\""))
            .skip(1)
        {
            assert!(
                part.starts_with('/') || part.starts_with('<'),
                "{path}: {}",
                &part[..40]
            );
        }
    }
}

#[test]
fn assets_named_by_a_page_are_there_for_ever() {
    let site = Site::open();
    let html = site.client.get(&format!("/w/{FILM}")).text();
    let mut found = 0;
    for part in html.split('"').filter(|part| part.starts_with("/assets/")) {
        let asset = site
            .client
            .send("GET", part, &[("accept-encoding", "br")], b"");
        assert_eq!(asset.status, 200, "{part}");
        assert_eq!(
            asset.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        found += 1;
    }
    assert!(found >= 3, "style, script and icon: {html}");
}

#[test]
fn it_says_whether_it_is_up_and_ready() {
    let site = Site::open();
    assert_eq!(site.client.get("/healthz").text(), "ok\n");
    // What was settled in the meantime is taken in first.
    wait_until("ready", || site.client.get("/readyz").status == 200);
    let ready = site.client.get("/readyz");
    assert_eq!(
        (ready.status, ready.json()),
        (200, json!({"ready": true, "reasons": []}))
    );
}

#[test]
fn the_description_names_every_route() {
    let site = Site::open();
    let described = site.client.get("/api/openapi.json").json();
    assert_eq!(described["openapi"], "3.1.0");
    let paths: Vec<&String> = described["paths"]
        .as_object()
        .expect("paths")
        .keys()
        .collect();
    for (path, methods) in described["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let concrete = path.replace("{id}", FILM).replace("{order}", "x");
            let body: Value = json!({});
            let answer = match method.as_str() {
                "get" => site.client.get(&concrete),
                "put" | "post" | "patch" => site.client.send(
                    &method.to_uppercase(),
                    &concrete,
                    &[("content-type", "application/json")],
                    body.to_string().as_bytes(),
                ),
                "delete" | "head" | "options" => {
                    site.client
                        .send(&method.to_uppercase(), &concrete, &[], b"")
                }
                other => panic!("{other} {path}"),
            };
            assert_ne!(answer.status, 405, "{method} {path}");
            let declared = &methods[method]["responses"];
            assert!(
                declared.get(answer.status.to_string()).is_some(),
                "{method} {path}: {}",
                answer.status
            );
        }
    }
    let sources = [
        include_str!("../../src/web/api/mod.rs"),
        include_str!("../../src/web/api/studio/mod.rs"),
        include_str!("../../src/web/api/studio/uploads.rs"),
    ];
    let routes = sources.iter().flat_map(|source| {
        let routes = source.split(".route(").skip(1);
        routes.filter_map(|rest| rest.split('"').nth(1))
    });
    // What takes in whatever is no address of the studio's.
    for route in routes.filter(|route| !route.contains("{*")) {
        let known = route == "/api/openapi.json" || paths.iter().any(|path| *path == route);
        assert!(known, "{route} is not described");
    }
}
