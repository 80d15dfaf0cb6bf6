//! S3: the suite on a real SeaweedFS, and what only stores have.

use std::fs;

use async_trait::async_trait;
use copy_places::Weed;
use satreel_config::{Place, Secret};
use satreel_destinations::{Destination, Error, Name, open, prepare};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::suite::{self, Stage};

struct Store {
    weed: Weed,
    place: Box<dyn Destination>,
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

impl Store {
    async fn of(weed: Weed) -> Self {
        let options = weed.place("films", "/site/a/");
        prepare(&options).await.expect("it is there");
        let place = open(&options).expect("a store");
        Self { weed, place }
    }

    async fn started() -> Self {
        Self::of(Weed::start().await).await
    }
}

#[async_trait]
impl Stage for Store {
    fn destination(&self) -> &dyn Destination {
        &*self.place
    }

    /// A request that breaks off in the middle of its body.
    async fn leave_half_written(&self, name: &Name) {
        let url = self.weed.signed_put(&format!("site/a/{name}"));
        let host = self.weed.address();
        let mut line = TcpStream::connect(&host).await.expect("connected");
        let path = url.trim_start_matches("http://").trim_start_matches(&host);
        let head =
            format!("PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\nhal");
        line.write_all(head.as_bytes()).await.expect("sent");
        line.shutdown().await.expect("broken off");
    }

    async fn leave_foreign(&self) {
        for key in ["site/a/Notes of mine.TXT", "site/a/folder/x", "site/b", "x"] {
            assert!(
                self.weed.put(key, Vec::from("x")).await.is_success(),
                "{key}"
            );
        }
    }

    async fn go_away(&mut self) {
        self.weed.kill();
    }

    async fn come_back(&mut self) {
        self.weed.run().await;
    }
}

#[tokio::test]
async fn an_s3_store_is_a_destination() {
    suite::holds(&mut Store::started().await).await;
}

#[tokio::test]
async fn what_a_store_refuses_is_told_with_a_remedy() {
    let store = Store::started().await;
    store.place.put(&name("a"), b"x").await.expect("put");

    let missing = open(&store.weed.place("nowhere", "")).expect("a store");
    for error in [
        missing.put(&name("a"), b"x").await.expect_err("no bucket"),
        missing.get(&name("a")).await.expect_err("no bucket"),
        missing.list().await.expect_err("no bucket"),
    ] {
        assert!(
            matches!(error, Error::NotReady { .. } | Error::Refused { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("bucket"), "{error}");
    }

    // Secrets are read with every call: those that were replaced are the ones that count.
    let secrets = store.weed.folder();
    fs::write(secrets.join("secret"), "another").expect("written");
    let error = store
        .place
        .put(&name("a"), b"y")
        .await
        .expect_err("refused");
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("secret_key"), "{error}");
    fs::write(secrets.join("access"), "nobody").expect("written");
    let error = store.place.get(&name("a")).await.expect_err("refused");
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("access_key"), "{error}");
    assert!(!format!("{error:?} {:?}", store.place).contains("another"));
}

#[tokio::test]
async fn a_store_without_room_is_told_and_takes_copies_again_when_there_is_some() {
    let store = Store::of(Weed::start_small().await).await;
    store.weed.fill().await;
    let error = store.place.put(&name("a"), b"x").await.expect_err("full");
    // SeaweedFS calls that an internal error.
    assert!(
        matches!(error, Error::Away { .. } | Error::NoRoom { .. }),
        "{error:?}"
    );
    assert!(error.is_passing());
    assert_eq!(store.place.list().await.expect("a list"), []);
    store.weed.make_room().await;
    store.place.put(&name("a"), b"x").await.expect("room");
    assert_eq!(store.place.get(&name("a")).await.expect("it"), b"x");
}

#[tokio::test]
async fn a_store_beyond_this_machine_wants_https() {
    let options = |endpoint: &str| Place::S3 {
        endpoint: endpoint.parse().expect("an address"),
        region: "us-east-1".to_owned(),
        bucket: "films".to_owned(),
        prefix: String::new(),
        access_key: Secret::Env("SATREEL_NONE".to_owned()),
        secret_key: Secret::Env("SATREEL_NONE".to_owned()),
    };
    let error = open(&options("http://store.example")).expect_err("in the clear");
    assert!(
        matches!(
            error,
            Error::Options {
                key: "endpoint",
                ..
            }
        ),
        "{error:?}"
    );
    let place = open(&options("https://store.example")).expect("a store");
    let error = place.list().await.expect_err("no secret");
    assert!(matches!(error, Error::Secret { .. }), "{error:?}");
}
