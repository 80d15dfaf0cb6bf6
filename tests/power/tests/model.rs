//! The model on writers that are not ours: one that syncs what it has to, and those that leave something out.

#![allow(clippy::expect_used, reason = "a test may stop where it stands")]

use std::{fs, path::Path};

use power_cut::{Recorder, Recording, State};

/// Replaces `file`, by a shell and coreutils, of which `sync FILE` is one `fsync`.
const WRITE: &str = "printf 'new and longer' > file.tmp";
const SYNC: &str = "sync file.tmp";
const RENAME: &str = "mv file.tmp file";
const SYNC_FOLDER: &str = "sync .";
const SAY: &str = "echo done | cat > /dev/null";

fn recorded(folder: &Path, steps: &[&str]) -> Recording {
    fs::write(folder.join("file"), "old").expect("written");
    let recorder = Recorder::new(folder);
    let mut shell = recorder
        .command("sh")
        .args(["-ec", &steps.join("\n")])
        .current_dir(folder)
        .spawn()
        .expect("strace, by tools/setup test");
    assert!(shell.wait().expect("it ends").success());
    recorder.end(shell.id())
}

/// What `file` may hold, and what it may hold once the shell has told somebody that it is done.
fn found(steps: &[&str]) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = recorded(folder.path(), steps);
    let mut found = (Vec::new(), Vec::new());
    for state in recording.states() {
        let text = state
            .file("file")
            .map_or("nothing".into(), String::from_utf8_lossy);
        found.0.push(text.clone().into_owned());
        if state.said.contains(&b"done\n".as_slice()) {
            found.1.push(text.into_owned());
        }
    }
    for list in [&mut found.0, &mut found.1] {
        list.sort();
        list.dedup();
    }
    found
}

#[test]
fn what_is_synced_is_old_or_new_and_new_once_it_was_told() {
    let (ever, told) = found(&[WRITE, SYNC, RENAME, SYNC_FOLDER, SAY]);
    assert_eq!(ever, ["new and longer", "old"]);
    assert_eq!(told, ["new and longer"]);
}

#[test]
fn a_rename_that_is_not_synced_may_be_lost_after_it_was_told() {
    let (ever, told) = found(&[WRITE, SYNC, RENAME, SAY]);
    assert_eq!(ever, ["new and longer", "old"]);
    assert_eq!(told, ["new and longer", "old"]);
}

#[test]
fn a_file_that_is_not_synced_may_be_empty_or_torn() {
    let (ever, _) = found(&[WRITE, RENAME, SYNC_FOLDER, SAY]);
    assert_eq!(ever, ["", "new and", "new and longer", "old"]);
}

#[test]
fn a_file_that_is_written_in_place_may_be_gone() {
    let (ever, told) = found(&["printf 'new and longer' > file", "sync file", SAY]);
    assert_eq!(ever, ["", "new and", "new and longer", "old"]);
    assert_eq!(told, ["new and longer"]);
}

#[test]
fn a_folder_is_as_sure_as_its_name() {
    let new = [
        "mkdir $PWD/in",
        "printf x > in/file.tmp",
        "sync in/file.tmp",
        "mv in/file.tmp in/file",
        "sync in",
    ];
    let places = |steps: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        let recording = recorded(folder.path(), steps);
        let all = recording.states();
        let told = all.iter().filter(|state| !state.said.is_empty());
        told.map(|state| state.file("in/file").is_some())
            .collect::<Vec<_>>()
    };
    assert!(places(&[&new[..], &[SAY]].concat()).contains(&false));
    let sure = places(&[&new[..], &[SYNC_FOLDER, SAY]].concat());
    assert!(!sure.is_empty() && !sure.contains(&false));
}

#[test]
fn without_its_syncs_a_writer_is_as_bad_as_one_that_has_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = recorded(folder.path(), &[WRITE, SYNC, RENAME, SYNC_FOLDER, SAY]);
    let without = recording.without_syncs();
    let empty = |recording: &Recording| {
        let states = recording.states();
        states.iter().any(|state| state.file("file") == Some(b""))
    };
    assert!(!empty(&recording) && empty(&without));
}

#[test]
fn a_state_is_put_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = recorded(
        folder.path(),
        &[
            "mkdir $PWD/a",
            "mkdir $PWD/a/b",
            "printf x > a/file",
            "sync . a a/file",
        ],
    );
    let states = recording.states();
    let whole = |state: &&State<'_>| state.file("a/file") == Some(b"x");
    let state = states.iter().find(whole).expect("one with the file");
    let place = state.laid_out();
    assert_eq!(fs::read(place.path().join("a/file")).expect("there"), b"x");
    assert!(place.path().join("a/b").is_dir());
    assert_eq!(fs::read(place.path().join("file")).expect("there"), b"old");
}
