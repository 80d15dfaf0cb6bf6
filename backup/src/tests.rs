//! What the guardian does, step by step and while it runs.

mod bench;

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use age::{secrecy::ExposeSecret, x25519};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use self::bench::{Bench, HOUR, START, fault};
use crate::{
    drill::drill,
    error::Error,
    guardian::{Heard, Taken},
    run::{once, run},
    seal::Identities,
};

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

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_macaroon_is_said_once_until_it_changes() {
    let bench = Bench::new();
    let log = bench.path("log");
    let file = Arc::new(std::fs::File::create(&log).expect("a log"));
    let subscriber = tracing_subscriber::fmt().with_writer(file).finish();
    let _heard = tracing::subscriber::set_default(subscriber);
    let said = |what: &str| {
        let log = std::fs::read_to_string(&log).expect("the log");
        log.matches(what).count()
    };
    *bench.node.away.lock().expect("away") = true;
    let fault = |what: &str| {
        *bench.node.macaroon_fault.lock().expect("a fault") = Some(what.to_owned());
        bench.node.looked.store(0, Ordering::SeqCst);
    };
    let guardian = bench.guardian().await;
    let end = CancellationToken::new();
    fault("no file");
    let running = tokio::spawn(run(guardian, end.clone()));
    for what in ["no file", "no macaroon", "no file"] {
        fault(what);
        let many = || bench.node.looked.load(Ordering::SeqCst) > 5;
        until("some tries", many).await;
    }
    assert_eq!((said("no file"), said("no macaroon")), (2, 1));
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
