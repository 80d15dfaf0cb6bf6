//! SFTP: the suite on a real OpenSSH server, and what only SFTP has.

use async_trait::async_trait;
use copy_places::{Sshd, make_key};
use satreel_config::{Place, Secret};
use satreel_destinations::{Destination, Error, Name, open, prepare};

use crate::suite::{self, Stage};

struct Server {
    sshd: Sshd,
    place: Box<dyn Destination>,
}

impl Server {
    async fn started() -> Self {
        let sshd = Sshd::start();
        let options = sshd.place("copies");
        prepare(&options).await.expect("made ready");
        prepare(&options).await.expect("ready already");
        let place = open(&options).expect("a server");
        Self { sshd, place }
    }
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

#[async_trait]
impl Stage for Server {
    fn destination(&self) -> &dyn Destination {
        &*self.place
    }

    async fn leave_half_written(&self, name: &Name) {
        let left = self.sshd.folder().join(format!("disk/copies/.{name}.part"));
        std::fs::write(left, "hal").expect("written");
    }

    async fn leave_foreign(&self) {
        let copies = self.sshd.folder().join("disk/copies");
        std::fs::write(copies.join("Notes of mine.TXT"), "x").expect("written");
        std::fs::create_dir(copies.join("folder")).expect("made");
        std::os::unix::fs::symlink("/etc/hostname", copies.join("link")).expect("made");
    }

    async fn go_away(&mut self) {
        self.sshd.stop();
    }

    async fn come_back(&mut self) {
        self.sshd.listen();
    }
}

#[tokio::test]
async fn an_sftp_server_is_a_destination() {
    suite::holds(&mut Server::started().await).await;
}

#[tokio::test]
async fn another_host_key_is_not_believed() {
    let server = Server::started().await;
    let other = make_key(server.sshd.folder(), "other");
    let mut options = server.sshd.place("copies");
    if let Place::Sftp { host_key, .. } = &mut options {
        *host_key = other;
    }
    let error = open(&options)
        .expect("a server")
        .list()
        .await
        .expect_err("another host");
    let Error::WrongHost {
        expected, found, ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert!(expected != found && found.starts_with("SHA256:"), "{error}");
    assert!(!error.is_passing());
}

#[tokio::test]
async fn a_key_that_is_not_accepted_is_told() {
    let server = Server::started().await;
    // The secret is read with every call: a key that was replaced is the one that counts.
    make_key(server.sshd.folder(), "other");
    let (other, client) = (
        server.sshd.folder().join("other"),
        server.sshd.folder().join("client"),
    );
    std::fs::copy(other, client).expect("replaced");
    let error = server
        .place
        .put(&name("a"), b"x")
        .await
        .expect_err("refused");
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("authorized_keys"), "{error}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told_with_a_remedy() {
    let server = Server::started().await;
    let place = open(&server.sshd.place("nowhere")).expect("a server");
    for error in [
        place.list().await.expect_err("not there"),
        place.get(&name("a")).await.expect_err("not there"),
        place.put(&name("a"), b"x").await.expect_err("not there"),
    ] {
        assert!(matches!(error, Error::NotReady { .. }), "{error:?}");
        assert!(error.to_string().contains("make it"), "{error}");
    }
}

#[tokio::test]
async fn a_full_disk_is_told() {
    let server = Server::started().await;
    // A disk of a megabyte is mounted there for the server alone.
    let place = open(&server.sshd.place("full")).expect("a server");
    let error = place
        .put(&name("a"), &vec![7; 3 << 20])
        .await
        .expect_err("full");
    assert!(matches!(error, Error::NoRoom { .. }), "{error:?}");
    assert!(error.is_passing());
    place
        .put(&name("a"), &[7; 1 << 10])
        .await
        .expect("room for little");
}

#[test]
fn what_is_no_key_is_told_before_anything_is_reached() {
    for (bad, word) in [
        ("", "ssh-ed25519"),
        ("ssh-ed25519 AAAA", "ssh-ed25519"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "ssh-ed25519"),
    ] {
        let options = Place::Sftp {
            host: "backup.example".to_owned(),
            port: 22,
            user: "satreel".to_owned(),
            path: "copies".to_owned(),
            key: Secret::Env("SATREEL_NONE".to_owned()),
            host_key: bad.to_owned(),
        };
        let error = open(&options).expect_err("no key");
        assert!(
            matches!(
                error,
                Error::Options {
                    key: "host_key",
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(error.to_string().contains(word), "{error}");
    }
}
