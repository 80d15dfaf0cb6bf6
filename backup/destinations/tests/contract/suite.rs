//! What holds for every destination.

use async_trait::async_trait;
use satreel_destinations::{Destination, Entry, Error, Name};

/// A destination under test, with the power over it that tests want.
#[async_trait]
pub(crate) trait Stage {
    fn destination(&self) -> &dyn Destination;
    /// As if somebody had been stopped while writing `name`.
    async fn leave_half_written(&self, name: &Name);
    /// Puts something there that is no copy.
    async fn leave_foreign(&self);
    async fn go_away(&mut self);
    async fn come_back(&mut self);
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// All of it, in an order in which what is left behind by one step is seen by the next.
pub(crate) async fn holds(stage: &mut dyn Stage) {
    starts_empty(stage.destination()).await;
    keeps_what_is_put(stage.destination()).await;
    replaces(stage.destination()).await;
    removes(stage.destination()).await;
    hides_what_is_none(stage).await;
    takes_large_ones(stage.destination()).await;
    comes_back(stage).await;
}

async fn starts_empty(place: &dyn Destination) {
    assert_eq!(place.list().await.expect("a list"), []);
    let absent = place.get(&name("nothing")).await.expect_err("absent");
    assert!(
        matches!(&absent, Error::Absent { name, .. } if name.as_str() == "nothing"),
        "{absent}"
    );
    assert!(!absent.is_passing());
    place.remove(&name("nothing")).await.expect("no fault");
}

async fn keeps_what_is_put(place: &dyn Destination) {
    // Every byte there is, and none at all; names of every shape, the longest included.
    let bytes: Vec<u8> = (0..=255).collect();
    let long = "x".repeat(100);
    let names = ["b-2", "a.age", &long, "channels-20261122t010203z.age"];
    for text in names {
        place.put(&name(text), &bytes).await.expect(text);
    }
    place.put(&name("empty"), &[]).await.expect("nothing, kept");
    for text in names {
        assert_eq!(place.get(&name(text)).await.expect(text), bytes);
    }
    assert_eq!(place.get(&name("empty")).await.expect("it"), b"");

    let listed = place.list().await.expect("a list");
    let entry = |text: &str, bytes| Entry {
        name: name(text),
        bytes,
    };
    let expected = [
        entry("a.age", 256),
        entry("b-2", 256),
        entry("channels-20261122t010203z.age", 256),
        entry("empty", 0),
        entry(&long, 256),
    ];
    assert_eq!(listed, expected, "in order, with sizes");
}

async fn replaces(place: &dyn Destination) {
    place
        .put(&name("a.age"), b"longer than what follows")
        .await
        .expect("put");
    place
        .put(&name("a.age"), b"short")
        .await
        .expect("put again");
    assert_eq!(place.get(&name("a.age")).await.expect("it"), b"short");
}

async fn removes(place: &dyn Destination) {
    for entry in place.list().await.expect("a list") {
        place.remove(&entry.name).await.expect("removed");
    }
    assert_eq!(place.list().await.expect("a list"), []);
    let absent = place.get(&name("a.age")).await.expect_err("absent");
    assert!(matches!(absent, Error::Absent { .. }), "{absent}");
}

async fn hides_what_is_none(stage: &dyn Stage) {
    let (half, place) = (name("half"), stage.destination());
    stage.leave_half_written(&half).await;
    stage.leave_foreign().await;
    assert_eq!(place.list().await.expect("a list"), []);
    let absent = place.get(&half).await.expect_err("not whole");
    assert!(matches!(absent, Error::Absent { .. }), "{absent}");
    // The next try takes the leftover's place.
    place.put(&half, b"whole").await.expect("put");
    assert_eq!(place.get(&half).await.expect("it"), b"whole");
    place.remove(&half).await.expect("removed");
}

async fn takes_large_ones(place: &dyn Destination) {
    let bytes: Vec<u8> = (0..20_000_000_u32)
        .map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    place.put(&name("large"), &bytes).await.expect("20 MB");
    assert!(
        place.get(&name("large")).await.expect("20 MB") == bytes,
        "as it was written"
    );
    place.remove(&name("large")).await.expect("removed");
}

async fn comes_back(stage: &mut dyn Stage) {
    let kept = name("kept");
    stage
        .destination()
        .put(&kept, b"before")
        .await
        .expect("put");
    stage.go_away().await;
    let place = stage.destination();
    let faults = [
        place.put(&kept, b"meanwhile").await.expect_err("away"),
        place.get(&kept).await.map(|_| ()).expect_err("away"),
        place.list().await.map(|_| ()).expect_err("away"),
        place.remove(&kept).await.expect_err("away"),
    ];
    for fault in faults {
        assert!(
            matches!(fault, Error::Away { .. } | Error::NotReady { .. }) && fault.is_passing(),
            "{fault}"
        );
        assert!(fault.to_string().contains(&place.describe()), "{fault}");
    }
    stage.come_back().await;
    let place = stage.destination();
    assert_eq!(place.get(&kept).await.expect("it"), b"before");
    place.put(&kept, b"after").await.expect("put");
    assert_eq!(place.get(&kept).await.expect("it"), b"after");
}
