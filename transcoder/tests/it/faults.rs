//! Files that are no films: refused in plain words, leaving nothing behind.

use std::fs;

use crate::rig::{Rig, text};

fn refused(rig: &Rig, name: &str, bytes: &[u8], words: &str) {
    let path = rig.path(name);
    fs::write(&path, bytes).expect("a file");
    let done = rig.try_add(&path, &[]);
    let told = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{name}: {told}");
    assert!(told.contains(words), "{name}: {told}");
    assert!(done.stdout.is_empty());
    let titles = fs::read_dir(rig.data().join("titles"));
    assert_eq!(titles.map_or(0, Iterator::count), 0, "{name} left a title");
}

#[test]
fn what_is_no_film_is_refused_in_plain_words() {
    let rig = Rig::new();
    refused(&rig, "empty.mp4", b"", "empty");
    refused(
        &rig,
        "list.mp4",
        b"#EXTM3U\n#EXTINF:2,\n/etc/passwd\n",
        "playlist",
    );
    refused(
        &rig,
        "list.mkv",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        "playlist",
    );
    refused(
        &rig,
        "words.mp4",
        b"just some words",
        "no film or recording",
    );
    refused(&rig, "song.mp3", b"ID3\x04\0\0\0\0\0\0", "damaged");
    refused(
        &rig,
        "noise.mp4",
        b"\0\0\0\x18ftypmp42 and then nothing",
        "damaged",
    );
}

#[test]
fn a_film_that_was_cut_short_is_noticed() {
    let rig = Rig::new();
    let source = "-f lavfi -i testsrc2=size=320x240:rate=25 -t 4 -c:v libx264 -preset ultrafast";
    for (name, options) in [("end.mp4", ""), ("start.mp4", "-movflags +faststart")] {
        let film = rig.film(name, &format!("{source} {options}"));
        let bytes = fs::read(film).expect("the film");
        refused(
            &rig,
            &format!("cut-{name}"),
            &bytes[..bytes.len() / 2],
            "damaged or cut short",
        );
    }
}

#[test]
fn words_without_picture_and_sound_are_refused() {
    let rig = Rig::new();
    let words = rig.path("words.srt");
    fs::write(&words, "1\n00:00:00,000 --> 00:00:02,000\nHello\n").expect("a file");
    let film = rig.film("words.mkv", &format!("-i {} -c:s srt", words.display()));
    let bytes = fs::read(film).expect("the film");
    refused(&rig, "only.mkv", &bytes, "neither a picture nor a sound");
}

#[test]
fn wrong_usage_exits_with_two() {
    let rig = Rig::new();
    let path = rig.path("film.mp4");
    fs::write(&path, b"x").expect("a file");
    for options in [
        &["--own", "0"][..],
        &["--rent", "-1"],
        &["--own", "x"],
        &["--free", "--own", "5"],
        &["--name", " "],
        &["--config", "also"],
        &["--preview", "99999999999"],
    ] {
        let done = rig.try_add(&path, options);
        assert_eq!(
            done.status.code(),
            Some(2),
            "{options:?}: {}",
            text(&done.stderr)
        );
    }
    let zero = rig.try_add(&path, &["--own", "0"]);
    assert!(text(&zero.stderr).contains("--free"));
}
