//! How many devices play one purchase at once.

use serde_json::{Value, json};

use crate::site::{Answer, FILM, FREE, START, Site, data_folder};

/// A device with a purchase.
struct Device<'a> {
    site: &'a Site,
    token: String,
    session: Value,
    grant: String,
}

impl<'a> Device<'a> {
    fn start(site: &'a Site, token: &Value) -> Self {
        let mut device = Self {
            site,
            token: token["token"].as_str().expect("a token").to_owned(),
            session: Value::Null,
            grant: String::new(),
        };
        assert_eq!(device.ask().status, 200);
        device
    }

    /// Begins where it has no session, else renews.
    fn ask(&mut self) -> Answer {
        let body = json!({"title": FILM, "session": self.session});
        let answer = self.site.client.grant(&body, Some(&self.token));
        if answer.status == 200 {
            let granted = answer.json();
            self.session = granted["session"].clone();
            self.grant = granted["grant"].to_string().replace('"', "");
        }
        answer
    }

    fn take_back(&mut self) {
        self.session = Value::Null;
        assert_eq!(self.ask().status, 200);
    }

    /// Whether the next segment comes.
    fn plays(&self) -> bool {
        let path = format!("/m/{}/{FILM}/v720-7.m4s", self.grant);
        let answer = self.site.client.get(&path);
        if answer.status == 403 {
            assert!(answer.text().contains("other devices"), "{}", answer.text());
        }
        answer.status == 200
    }
}

#[test]
fn the_newest_devices_play_and_the_oldest_is_told() {
    let site = Site::open();
    let token = site.client.buy(FILM, "own");
    let mut first = Device::start(&site, &token);
    let mut second = Device::start(&site, &token);
    assert!(first.plays() && second.plays());
    assert_eq!(first.ask().status, 200, "a renewal keeps its place");

    let mut third = Device::start(&site, &token);
    assert!(!first.plays(), "its running grant is refused at once");
    assert!(second.plays() && third.plays());
    let refused = first.ask();
    assert_eq!(
        (refused.status, refused.slug().as_str()),
        (409, "too-many-sessions")
    );
    first.take_back();
    assert!(first.plays() && third.plays());
    assert!(!second.plays(), "the oldest now");
    assert_eq!(second.ask().status, 409);
    assert_eq!(third.ask().status, 200);

    // Two stop: their places are free when their grants have run out.
    site.clock.advance(601);
    assert_eq!(second.ask().status, 200);
    assert!(second.plays());
}

#[test]
fn purchases_are_counted_apart_and_free_films_and_previews_not_at_all() {
    let site = Site::open();
    let (one, other) = (site.client.buy(FILM, "own"), site.client.buy(FILM, "own"));
    let devices: Vec<_> = [&one, &one, &other, &other]
        .map(|token| Device::start(&site, token))
        .into();
    assert!(devices.iter().all(Device::plays));
    for _ in 0..5 {
        assert_eq!(site.client.grant(&json!({"title": FREE}), None).status, 200);
        assert_eq!(site.client.grant(&json!({"title": FILM}), None).status, 200);
    }
    assert!(devices.iter().all(Device::plays));
}

#[test]
fn a_restart_costs_nobody_his_place() {
    let folder = data_folder();
    let mut site = Site::on(folder.path(), START);
    let token = site.client.buy(FILM, "own");
    let (first, second) = {
        let device = || Device::start(&site, &token);
        let (first, second) = (device(), device());
        ((first.session, first.grant), (second.session, second.grant))
    };
    site.stop().expect("stopped in order");
    drop(site);

    let site = Site::on(folder.path(), START + 1);
    let again = |(session, grant): (Value, String)| Device {
        site: &site,
        token: token["token"].as_str().expect("a token").to_owned(),
        session,
        grant,
    };
    let (mut first, mut second) = (again(first), again(second));
    assert!(first.plays() && second.plays());
    assert_eq!((first.ask().status, second.ask().status), (200, 200));
    let third = Device::start(&site, &token);
    assert!(third.plays() && second.plays() && !first.plays());
}

#[test]
fn the_operator_says_how_many() {
    let folder = data_folder();
    let mut config = satreel_config::Config::demo(folder.path());
    config.limits.sessions = 1;
    let site = Site::with(config, START);
    let token = site.client.buy(FILM, "own");
    let first = Device::start(&site, &token);
    let second = Device::start(&site, &token);
    assert!(second.plays() && !first.plays());
}
