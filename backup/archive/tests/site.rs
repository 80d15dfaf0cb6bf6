//! Sites into archives and back.

#![allow(clippy::expect_used, reason = "a test may stop where it stands")]

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use rusqlite::Connection;
use satreel_archive::{Error, Site, Target, make, open, restore};
use tempfile::TempDir;

const ONE: &str = "titles/00ff10a9bcdef012";
const TWO: &str = "titles/1111111111111111";

/// A site with two films, a channel, a server that holds the sales record open, and much that is not saved.
struct House {
    folder: TempDir,
    ledger: Connection,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        fs::create_dir_all(data.join("channels/outages")).expect("made");
        for title in [ONE, TWO, "titles/no-title"] {
            fs::create_dir_all(data.join(title)).expect("made");
        }
        let text = |path: &str, text: &str| fs::write(data.join(path), text).expect("written");
        text("keys.json", "{\"keys\": []}");
        text("denied.json", "{}");
        text(&format!("{ONE}/title.json"), "{\"name\": \"One\"}");
        text(&format!("{ONE}/poster.jpg"), "a picture");
        text(&format!("{ONE}/master.m3u8"), "#EXTM3U");
        text(&format!("{TWO}/title.json"), "{\"name\": \"Two\"}");
        text("titles/no-title/title.json", "{}");
        text("channels/main.json", "{\"key\": \"hash\"}");
        text("channels/.new", "{");
        text("channels/outages/main.json", "{}");
        text("address", "127.0.0.1:1");
        text("satreel.toml", "[site]\n");
        for private in ["keys.json", "denied.json"] {
            fs::set_permissions(data.join(private), fs::Permissions::from_mode(0o600))
                .expect("set");
        }
        let ledger = Connection::open(data.join("ledger.db")).expect("a ledger");
        ledger
            .execute_batch("PRAGMA journal_mode = wal; CREATE TABLE sales (sat INTEGER); INSERT INTO sales VALUES (100)")
            .expect("a sale");
        Self { folder, ledger }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn site(&self) -> Site {
        let scratch = self.folder.path().join("scratch");
        fs::create_dir_all(&scratch).expect("made");
        Site {
            data: self.data(),
            keys: self.data().join("keys.json"),
            config: Some(self.data().join("satreel.toml")),
            scratch,
        }
    }

    fn archive(&self) -> Vec<u8> {
        make(&self.site()).expect("an archive").bytes
    }
}

fn target(folder: &Path) -> Target {
    Target {
        data: folder.join("var/satreel"),
        replace: false,
    }
}

fn sold(data: &Path) -> i64 {
    let ledger = Connection::open(data.join("ledger.db")).expect("a ledger");
    ledger
        .query_row("SELECT sum(sat) FROM sales", [], |row| row.get(0))
        .expect("a sum")
}

/// Everything in a folder, with modes.
fn tree(folder: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
            } else {
                let mode = fs::metadata(&path).expect("it").permissions().mode() & 0o777;
                let name = path
                    .strip_prefix(folder)
                    .expect("below")
                    .display()
                    .to_string();
                found.push((name, mode));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_site_comes_back_in_an_empty_place() {
    let house = House::new();
    house
        .ledger
        .execute("INSERT INTO sales VALUES (21)", [])
        .expect("a sale in the WAL");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let target = target(elsewhere.path());
    let summary = restore(&house.archive(), &target).expect("restored");

    let expected = [
        ("channels/main.json", 0o644),
        ("channels/outages/main.json", 0o644),
        ("denied.json", 0o600),
        ("keys.json", 0o600),
        ("ledger.db", 0o600),
        ("satreel.toml", 0o644),
        ("titles/00ff10a9bcdef012/poster.jpg", 0o644),
        ("titles/00ff10a9bcdef012/title.json", 0o644),
        ("titles/1111111111111111/title.json", 0o644),
    ];
    let expected = expected.map(|(name, mode)| (name.to_owned(), mode));
    assert_eq!(tree(&target.data), expected);
    for (name, _) in expected.iter().filter(|(name, _)| name != "ledger.db") {
        let bytes = |data: &Path| fs::read(data.join(name)).expect("a file");
        assert!(bytes(&target.data) == bytes(&house.data()), "{name}");
    }
    assert_eq!(sold(&target.data), 121);
    assert_eq!(
        (
            summary.titles,
            summary.channels,
            summary.sales,
            summary.wallet
        ),
        (2, 1, true, false)
    );
    assert_eq!(
        summary.without_film,
        ["00ff10a9bcdef012", "1111111111111111"]
    );
    assert!(summary.kept.is_empty(), "{summary:?}");
    let left: Vec<_> = fs::read_dir(house.site().scratch)
        .expect("a folder")
        .collect();
    assert!(
        left.is_empty(),
        "nothing of a database stays behind: {left:?}"
    );
}

#[test]
fn it_comes_back_around_the_films_that_are_left() {
    let house = House::new();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let target = target(elsewhere.path());
    fs::create_dir_all(target.data.join(ONE)).expect("made");
    fs::write(target.data.join(ONE).join("master.m3u8"), "#EXTM3U").expect("written");
    fs::write(
        target.data.join(ONE).join("title.json"),
        "{\"name\": \"Newer\"}",
    )
    .expect("written");
    let summary = restore(&house.archive(), &target).expect("restored");
    assert_eq!(summary.kept, [target.data.join(ONE).join("title.json")]);
    assert_eq!(summary.without_film, ["1111111111111111"]);
    let kept = fs::read_to_string(target.data.join(ONE).join("title.json")).expect("a title");
    assert!(kept.contains("Newer"));
    assert!(
        target.data.join(ONE).join("poster.jpg").exists(),
        "what was missing is back"
    );
}

#[test]
fn a_site_that_is_there_is_not_written_over_unless_told() {
    let (house, other) = (House::new(), House::new());
    other
        .ledger
        .execute("INSERT INTO sales VALUES (7)", [])
        .expect("a sale in the WAL");
    let archive = house.archive();
    let mut target = Target {
        data: other.data(),
        replace: false,
    };
    let before = tree(&target.data);
    let error = restore(&archive, &target).expect_err("occupied");
    assert!(
        matches!(&error, Error::Occupied { path } if path.ends_with("keys.json")),
        "{error}"
    );
    assert_eq!(tree(&target.data), before);

    target.replace = true;
    restore(&archive, &target).expect("restored");
    assert_eq!(
        sold(&target.data),
        100,
        "the other's WAL is not played into it"
    );
}

#[test]
fn the_same_site_makes_the_same_archive() {
    let house = House::new();
    let first = make(&house.site()).expect("an archive");
    house
        .ledger
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("moved about");
    let title = house.data().join(ONE).join("title.json");
    let text = fs::read(&title).expect("a title");
    fs::write(&title, text).expect("written anew");
    let second = make(&house.site()).expect("an archive");
    assert!(first.bytes == second.bytes, "the same bytes");
    assert_eq!(first.digest, second.digest);
    assert_eq!(open(&first.bytes).expect("whole").digest, first.digest);

    house
        .ledger
        .execute("INSERT INTO sales VALUES (1)", [])
        .expect("a sale");
    let third = make(&house.site()).expect("an archive");
    assert_ne!(third.digest, first.digest);
    assert!(
        !format!("{third:?}").contains("keys\": ["),
        "no contents in Debug"
    );
}

#[test]
fn no_site_makes_no_archive() {
    let house = House::new();
    fs::remove_file(house.data().join("keys.json")).expect("removed");
    let error = make(&house.site()).expect_err("no keys");
    assert!(matches!(error, Error::NoKeys { .. }), "{error}");
    fs::write(house.data().join("keys.json"), "{}").expect("written");
    fs::write(house.data().join("wallet.db"), "no database at all").expect("written");
    let error = make(&house.site()).expect_err("damaged");
    assert!(
        matches!(&error, Error::Database { path, .. } if path.ends_with("wallet.db")),
        "{error}"
    );
}

#[test]
fn whatever_byte_is_changed_nothing_is_restored() {
    let house = House::new();
    let archive = house.archive();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let target = target(elsewhere.path());
    for cut in [0, 1, archive.len() / 2, archive.len() - 9] {
        let error = restore(&archive[..cut], &target).expect_err("cut");
        assert!(matches!(error, Error::Damaged(_)), "{cut}: {error}");
    }
    // Of what is inside, so that the compression's own sum does not find it first.
    let mut tar = Vec::new();
    GzDecoder::new(archive.as_slice())
        .read_to_end(&mut tar)
        .expect("a tar");
    let keys = tar
        .windows(4)
        .position(|bytes| bytes == b"keys")
        .expect("a name");
    for at in [keys, 513, tar.len() / 2, tar.len() / 3] {
        let mut changed = tar.clone();
        changed[at] ^= 1;
        let error = restore(&zipped(&changed), &target).expect_err("changed");
        assert!(matches!(error, Error::Damaged(_)), "{at}: {error}");
    }
    assert!(!target.data.exists(), "nothing was written");
}

fn zipped(tar: &[u8]) -> Vec<u8> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::default());
    zip.write_all(tar).expect("in memory");
    zip.finish().expect("in memory")
}

/// A tar with what an attacker would put in. The name is written as it is.
fn hostile(kind: tar::EntryType, name: &str, link: &str, size: u64, bytes: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o6777);
    header.set_cksum();
    let mut tar = header.as_bytes().to_vec();
    tar.extend(bytes);
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    zipped(&tar)
}

#[test]
fn what_an_attacker_writes_is_refused() {
    use tar::EntryType as Kind;
    for (kind, name, link, size) in [
        (Kind::Regular, "../../etc/cron.d/x", "", 0),
        (Kind::Regular, "/etc/cron.d/x", "", 0),
        (Kind::Regular, "titles/../keys.json", "", 0),
        (Kind::Symlink, "keys.json", "/etc/shadow", 0),
        (Kind::Link, "keys.json", "/etc/shadow", 0),
        (Kind::Directory, "titles", "", 0),
        (Kind::Fifo, "keys.json", "", 0),
        (Kind::Char, "keys.json", "", 0),
        (Kind::GNULongName, "././@LongLink", "", u64::from(u32::MAX)),
        (Kind::XHeader, "x", "", u64::from(u32::MAX)),
        (Kind::GNUSparse, "keys.json", "", 0),
        (Kind::Regular, "keys.json", "", 1 << 33),
        (Kind::Regular, "keys.json", "", 3),
    ] {
        let error = open(&hostile(kind, name, link, size, b"")).expect_err(name);
        assert!(matches!(error, Error::Damaged(_)), "{name}: {error}");
    }
    // Two files of a name, both good, and a list that names both.
    let twice = |list: &str| {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, text) in [
            ("keys.json", "{}"),
            ("keys.json", "{}"),
            ("archive.json", list),
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o600);
            tar.append_data(&mut header, name, text.as_bytes())
                .expect("in memory");
        }
        zipped(&tar.into_inner().expect("in memory"))
    };
    let line = "{\"path\":\"keys.json\",\"bytes\":2,\"sha256\":\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}";
    let error = open(&twice(&format!(
        "{{\"version\":1,\"files\":[{line},{line}]}}"
    )))
    .expect_err("twice");
    assert!(error.to_string().contains("twice"), "{error}");
    let error = open(&twice("{\"version\":2,\"anything\":true}")).expect_err("later");
    assert!(matches!(error, Error::Newer { found: 2 }), "{error}");
}

#[test]
fn what_unpacks_to_a_mountain_is_not_unpacked() {
    // A hundred megabytes of nothing in a kilobyte, for a file that may have four.
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    let mut header = tar::Header::new_ustar();
    header.set_path("denied.json").expect("a path");
    header.set_size(1 << 27);
    header.set_cksum();
    zip.write_all(header.as_bytes()).expect("in memory");
    for _ in 0..128 {
        zip.write_all(&vec![b' '; 1 << 20]).expect("in memory");
    }
    let error = open(&zip.finish().expect("in memory")).expect_err("too large");
    assert!(error.to_string().contains("larger"), "{error}");
}
