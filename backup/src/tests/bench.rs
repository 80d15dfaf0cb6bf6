//! A node that does what it is told, folders as destinations, and a clock that stands still until it is
//! moved.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use age::{secrecy::ExposeSecret, x25519};
use async_trait::async_trait;
use jiff::Timestamp;
use satreel_backup_status::Status;
use satreel_config::{Backup, Place as Where};
use satreel_destinations::MARKER;
use satreel_lnd::{Error as NodeError, backup::Compared};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::{
    clock::Clock,
    guardian::Guardian,
    name::{Copy, Kind},
    node::{Channels, Node, Snapshot},
    place::Place,
    seal::Identities,
    site,
};

/// A node whose backup is the list of its channels and a number that is never the same.
#[derive(Debug, Default)]
pub(super) struct Fake {
    pub(super) channels: Mutex<Channels>,
    pub(super) nonce: AtomicI64,
    pub(super) away: Mutex<bool>,
    pub(super) told: watch::Sender<Option<Snapshot>>,
    /// Says of every backup that this channel is in it too.
    pub(super) lies: Mutex<Option<String>>,
    pub(super) asked: AtomicI64,
    /// What is wrong with the macaroon, and how often it was looked at.
    pub(super) macaroon_fault: Mutex<Option<String>>,
    pub(super) looked: AtomicI64,
}

impl Fake {
    pub(super) fn set(&self, channels: &[&str]) {
        *self.channels.lock().expect("channels") =
            channels.iter().map(|name| (*name).to_owned()).collect();
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let channels = self.channels.lock().expect("channels").clone();
        let nonce = self.nonce.fetch_add(1, Ordering::SeqCst);
        let names: Vec<_> = channels.iter().map(String::as_str).collect();
        let backup = format!("{nonce}|{}", names.join(",")).into_bytes();
        Snapshot { backup, channels }
    }

    /// As LND tells of a channel that comes or goes.
    pub(super) fn change(&self, channels: &[&str]) {
        self.set(channels);
        self.told.send_replace(Some(self.snapshot()));
    }

    pub(super) fn reach(&self) -> satreel_lnd::Result<()> {
        if *self.away.lock().expect("away") {
            return Err(NodeError::Starting);
        }
        Ok(())
    }
}

#[async_trait]
impl Node for Fake {
    async fn export(&self) -> satreel_lnd::Result<Snapshot> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.reach()?;
        Ok(self.snapshot())
    }

    async fn verify(&self, backup: &[u8]) -> satreel_lnd::Result<Channels> {
        self.reach()?;
        let text = std::str::from_utf8(backup).map_err(|_| NodeError::Lost("no text".into()))?;
        let (_, names) = text
            .split_once('|')
            .ok_or(NodeError::Lost("no backup".into()))?;
        let names = names.split(',').filter(|name| !name.is_empty());
        let lies = self.lies.lock().expect("lies").clone();
        Ok(names.map(str::to_owned).chain(lies).collect())
    }

    async fn follow(&self, newest: &watch::Sender<Option<Snapshot>>) -> NodeError {
        if let Err(error) = self.reach() {
            return error;
        }
        let mut told = self.told.subscribe();
        while told.changed().await.is_ok() {
            newest.send_replace(told.borrow_and_update().clone());
        }
        NodeError::Lost("over".into())
    }

    fn macaroon(&self) -> satreel_lnd::Result<Option<Compared>> {
        self.looked.fetch_add(1, Ordering::SeqCst);
        match self.macaroon_fault.lock().expect("a fault").clone() {
            Some(fault) => Err(NodeError::Lost(fault)),
            None => Ok(Some(Compared::default())),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct FakeSite(pub(super) Mutex<Vec<u8>>);

impl site::Data for FakeSite {
    fn make(&self) -> Result<site::Archive, String> {
        let bytes = self.0.lock().expect("bytes").clone();
        if bytes.is_empty() {
            return Err("no keys".to_owned());
        }
        let digest = hex::encode(&bytes);
        Ok(site::Archive { bytes, digest })
    }

    fn check(&self, archive: &[u8]) -> Result<String, String> {
        if archive == *self.0.lock().expect("bytes") {
            Ok("whole".to_owned())
        } else {
            Err("not whole".to_owned())
        }
    }
}

pub(super) struct Bench {
    pub(super) folder: TempDir,
    pub(super) node: Arc<Fake>,
    pub(super) site: Arc<FakeSite>,
    pub(super) now: Arc<AtomicI64>,
    pub(super) key: x25519::Identity,
}

/// 2026-11-22
pub(super) const START: i64 = 1_795_305_600;
pub(super) const HOUR: i64 = 3600;

impl Bench {
    pub(super) fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().expect("a folder"),
            node: Arc::default(),
            site: Arc::default(),
            now: Arc::new(AtomicI64::new(START)),
            key: x25519::Identity::generate(),
        };
        bench.node.set(&["a:0", "b:1"]);
        for place in ["one", "two"] {
            bench.plug_in(place);
        }
        bench
    }

    pub(super) fn path(&self, place: &str) -> PathBuf {
        self.folder.path().join(place)
    }

    pub(super) fn plug_in(&self, place: &str) {
        std::fs::create_dir_all(self.path(place)).expect("a folder");
        std::fs::write(self.path(place).join(MARKER), "").expect("a marker");
    }

    /// As a disk that is taken away: an empty folder is left.
    pub(super) fn unplug(&self, place: &str) {
        std::fs::remove_file(self.path(place).join(MARKER)).expect("a marker");
    }

    pub(super) fn config(&self) -> Backup {
        Backup {
            folder: self.path("guardian"),
            recipients: vec![self.key.to_public().to_string().parse().expect("a key")],
            node: None,
            keep_days: 30,
            site: true,
            destinations: Vec::new(),
        }
    }

    pub(super) async fn guardian(&self) -> Arc<Guardian> {
        self.guardian_of(Some(self.node.clone()), None).await
    }

    pub(super) async fn guardian_of(
        &self,
        node: Option<Arc<dyn Node>>,
        site: Option<Arc<dyn site::Data>>,
    ) -> Arc<Guardian> {
        let place = |name: &str| {
            let path = self.path(name);
            Place {
                name: name.to_owned(),
                there: satreel_destinations::open(&Where::Folder { path }).expect("a place"),
            }
        };
        let now = self.now.clone();
        let clock =
            Clock::new(move || Timestamp::from_second(now.load(Ordering::SeqCst)).expect("a time"));
        std::fs::create_dir_all(self.path("guardian")).expect("a folder");
        let places = vec![place("one"), place("two")];
        let made = Guardian::new(&self.config(), node, site, places, clock).await;
        Arc::new(made.expect("a guardian"))
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(super) fn keys(&self) -> Identities {
        Identities::parse(self.key.to_string().expose_secret()).expect("a key")
    }

    /// The names at a place, oldest first.
    pub(super) fn copies(&self, place: &str) -> Vec<Copy> {
        let entries = std::fs::read_dir(self.path(place)).expect("a folder");
        let mut copies: Vec<Copy> = entries
            .filter_map(|entry| entry.expect("an entry").file_name().to_str()?.parse().ok())
            .collect();
        copies.sort();
        copies
    }

    /// The channels in the newest copy at a place.
    pub(super) fn newest(&self, place: &str) -> String {
        let copies = self.copies(place);
        let newest = copies.iter().filter(|copy| copy.kind == Kind::Channels);
        let path = self
            .path(place)
            .join(newest.max().expect("a copy").to_string());
        let sealed = std::fs::read(path).expect("a copy");
        let plain = self.keys().decrypt(&sealed).expect("opens");
        let text = String::from_utf8(plain.to_vec()).expect("text");
        text.split_once('|').expect("a backup").1.to_owned()
    }
}

pub(super) fn fault(status: &Status, place: &str) -> Option<String> {
    let fault = status.destinations[place].fault.clone();
    fault.map(|fault| fault.why)
}
