//! S3: the suite on a real SeaweedFS, and what only stores have.

use std::{fs, time::Duration};

use async_trait::async_trait;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use satreel_config::Secret;
use satreel_destinations::{Destination, Error, Name, Options, open, prepare};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    suite::{self, Stage},
    weed::{ADMIN, BACKUP, Weed},
};

const MINUTE: Duration = Duration::from_mins(1);

struct Store {
    weed: Weed,
    bucket: Bucket,
    place: Box<dyn Destination>,
}

fn bucket(weed: &Weed, name: &'static str) -> Bucket {
    let endpoint = weed.endpoint().parse().expect("an address");
    Bucket::new(endpoint, UrlStyle::Path, name, "us-east-1").expect("a bucket")
}

fn secret(weed: &Weed, name: &str, text: &str) -> Secret {
    let path = weed.folder().join(name);
    fs::write(&path, text).expect("written");
    Secret::File(path)
}

fn options(weed: &Weed, bucket: &str, prefix: &str) -> Options {
    Options::S3 {
        endpoint: weed.endpoint().parse().expect("an address"),
        region: "us-east-1".to_owned(),
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        access_key: secret(weed, "access", BACKUP.0),
        secret_key: secret(weed, "secret", BACKUP.1),
    }
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

impl Store {
    async fn started() -> Self {
        let weed = Weed::start().await;
        let bucket = bucket(&weed, "films");
        let admin = Credentials::new(ADMIN.0, ADMIN.1);
        let made = reqwest::Client::new()
            .put(bucket.create_bucket(&admin).sign(MINUTE))
            .send()
            .await;
        assert!(made.expect("an answer").status().is_success());
        let options = options(&weed, "films", "/site/a/");
        prepare(&options).await.expect("it is there");
        let place = open(&options).expect("a store");
        Self {
            weed,
            bucket,
            place,
        }
    }

    async fn put_by_hand(&self, key: &str) {
        let admin = Credentials::new(ADMIN.0, ADMIN.1);
        let url = self.bucket.put_object(Some(&admin), key).sign(MINUTE);
        let answer = reqwest::Client::new().put(url).body("x").send().await;
        assert!(answer.expect("an answer").status().is_success(), "{key}");
    }
}

#[async_trait]
impl Stage for Store {
    fn destination(&self) -> &dyn Destination {
        &*self.place
    }

    /// A request that breaks off in the middle of its body.
    async fn leave_half_written(&self, name: &Name) {
        let admin = Credentials::new(ADMIN.0, ADMIN.1);
        let url = self
            .bucket
            .put_object(Some(&admin), &format!("site/a/{name}"))
            .sign(MINUTE);
        let address = self.weed.endpoint();
        let host = address.trim_start_matches("http://");
        let mut line = TcpStream::connect(host).await.expect("connected");
        let path = url.as_str().trim_start_matches(&address);
        let head =
            format!("PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\nhal");
        line.write_all(head.as_bytes()).await.expect("sent");
        line.shutdown().await.expect("broken off");
    }

    async fn leave_foreign(&self) {
        for key in ["site/a/Notes of mine.TXT", "site/a/folder/x", "site/b", "x"] {
            self.put_by_hand(key).await;
        }
    }

    async fn go_away(&mut self) {
        self.weed.kill().await;
    }

    async fn come_back(&mut self) {
        self.weed.run().await;
    }
}

#[tokio::test]
async fn an_s3_store_is_a_destination() {
    // Tests make requests of their own, and the crate is built without a provider of ciphers.
    let _ = rustls::crypto::ring::default_provider().install_default();
    suite::holds(&mut Store::started().await).await;
}

#[tokio::test]
async fn what_a_store_refuses_is_told_with_a_remedy() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = Store::started().await;
    store.place.put(&name("a"), b"x").await.expect("put");

    let missing = open(&options(&store.weed, "nowhere", "")).expect("a store");
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
    secret(&store.weed, "secret", "another");
    let error = store
        .place
        .put(&name("a"), b"y")
        .await
        .expect_err("refused");
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("secret_key"), "{error}");
    secret(&store.weed, "access", "nobody");
    let error = store.place.get(&name("a")).await.expect_err("refused");
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("access_key"), "{error}");
    assert!(!format!("{error:?} {:?}", store.place).contains("another"));
}

#[tokio::test]
async fn a_store_beyond_this_machine_wants_https() {
    let options = |endpoint: &str| Options::S3 {
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
