//! Sales in the studio: the list, the table, the days, and as they happen.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::site::{FILM, OTHER, START, Site, wait_until};
use crate::studio::Creator;

/// An event stream, read line by line.
struct Events(BufReader<TcpStream>);

impl Events {
    fn of(creator: &Creator, path: &str, accept: &str) -> Self {
        let mut stream = TcpStream::connect(creator.client.address()).expect("connected");
        let cookie = &creator.cookie;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nAccept: {accept}\r\n\r\n"
        )
        .expect("sent");
        let mut events = Self(BufReader::new(stream));
        assert_eq!(events.line(), "HTTP/1.1 200 OK");
        while !events.line().is_empty() {}
        assert_eq!(events.next().0, "hello");
        events
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    fn next(&mut self) -> (String, Value) {
        loop {
            let line = self.line();
            let Some(name) = line.strip_prefix("event: ") else {
                continue;
            };
            let data = self.line();
            let data = data.strip_prefix("data: ").expect("data");
            return (name.to_owned(), serde_json::from_str(data).expect("JSON"));
        }
    }

    fn until(&mut self, wanted: &str) -> Value {
        loop {
            let (name, data) = self.next();
            if name == wanted {
                return data;
            }
        }
    }
}

#[test]
fn sales_are_listed_summed_and_exported() {
    let site = Site::open();
    site.client.buy(FILM, "own");
    site.clock.advance(86_400);
    let creator = Creator::at(&site);
    site.client.buy(OTHER, "rent");
    let list = creator.get("/api/studio/sales").json();
    let sales = list["sales"].as_array().expect("sales");
    assert_eq!(sales.len(), 2);
    assert_eq!(
        (&sales[0]["name"], &sales[0]["received_sat"]),
        (&json!("Another"), &json!(100))
    );
    assert_eq!(
        (&sales[1]["name"], &sales[1]["tier"]),
        (&json!("The Film"), &json!("own"))
    );
    let days = list["days"].as_array().expect("days");
    assert_eq!(days.len(), 30);
    // START is 08:00 in UTC.
    assert_eq!(days[29]["date"], "2027-01-16");
    assert_eq!(
        (&days[29]["received_sat"], &days[28]["received_sat"]),
        (&json!(100), &json!(3000))
    );
    assert_eq!(days[27]["sales"], 0);
    // Where it is already tomorrow.
    let path = format!("/api/studio/sales?days=2&offset_min={}", 14 * 60);
    let east = creator.get(&path).json();
    let hour = START % 86_400 / 3600;
    let date = if hour + 14 >= 24 {
        "2027-01-17"
    } else {
        "2027-01-16"
    };
    assert_eq!(east["days"][1]["date"], date);
    assert_eq!(east["days"][1]["received_sat"], 100);

    let table = creator.send("GET", "/api/studio/sales", &[("accept", "text/csv")], b"");
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    let file = creator.get("/api/studio/sales.csv");
    assert_eq!(file.text(), table.text());
    assert_eq!(file.text().lines().count(), 3);
    assert!(file.header("content-disposition").contains("sales.csv"));
    for query in ["limit=0", "limit=1001", "days=0", "offset_min=900"] {
        let refused = creator.get(&format!("/api/studio/sales?{query}"));
        assert_eq!(refused.status, 422);
        assert_eq!(
            refused.json()["field"],
            query.split('=').next().expect("a field")
        );
    }
    assert_eq!(creator.get("/api/studio/sales?x=1").status, 400);
}

#[test]
fn a_sale_is_told_as_it_happens() {
    let site = Site::open();
    let creator = Creator::at(&site);
    site.client.buy(FILM, "rent");
    for (path, accept) in [
        ("/api/studio/events", "*/*"),
        ("/api/studio/sales", "text/event-stream"),
    ] {
        let mut events = Events::of(&creator, path, accept);
        site.client.buy(FILM, "own");
        let sale = events.until("sale");
        // Not the one from before.
        assert_eq!(
            (&sale["tier"], &sale["name"]),
            (&json!("own"), &json!("The Film"))
        );
        let tip = json!({"amount_sat": 21, "message": "Danke", "title": FILM});
        let tip = site.client.post("/api/tips", &tip).json();
        let request = json!({"payment_request": tip["payment_request"]});
        assert_eq!(site.client.post("/wallet/pay", &request).status, 200);
        assert_eq!(events.until("tip")["message"], "Danke");
        creator.patch(OTHER, "*", &json!({"year": 1950}));
        assert_eq!(events.until("titles"), json!({}));
        let year = creator.title(OTHER)["year"].as_u64().expect("a year");
        creator.patch(OTHER, "*", &json!({"year": year + 1}));
        let jobs = site.data.join("jobs");
        std::fs::create_dir_all(&jobs).expect("a folder");
        let percent = std::fs::read_dir(&jobs).expect("a folder").count();
        let job = json!({"id": FILM, "state": "working", "percent": percent});
        std::fs::write(jobs.join(format!("{percent}.json")), job.to_string()).expect("written");
        let told = events.until("jobs");
        assert_eq!(told["jobs"][0]["percent"], percent);
    }
    let jobs = creator.get("/api/studio/jobs").json();
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(2));
}

#[test]
fn today_says_how_business_and_node_are() {
    let site = Site::open();
    let creator = Creator::at(&site);
    site.client.buy(FILM, "own");
    let today = || creator.get("/api/studio/today").json();
    wait_until("the past is taken in", || {
        today()["node"]["reconciled"] == true
    });
    let today = today();
    assert_eq!(
        (&today["today"]["sales"], &today["today"]["received_sat"]),
        (&json!(1), &json!(3000))
    );
    assert_eq!(today["yesterday"]["sales"], 0);
    assert_eq!(today["waiting_viewers"], 0);
    let node = &today["node"];
    assert_eq!(
        (&node["backend"], &node["up"], &node["fault"]),
        (&json!("wallet"), &json!(true), &json!(null))
    );
    assert_eq!(
        (&node["dearest_sat"], &node["too_little_inbound"]),
        (&json!(3000), &json!(false))
    );
    assert!(
        today["disk"]["free_bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 0)
    );
}

#[test]
fn changes_of_jobs_are_asked_for() {
    let site = Site::open();
    let creator = Creator::at(&site);
    let ask = |id: &str, change: Value| {
        let path = format!("/api/studio/jobs/{id}");
        let kind = [("content-type", "application/json")];
        creator.send("POST", &path, &kind, change.to_string().as_bytes())
    };
    assert_eq!(
        ask(FILM, json!({"do": "remake", "preview_s": 60})).status,
        202
    );
    let asked = std::fs::read_dir(site.data.join("jobs/asked")).expect("a folder");
    let texts: Vec<_> = asked
        .map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("read"))
        .collect();
    assert_eq!(
        texts,
        [format!(
            r#"{{"job":"{FILM}","do":"remake","preview_s":60}}"#
        )]
    );
    assert_eq!(ask("ffffffffffffffff", json!({"do": "pause"})).status, 404);
    for refused in [
        json!({"do": "run"}),
        json!({"do": "pause", "more": 1}),
        json!({"do": "delete"}),
        json!({"do": "replace", "file": "x.mp4"}),
    ] {
        assert_eq!(ask(FILM, refused.clone()).status, 422, "{refused}");
    }
}
