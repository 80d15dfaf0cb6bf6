use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use super::*;
use crate::core::offer::{Tier, TierKind};

const FIRST: &str = "00000000000000aa";
const SECOND: &str = "00000000000000bb";

fn id(text: &str) -> VideoId {
    text.parse().expect("an id")
}

struct Site(TempDir);

impl Site {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn open(&self) -> Catalog {
        let own = Tier::new(TierKind::Own, 3000, None).expect("a tier");
        let defaults = Offer::new(vec![own]).expect("an offer");
        Catalog::open(self.0.path(), defaults).expect("a catalogue")
    }

    fn folder(&self, id: &str) -> PathBuf {
        self.0.path().join(TITLES).join(id)
    }

    fn write(&self, id: &str, text: &str) {
        fs::create_dir_all(self.folder(id)).expect("a folder");
        fs::write(self.folder(id).join("title.json"), text).expect("written");
    }

    fn title(&self, id: &str, name: &str, more: &str) {
        self.write(
            id,
            &format!("{{\n\"name\": \"{name}\",\n\"state\": \"published\"{more}\n}}"),
        );
    }
}

/// Waits until the catalogue says so; the timeout only ends a failing test.
async fn until(catalog: &Catalog, holds: impl Fn(&Catalog) -> bool) {
    let mut changed = catalog.changed();
    let wait = async {
        while !holds(catalog) {
            changed.changed().await.expect("a running watch");
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(20), wait).await;
    assert!(
        done.is_ok(),
        "never happened; faults: {:?}",
        catalog.faults()
    );
}

fn name(catalog: &Catalog, text: &str) -> Option<String> {
    catalog.get(&id(text)).map(|title| title.name.to_string())
}

fn names(catalog: &Catalog, query: &Query) -> Vec<String> {
    let page = catalog.list(query);
    page.titles
        .iter()
        .map(|title| title.name.to_string())
        .collect()
}

#[tokio::test]
async fn a_title_lives_as_its_file_says() {
    let site = Site::new();
    let catalog = site.open();
    assert_eq!(catalog.list(&Query::default()).total, 0);

    site.title(FIRST, "Reel", "");
    until(&catalog, |all| name(all, FIRST).as_deref() == Some("Reel")).await;

    site.title(FIRST, "Real", ", \"tiers\": []");
    until(&catalog, |all| name(all, FIRST).as_deref() == Some("Real")).await;
    assert!(catalog.get(&id(FIRST)).expect("a title").offer.is_free());

    site.write(FIRST, "{\n\"name\": 3\n}");
    until(&catalog, |all| !all.faults().is_empty()).await;
    assert_eq!(
        name(&catalog, FIRST).as_deref(),
        Some("Real"),
        "the last good one stays"
    );
    let fault = &catalog.faults()[0];
    assert_eq!((fault.id, fault.line), (id(FIRST), Some(2)));
    assert!(fault.what.contains("invalid type"), "{fault}");
    assert!(!fault.what.contains("at line"), "{fault}");

    site.title(FIRST, "Mended", "");
    until(&catalog, |all| {
        name(all, FIRST).as_deref() == Some("Mended")
    })
    .await;
    assert!(catalog.faults().is_empty());

    fs::remove_dir_all(site.folder(FIRST)).expect("removed");
    until(&catalog, |all| all.get(&id(FIRST)).is_none()).await;
    site.title(FIRST, "Back", "");
    until(&catalog, |all| name(all, FIRST).as_deref() == Some("Back")).await;
    site.title(FIRST, "Still watched", "");
    until(&catalog, |all| {
        name(all, FIRST).as_deref() == Some("Still watched")
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_moves_in_whole_is_seen_and_watched() {
    let site = Site::new();
    let catalog = site.open();
    let outside = site.0.path().join("job");
    fs::create_dir(&outside).expect("a folder");
    fs::write(outside.join("title.json"), "{\"name\": \"Moved\"}").expect("written");
    fs::rename(&outside, site.folder(FIRST)).expect("moved");
    until(&catalog, |all| name(all, FIRST).as_deref() == Some("Moved")).await;

    let temporary = site.folder(FIRST).join(".title.json.tmp");
    fs::write(&temporary, "{\"name\": \"Renamed over\"}").expect("written");
    fs::rename(&temporary, site.folder(FIRST).join("title.json")).expect("renamed");
    until(&catalog, |all| {
        name(all, FIRST).as_deref() == Some("Renamed over")
    })
    .await;

    for name in [
        "poster.jpg",
        "hover.mp4",
        "waveform.svg",
        "chapters.vtt",
        "storyboard.vtt",
    ] {
        fs::write(site.folder(FIRST).join(name), "bytes").expect("written");
    }
    until(&catalog, |all| {
        all.get(&id(FIRST)).is_some_and(|title| {
            let Beside {
                poster,
                hover,
                waveform,
                chapters,
                storyboard,
            } = title.beside;
            [poster, hover, waveform].iter().all(Option::is_some) && chapters && storyboard
        })
    })
    .await;
}

#[tokio::test]
async fn a_broken_file_at_the_start_is_a_fault_until_it_is_mended() {
    let site = Site::new();
    site.write(FIRST, "{");
    site.title(SECOND, "Fine", "");
    let catalog = site.open();
    assert_eq!(catalog.faults().len(), 1);
    assert!(catalog.get(&id(FIRST)).is_none());
    assert_eq!(catalog.list(&Query::default()).total, 1);
    site.title(FIRST, "Mended", "");
    until(&catalog, |all| all.faults().is_empty()).await;
}

#[tokio::test]
async fn offers_are_checked_with_their_line() {
    for (tiers, wanted) in [
        (r#"[{"tier": "own", "sat": 0}]"#, "tiers\": []"),
        (r#"[{"tier": "rent", "sat": 1}]"#, "needs \"hours\""),
        (
            r#"[{"tier": "rent", "sat": 1, "hours": 9000}]"#,
            "1 to 8760",
        ),
        (
            r#"[{"tier": "own", "sat": 1}, {"tier": "own", "sat": 2}]"#,
            "twice",
        ),
        (r#"[{"tier": "pass", "sat": 1}]"#, "[offers]"),
    ] {
        let site = Site::new();
        site.title(FIRST, "x", &format!(",\n\"tiers\": {tiers}"));
        let faults = site.open().faults();
        assert_eq!(faults[0].line, Some(4), "{faults:?}");
        assert!(faults[0].what.contains(wanted), "{faults:?}");
    }
}

#[tokio::test]
async fn the_dearest_price_follows_the_titles() {
    let site = Site::new();
    let sats = |sat: u64| Some(Sats::new(sat).expect("an amount"));
    let own = |sat: u64| format!(", \"tiers\": [{{\"tier\": \"own\", \"sat\": {sat}}}]");
    site.title(FIRST, "Dear", &own(5000));
    let catalog = site.open();
    let mut dearest = catalog.dearest();
    assert_eq!(*dearest.borrow(), sats(5000), "known from the start");

    let mut is = async |sat| {
        let told = dearest.wait_for(|known| *known == sats(sat));
        let told = tokio::time::timeout(Duration::from_secs(20), told).await;
        told.expect("in time").expect("a running watch");
    };
    site.title(SECOND, "Dearer", &own(9000));
    is(9000).await;
    site.write(
        SECOND,
        &format!("{{\"name\": \"x\", \"state\": \"hidden\"{}}}", own(9000)),
    );
    is(5000).await;
    fs::remove_dir_all(site.folder(FIRST)).expect("removed");
    is(3000).await;
    assert_eq!(
        dearest_on_disk(site.0.path(), Offer::new(Vec::new()).expect("an offer"))
            .expect("a folder"),
        None,
        "nothing is sold"
    );
}

#[tokio::test]
async fn the_dearest_price_may_be_a_channels() {
    let site = Site::new();
    let sats = |sat: u64| Some(Sats::new(sat).expect("an amount"));
    let folder = site.0.path().join("channels");
    fs::create_dir(&folder).expect("a folder");
    let put = |text: &str| {
        let text = format!("{{\"name\": \"News\", \"key_sha256\": \"00\"{text}}}");
        fs::write(folder.join(".new"), text).expect("written");
        fs::rename(folder.join(".new"), folder.join("news.json")).expect("named");
    };
    put(", \"passes\": [{\"sat\": 7000, \"hours\": 24}]");
    let catalog = site.open();
    let channels = catalog.channels(site.0.path());
    let dearest = catalog.dearest();
    assert_eq!(*dearest.borrow(), sats(7000), "known from the start");
    let usual = || Offer::new(Vec::new()).expect("an offer");
    let on_disk = || dearest_on_disk(site.0.path(), usual()).expect("a folder");
    assert_eq!(on_disk(), sats(7000));

    let shutdown = tokio_util::sync::CancellationToken::new();
    let is = async |sat: u64| {
        let mut dearest = catalog.dearest();
        let told = dearest.wait_for(|known| *known == sats(sat));
        let told = tokio::time::timeout(Duration::from_secs(20), told).await;
        drop(told.expect("in time").expect("a sender"));
    };
    let change = async {
        put(", \"tiers\": [{\"tier\": \"rent\", \"sat\": 9000, \"hours\": 48}]");
        is(9000).await;
        put("");
        is(3000).await;
        shutdown.cancel();
    };
    tokio::join!(channels.follow(shutdown.clone()), change);
    assert_eq!(on_disk(), None);
}

#[tokio::test]
async fn what_is_no_title_is_left_alone() {
    let site = Site::new();
    site.title(FIRST, "Real", "");
    site.title("not-an-id", "x", "");
    site.title("00000000000000AA", "x", "");
    fs::create_dir_all(site.folder("00000000000000cc")).expect("a folder");
    fs::write(site.folder("00000000000000dd"), "a file").expect("written");
    symlink(site.folder(FIRST), site.folder("00000000000000ee")).expect("a link");
    fs::create_dir(site.folder(SECOND)).expect("a folder");
    symlink(
        site.folder(FIRST).join("title.json"),
        site.folder(SECOND).join("title.json"),
    )
    .expect("a link");
    let catalog = site.open();
    assert_eq!(catalog.all().len(), 1);
    assert_eq!(
        catalog.faults().len(),
        1,
        "a linked title.json is named, not followed"
    );
    assert_eq!(catalog.faults()[0].id, id(SECOND));

    site.write(
        "00000000000000ff",
        &format!("{{\"name\": \"{}\"}}", "x".repeat(70_000)),
    );
    until(&catalog, |all| all.faults().len() == 2).await;
}

#[tokio::test]
async fn values_out_of_range_are_faults() {
    for (more, wanted) in [
        (r#","name": """#, "duplicate field"),
        (r#","created_at": "yesterday""#, "created_at"),
        (r#","duration_s": -1.0"#, "no length of time"),
        (r#","preview_s": -1"#, "invalid value"),
        (r#","year": 70000"#, "invalid value"),
        (
            r#","tags": ["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q","r","s","t","u","v","w","x","y","z","1","2","3","4","5","6","7"]"#,
            "33 tags",
        ),
    ] {
        let site = Site::new();
        site.title(FIRST, "x", more);
        let faults = site.open().faults();
        assert!(
            faults.len() == 1 && faults[0].what.contains(wanted),
            "{more}: {faults:?}"
        );
    }
}

#[tokio::test]
async fn the_storefront_is_sorted_searched_and_paged() {
    let site = Site::new();
    for (number, name, more) in [
        (
            1,
            "Ärger im Kino",
            r#", "tags": ["Comedy"], "created_at": "2024-01-01T00:00:00Z""#,
        ),
        (
            2,
            "The Sea",
            r#", "description": "Waves and KINO", "created_at": "2025-01-01T00:00:00Z""#,
        ),
        (
            3,
            "Old Sea",
            r#", "tags": ["comedy", "short"], "created_at": "2020-01-01T00:00:00+02:00""#,
        ),
    ] {
        site.title(&format!("{number:016x}"), name, more);
    }
    site.write(
        "00000000000000ff",
        r#"{"name": "Sea, hidden", "state": "hidden"}"#,
    );
    let catalog = site.open();
    let query = |q: &str, tag: &str| Query {
        q: Some(q.to_owned()),
        tag: Some(tag.to_owned()),
        ..Query::default()
    };
    assert_eq!(
        names(&catalog, &Query::default()),
        ["The Sea", "Ärger im Kino", "Old Sea"]
    );
    assert_eq!(
        names(&catalog, &query("kino", "")),
        ["The Sea", "Ärger im Kino"]
    );
    assert_eq!(names(&catalog, &query("äRGER", "")), ["Ärger im Kino"]);
    assert_eq!(names(&catalog, &query("sea old", "")), ["Old Sea"]);
    assert_eq!(
        names(&catalog, &query("", "COMEDY")),
        ["Ärger im Kino", "Old Sea"]
    );
    assert_eq!(names(&catalog, &query("sea", "comedy")), ["Old Sea"]);
    assert!(names(&catalog, &query("hidden", "")).is_empty());

    let page = catalog.list(&Query {
        page: 2,
        per_page: 2,
        ..Query::default()
    });
    assert_eq!((page.titles.len(), page.total, page.pages), (1, 3, 2));
    let page = catalog.list(&Query {
        page: u32::MAX,
        per_page: 0,
        ..Query::default()
    });
    assert_eq!((page.titles.len(), page.total, page.pages), (0, 3, 3));
    assert_eq!(catalog.all().len(), 4);
}

#[test]
fn dropping_the_catalogue_ends_its_thread() {
    let site = Site::new();
    site.title(FIRST, "x", "");
    drop(site.open());
    assert!(Path::new(&site.folder(FIRST)).exists());
}
