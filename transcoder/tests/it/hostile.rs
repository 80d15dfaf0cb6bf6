//! The hostile set (`tests/hostile/make.py`), given to one supervisor: each file ends in words or
//! in a correct film, nothing is written or read elsewhere, and afterwards it takes a good film.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::jobs::{end, run, wait_for, wait_within};
use crate::rig::{Rig, Title, text};

/// One line of the generator.
#[derive(Deserialize)]
struct Case {
    name: Vec<u8>,
    wanted: Wanted,
}

#[derive(Deserialize, PartialEq, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Film,
    Refused,
    Either,
}

impl Case {
    fn name(&self) -> OsString {
        OsString::from_vec(self.name.clone())
    }
}

/// Of a size that nothing else here has.
const SECRET: (&str, u64) = ("-f lavfi -i testsrc2=size=208x96:rate=25 -t 2", 208);

fn make(rig: &Rig, folder: &Path) -> Vec<Case> {
    let secret = rig.film("secret.mp4", SECRET.0);
    let made = Command::new("python3")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/hostile/make.py"
        ))
        .args([folder, &secret])
        .output()
        .expect("python3 runs");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let lines = text(&made.stdout);
    let cases = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a case"));
    cases.collect()
}

fn id_of(path: &Path) -> String {
    let digest = Sha256::digest(fs::read(path).expect("the source"));
    hex::encode(&digest[..8])
}

/// Everything below a folder but what is below `but`.
fn listing(folder: &Path, but: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path == but {
            continue;
        }
        if entry.file_type().expect("a type").is_dir() {
            found.extend(listing(&path, but));
        }
        found.insert(path);
    }
    found
}

#[test]
fn the_hostile_set_does_no_harm() {
    let rig = Rig::new();
    let inbox = rig.data().join("inbox");
    let cases = make(&rig, &inbox);
    assert!(cases.len() >= 100, "only {} files", cases.len());
    // What is in the folder and no plain file: left alone.
    let secret = rig.path("secret.mp4");
    std::os::unix::fs::symlink(&secret, inbox.join("link.mp4")).expect("a link");
    let _socket = UnixListener::bind(inbox.join("socket.mp4")).expect("a socket");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        inbox.join("pipe.mp4"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a pipe");
    let outside = listing(&rig.path(""), &rig.data());

    let mut supervisor = run(&rig);
    wait_within(Duration::from_mins(10), "the whole set", || {
        cases.iter().all(|case| !inbox.join(case.name()).exists())
    });
    rig.film_in(&inbox, "good.mp4");
    wait_for("a good film after all that", || {
        inbox.join("done/good.mp4").exists()
    });
    end(&mut supervisor);

    assert_eq!(listing(&rig.path(""), &rig.data()), outside);
    for name in ["link.mp4", "socket.mp4", "pipe.mp4"] {
        assert!(fs::symlink_metadata(inbox.join(name)).is_ok(), "{name}");
    }
    let mut titles = 1;
    for case in &cases {
        titles += usize::from(judge(&rig, &inbox, case));
    }
    let there = fs::read_dir(rig.data().join("titles"))
        .expect("titles")
        .count();
    assert_eq!(there, titles, "no title but those of films");
}

/// Whether a correct film came of it; else there are words.
fn judge(rig: &Rig, inbox: &Path, case: &Case) -> bool {
    let name = case.name();
    let done = inbox.join("done").join(&name);
    if done.exists() {
        assert!(
            case.wanted != Wanted::Refused,
            "{} was taken",
            name.display()
        );
        check(&rig.title(&id_of(&done)), &name, case.wanted);
        return true;
    }
    assert!(
        case.wanted != Wanted::Film,
        "{} was refused",
        name.display()
    );
    let mut reason = inbox.join("failed").join(&name).into_os_string();
    reason.push(".txt");
    let reason = fs::read_to_string(&reason).unwrap_or_default();
    let words = reason.trim();
    assert!(
        words.len() > 20 && words.contains(": "),
        "{}: {words}",
        name.display()
    );
    for bad in ["stood still", "ended too early", "hostile", "panic"] {
        assert!(!words.contains(bad), "{}: {words}", name.display());
    }
    assert!(!words.bytes().any(|byte| byte < 0x20), "{words:?}");
    false
}

/// What is damaged in the source may go on into a copied track; it plays all the same.
fn check(title: &Title, name: &std::ffi::OsStr, wanted: Wanted) {
    let json = title.json();
    assert_eq!(json["state"], "published", "{}", name.display());
    assert_ne!(
        json["width"],
        SECRET.1,
        "{} shows another film",
        name.display()
    );
    assert!(title.left_over().is_empty());
    for track in title.tracks() {
        let done = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(title.folder.join(format!("{track}.m3u8")))
            .args(["-f", "null", "-"])
            .output()
            .expect("ffmpeg runs");
        let told = text(&done.stderr);
        let may_be_damaged = wanted == Wanted::Either;
        assert!(
            done.status.success() && (may_be_damaged || told.is_empty()),
            "{} {track}: {told}",
            name.display()
        );
    }
}
