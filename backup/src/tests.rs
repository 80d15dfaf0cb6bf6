//! The guardian on a node that does what it is told, folders as destinations and a clock that stands
//! still until it is moved.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use age::{secrecy::ExposeSecret, x25519};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use satreel_backup_status::Status;
use satreel_config::Backup;
use satreel_config::Place as Where;
use satreel_destinations::MARKER;
use satreel_lnd::{Error as NodeError, backup::Compared};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    drill::drill,
    error::Error,
    guardian::{Guardian, Heard, Taken},
    name::{Copy, Kind},
    node::{Channels, Node, Snapshot},
    place::Place,
    run::{once, run},
    seal::Identities,
    site,
};

/// A node whose backup is the list of its channels and a number that is never the same.
#[derive(Debug, Default)]
struct Fake {
    channels: Mutex<Channels>,
    nonce: AtomicI64,
    away: Mutex<bool>,
    told: watch::Sender<Option<Snapshot>>,
    /// Says of every backup that this channel is in it too.
    lies: Mutex<Option<String>>,
    asked: AtomicI64,
}

impl Fake {
    fn set(&self, channels: &[&str]) {
        *self.channels.lock().expect("channels") =
            channels.iter().map(|name| (*name).to_owned()).collect();
    }

    fn snapshot(&self) -> Snapshot {
        let channels = self.channels.lock().expect("channels").clone();
        let nonce = self.nonce.fetch_add(1, Ordering::SeqCst);
        let names: Vec<_> = channels.iter().map(String::as_str).collect();
        let backup = format!("{nonce}|{}", names.join(",")).into_bytes();
        Snapshot { backup, channels }
    }

    /// As LND tells of a channel that comes or goes.
    fn change(&self, channels: &[&str]) {
        self.set(channels);
        self.told.send_replace(Some(self.snapshot()));
    }

    fn reach(&self) -> satreel_lnd::Result<()> {
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
        Ok(Some(Compared::default()))
    }
}

#[derive(Debug, Default)]
struct FakeSite(Mutex<Vec<u8>>);

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

struct Bench {
    folder: TempDir,
    node: Arc<Fake>,
    site: Arc<FakeSite>,
    now: Arc<AtomicI64>,
    key: x25519::Identity,
}

/// 2026-11-22
const START: i64 = 1_795_305_600;
const HOUR: i64 = 3600;

impl Bench {
    fn new() -> Self {
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

    fn path(&self, place: &str) -> PathBuf {
        self.folder.path().join(place)
    }

    fn plug_in(&self, place: &str) {
        std::fs::create_dir_all(self.path(place)).expect("a folder");
        std::fs::write(self.path(place).join(MARKER), "").expect("a marker");
    }

    /// As a disk that is taken away: an empty folder is left.
    fn unplug(&self, place: &str) {
        std::fs::remove_file(self.path(place).join(MARKER)).expect("a marker");
    }

    fn config(&self) -> Backup {
        Backup {
            folder: self.path("guardian"),
            recipients: vec![self.key.to_public().to_string().parse().expect("a key")],
            node: None,
            keep_days: 30,
            site: true,
            destinations: Vec::new(),
        }
    }

    async fn guardian(&self) -> Arc<Guardian> {
        self.guardian_of(Some(self.node.clone()), None).await
    }

    async fn guardian_of(
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

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    fn keys(&self) -> Identities {
        Identities::parse(self.key.to_string().expose_secret()).expect("a key")
    }

    /// The names at a place, oldest first.
    fn copies(&self, place: &str) -> Vec<Copy> {
        let entries = std::fs::read_dir(self.path(place)).expect("a folder");
        let mut copies: Vec<Copy> = entries
            .filter_map(|entry| entry.expect("an entry").file_name().to_str()?.parse().ok())
            .collect();
        copies.sort();
        copies
    }

    /// The channels in the newest copy at a place.
    fn newest(&self, place: &str) -> String {
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

fn fault(status: &Status, place: &str) -> Option<String> {
    let fault = status.destinations[place].fault.clone();
    fault.map(|fault| fault.why)
}

#[tokio::test]
async fn one_pass_saves_everything_everywhere_and_the_next_knows_it() {
    let bench = Bench::new();
    bench.site.0.lock().expect("bytes").extend(b"keys");
    let guardian = bench
        .guardian_of(Some(bench.node.clone()), Some(bench.site.clone()))
        .await;
    let pass = once(&guardian).await;
    assert!(matches!(pass.channels, Some(Ok(Taken::Saved))));
    assert!(matches!(pass.site, Some(Ok(Taken::Saved))));
    for place in ["one", "two", "guardian/history"] {
        assert_eq!(bench.newest(place), "a:0,b:1");
        assert_eq!(bench.copies(place).len(), 2);
    }
    let status = guardian.status();
    assert_eq!(status.channels.map(|channels| channels.count), Some(2));
    let at = Timestamp::from_second(START).ok();
    for place in status.destinations.values() {
        assert_eq!((place.channels, place.site, place.confirmed), (at, at, at));
    }

    // LND encrypts anew at each look: that is no news. What is a day old is renewed.
    bench.pass(HOUR);
    let pass = once(&guardian).await;
    assert!(matches!(pass.channels, Some(Ok(Taken::Known))));
    assert!(matches!(pass.site, Some(Ok(Taken::Known))));
    assert_eq!(bench.copies("one").len(), 2);
    bench.node.set(&["a:0", "c:0"]);
    let pass = once(&guardian).await;
    assert!(matches!(pass.channels, Some(Ok(Taken::Saved))));
    assert_eq!(bench.newest("two"), "a:0,c:0");
    bench.pass(21 * HOUR);
    let pass = once(&guardian).await;
    assert!(matches!(pass.channels, Some(Ok(Taken::Saved))));
    assert!(matches!(pass.site, Some(Ok(Taken::Saved))));
    assert_eq!(bench.copies("one").len(), 5);
}

#[tokio::test]
async fn a_backup_that_the_node_reads_otherwise_is_not_kept() {
    let bench = Bench::new();
    let guardian = bench.guardian().await;
    *bench.node.lies.lock().expect("lies") = Some("x:9".into());
    let pass = once(&guardian).await;
    assert!(matches!(
        pass.channels,
        Some(Err(Error::NotTheSame {
            listed: 2,
            verified: 3
        }))
    ));
    assert!(bench.copies("guardian/history").is_empty());
    let why = guardian.status().node_fault.expect("a fault").why;
    assert!(why.contains("lists 2 channels and finds 3"), "{why}");
    *bench.node.lies.lock().expect("lies") = None;
    once(&guardian).await;
    assert_eq!(guardian.status().node_fault, None);
}

#[tokio::test]
async fn a_place_that_was_away_catches_up_and_keeps_no_other_from_its_copies() {
    let bench = Bench::new();
    let guardian = bench.guardian().await;
    bench.unplug("one");
    for channels in [&["a:0"][..], &["a:0", "b:0"], &["c:0"]] {
        bench.node.set(channels);
        bench.pass(HOUR);
        let pass = once(&guardian).await;
        assert!(pass.places[0].1.is_err() && pass.places[1].1.is_ok());
    }
    let status = guardian.status();
    let why = fault(&status, "one").expect("a fault");
    assert!(why.contains("not ready"), "{why}");
    assert_eq!(fault(&status, "two"), None);
    let since = status.destinations["one"]
        .fault
        .as_ref()
        .map(|fault| fault.since);
    assert_eq!(
        since,
        Timestamp::from_second(START + HOUR).ok(),
        "its beginning"
    );
    assert!(bench.copies("one").is_empty());

    bench.plug_in("one");
    once(&guardian).await;
    assert_eq!(bench.copies("one"), bench.copies("two"));
    assert_eq!(bench.copies("one").len(), 3);
    assert_eq!(fault(&guardian.status(), "one"), None);
}

#[tokio::test]
async fn what_was_damaged_at_a_place_is_found_and_mended() {
    let bench = Bench::new();
    let guardian = bench.guardian().await;
    once(&guardian).await;
    let name = bench.copies("one")[0].to_string();
    let path = bench.path("one").join(&name);
    let whole = std::fs::read(&path).expect("a copy");
    let mut damaged = whole.clone();
    *damaged.last_mut().expect("bytes") ^= 1;
    std::fs::write(&path, &damaged).expect("written");
    let looked = guardian.places[0]
        .look(&guardian.history)
        .await
        .expect("a look");
    assert_eq!((looked.compared, looked.differ.len()), (0, 1));
    std::fs::remove_file(bench.path("two").join(&name)).expect("removed");
    let looked = guardian.places[1]
        .look(&guardian.history)
        .await
        .expect("a look");
    assert_eq!(looked.missing.len(), 1);

    once(&guardian).await;
    assert_eq!(std::fs::read(&path).expect("a copy"), whole);
    for place in &guardian.places {
        let looked = place.look(&guardian.history).await.expect("a look");
        assert!(looked.differ.is_empty() && looked.missing.is_empty());
        assert_eq!(looked.compared, 1);
    }
}

#[tokio::test]
async fn a_shrink_is_told_and_what_had_channels_stays() {
    let bench = Bench::new();
    let guardian = bench.guardian().await;
    once(&guardian).await;
    bench.node.set(&[]);
    for _ in 0..50 {
        bench.pass(24 * HOUR);
        once(&guardian).await;
    }
    let status = guardian.status();
    let shrunk = status.shrunk.expect("told");
    assert_eq!((shrunk.from, shrunk.to), (2, 0));
    assert_eq!(
        shrunk.at,
        Timestamp::from_second(START + 24 * HOUR).expect("a time")
    );
    for place in ["one", "two", "guardian/history"] {
        let copies = bench.copies(place);
        let full: Vec<_> = copies.iter().filter(|copy| !copy.empty).collect();
        assert_eq!(full.len(), 1, "fifty days later");
        assert_eq!(copies.len(), 32, "thirty days, both ends, and that one");
    }
}

#[tokio::test]
async fn strangers_files_are_left_alone() {
    let bench = Bench::new();
    let guardian = bench.guardian().await;
    let mine = bench.path("one").join("holiday.jpg");
    std::fs::write(&mine, "mine").expect("written");
    once(&guardian).await;
    bench.pass(90 * 24 * HOUR);
    once(&guardian).await;
    assert_eq!(bench.copies("one").len(), 1);
    assert!(mine.exists());
}

#[tokio::test]
async fn a_drill_passes_only_if_every_channel_is_named() {
    let bench = Bench::new();
    bench.site.0.lock().expect("bytes").extend(b"keys");
    let guardian = bench
        .guardian_of(Some(bench.node.clone()), Some(bench.site.clone()))
        .await;
    let empty = drill(&guardian, &bench.keys()).await.expect("a drill");
    assert!(empty.iter().all(|(_, drill)| !drill.passed), "{empty:?}");
    once(&guardian).await;
    let passed = drill(&guardian, &bench.keys()).await.expect("a drill");
    assert!(passed.iter().all(|(_, drill)| drill.passed), "{passed:?}");
    assert!(passed[0].1.detail.contains("finds all 2 channels"));
    assert!(passed[0].1.detail.contains("whole"));
    let noted = guardian.status().destinations["two"].drill.clone();
    assert_eq!(noted, Some(passed[1].1.clone()));

    // A channel more than in the copies; then one place is away; then the wrong key.
    bench.node.set(&["a:0", "b:1", "c:2"]);
    let red = drill(&guardian, &bench.keys()).await.expect("a drill");
    assert!(!red[0].1.passed && red[0].1.detail.contains("lacks 1 of 3 channels: c:2"));
    bench.node.set(&["a:0"]);
    bench.unplug("one");
    let half = drill(&guardian, &bench.keys()).await.expect("a drill");
    assert_eq!((half[0].1.passed, half[1].1.passed), (false, true));
    let other = x25519::Identity::generate();
    let other = Identities::parse(other.to_string().expose_secret()).expect("a key");
    let red = drill(&guardian, &other).await.expect("a drill");
    assert!(red[1].1.detail.contains("can't be opened"), "{red:?}");
}

#[tokio::test]
async fn a_site_that_cannot_be_read_keeps_no_channels_from_being_saved() {
    let bench = Bench::new();
    let guardian = bench
        .guardian_of(Some(bench.node.clone()), Some(bench.site.clone()))
        .await;
    let pass = once(&guardian).await;
    assert!(pass.site.is_some_and(|site| site.is_err()));
    assert_eq!(bench.newest("one"), "a:0,b:1");
    let why = guardian.status().site_fault.expect("a fault").why;
    assert!(why.contains("no keys"), "{why}");
}

/// Waits until `done` holds, by the clock of the runtime.
async fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what} never came");
}

#[tokio::test(start_paused = true)]
async fn a_running_guardian_hears_of_changes_and_asks_no_more_than_it_must() {
    let bench = Bench::new();
    let guardian = bench.guardian().await;
    let end = CancellationToken::new();
    let running = tokio::spawn(run(guardian.clone(), end.clone()));
    until("the first copy", || bench.copies("two").len() == 1).await;
    bench.node.change(&["a:0", "b:1", "c:2"]);
    until("the change", || bench.copies("one").len() == 2).await;
    until("the change", || bench.copies("two").len() == 2).await;
    assert_eq!(bench.newest("one"), "a:0,b:1,c:2");
    tokio::time::sleep(Duration::from_mins(10)).await;
    let asked = bench.node.asked.load(Ordering::SeqCst);
    assert_eq!(asked, 2, "at the beginning and when the stream has settled");
    // A day later, by both clocks, everything is renewed.
    bench.pass(24 * HOUR);
    tokio::time::sleep(Duration::from_hours(24)).await;
    until("the renewal", || bench.copies("two").len() == 3).await;
    end.cancel();
    running.await.expect("an orderly end");
}

#[tokio::test(start_paused = true)]
async fn a_running_guardian_outlives_a_node_and_a_place_that_are_away() {
    let bench = Bench::new();
    *bench.node.away.lock().expect("away") = true;
    bench.unplug("one");
    let guardian = bench.guardian().await;
    let end = CancellationToken::new();
    let running = tokio::spawn(run(guardian.clone(), end.clone()));
    until("the fault", || guardian.status().node_fault.is_some()).await;
    until("the fault", || fault(&guardian.status(), "one").is_some()).await;
    *bench.node.away.lock().expect("away") = false;
    until("the node", || !bench.copies("two").is_empty()).await;
    until("no fault", || guardian.status().node_fault.is_none()).await;
    bench.plug_in("one");
    until("the place", || bench.copies("one") == bench.copies("two")).await;
    until("no fault", || fault(&guardian.status(), "one").is_none()).await;
    end.cancel();
    running.await.expect("an orderly end");
}

#[tokio::test]
async fn what_lnd_tells_is_kept_though_the_channels_are_the_same() {
    let bench = Bench::new();
    let guardian = bench.guardian().await;
    for heard in [Heard::Asked, Heard::Told] {
        let snapshot = bench.node.snapshot();
        let node = bench.node.as_ref();
        let taken = guardian.take_in(node, &snapshot, heard).await;
        assert!(matches!(taken, Ok(Taken::Saved)), "{taken:?}");
    }
    let names: BTreeSet<_> = bench.copies("guardian/history").into_iter().collect();
    assert_eq!(names.len(), 2, "in the same second");
    let before = SignedDuration::from_millis(1);
    let mut times = names.iter().map(|copy| copy.at);
    let (first, second) = (times.next(), times.next());
    assert_eq!(first.and_then(|at| at.checked_add(before).ok()), second);
}
