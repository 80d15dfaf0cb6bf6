//! Which picture stands for a title: chosen among those that were made, or brought from outside.

use std::fs;
use std::path::{Path, PathBuf};

use crate::jobs::{end, run, wait_for};
use crate::rig::{Rig, Title, probe};
use crate::wishes::{SHORT, granted, job, jobs, put, refused, word};

/// A film that is made, and `run` ended.
fn made(rig: &Rig) -> Title {
    let film = rig.film("film.mp4", SHORT);
    rig.add(&film, &[])
}

fn poster(title: &Title) -> Vec<u8> {
    fs::read(title.folder.join("poster.jpg")).expect("a poster")
}

fn choice(title: &Title, number: u32) -> Vec<u8> {
    fs::read(title.folder.join(format!("poster-{number}.jpg"))).expect("a choice")
}

/// Nothing is left of what was brought.
fn is_tidy(rig: &Rig, title: &Title) {
    let brought = rig.data().join("inbox/.for").join(title.id());
    let left = fs::read_dir(brought).map_or(0, Iterator::count);
    assert_eq!((left, title.folder.join(".easel").exists()), (0, false));
}

pub(crate) fn size(path: &Path) -> String {
    let side = |side: &str| probe(path, &["-show_entries", side])[0];
    format!("{}x{}", side("stream=width"), side("stream=height"))
}

#[test]
fn one_that_was_made_is_chosen_and_stays() {
    let rig = Rig::new();
    put(&rig, "film.mp4", SHORT);
    let mut supervisor = run(&rig);
    let done = rig.data().join("inbox/done/film.mp4");
    wait_for("the film", || done.exists());
    let id = word(&jobs(&rig)[0], "id");
    let title = rig.title(&id);
    let all: Vec<_> = (1..=6).map(|number| choice(&title, number)).collect();
    let best = all.iter().position(|one| *one == poster(&title));
    let best = u32::try_from(best.expect("the best of them")).expect("small") + 1;
    let other = if best == 3 { 4 } else { 3 };

    granted(&rig, &["poster", &id, "--choice", &other.to_string()]);
    assert_eq!(poster(&title), choice(&title, other));
    refused(&rig, &["poster", &id, "--choice", "99"], "no poster-99.jpg");
    refused(
        &rig,
        &["poster", "00ff10a9bcdef012", "--choice", "1"],
        "no such film",
    );
    assert_eq!(poster(&title), choice(&title, other));

    // Made anew, of another cut: the same moment of that one.
    let longer = rig.film("other cut.mp4", &SHORT.replace("-t 4", "-t 8"));
    granted(&rig, &["replace", &id, &longer.to_string_lossy()]);
    wait_for("the other film", || {
        job(&rig, &id)["state"] == "done" && job(&rig, &id)["generation"] == 1
    });
    end(&mut supervisor);
    let new = choice(&title, other);
    assert_eq!(poster(&title), new);
    assert_ne!(new, all[usize::try_from(other).expect("small") - 1]);

    // Also while nobody is at work.
    granted(&rig, &["poster", &id, "--choice", &best.to_string()]);
    assert_eq!(poster(&title), choice(&title, best));
}

#[test]
fn a_picture_from_outside_is_drawn_anew() {
    let rig = Rig::new();
    let title = made(&rig);
    let id = title.id();
    for (name, arguments, expected) in [
        (
            "wide.jpg",
            "-f lavfi -i testsrc2=size=2560x1440",
            "1280x720",
        ),
        (
            "see-through.png",
            "-f lavfi -i color=red@0.5:size=401x301,format=rgba",
            "400x300",
        ),
        ("small.webp", "-f lavfi -i testsrc2=size=320x480", "320x480"),
    ] {
        let picture = rig.film(name, &format!("{arguments} -frames:v 1"));
        let before = poster(&title);
        granted(&rig, &["poster", &id, &picture.to_string_lossy()]);
        assert_ne!(poster(&title), before, "{name}");
        assert_eq!(size(&title.folder.join("poster.jpg")), expected, "{name}");
        is_tidy(&rig, &title);
    }
    // It stays, whatever is made anew.
    let own = poster(&title);
    let mut supervisor = run(&rig);
    granted(&rig, &["remake", &id]);
    wait_for("the new making", || {
        job(&rig, &id)["state"] == "done" && job(&rig, &id)["generation"] == 1
    });
    end(&mut supervisor);
    assert_eq!(poster(&title), own);
}

/// A photograph as telephones write it: held upright, stored lying, with where it was taken.
fn photograph(rig: &Rig) -> PathBuf {
    let flat = rig.film("flat.jpg", "-f lavfi -i testsrc2=size=640x360 -frames:v 1");
    let bytes = fs::read(&flat).expect("a picture");
    // TIFF, one entry: 0x0112 orientation, short, 6 (a quarter turn clockwise); then words.
    let mut exif =
        b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    exif.extend(b"47.3769 N 8.5417 E");
    let length = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
    let photograph = rig.path("photograph.jpg");
    let parts = [&b"\xFF\xD8\xFF\xE1"[..], &length, &exif, &bytes[2..]];
    fs::write(&photograph, parts.concat()).expect("a file");
    photograph
}

#[test]
fn a_photograph_stands_upright_and_does_not_say_where_it_was_taken() {
    let rig = Rig::new();
    let title = made(&rig);
    let photograph = photograph(&rig);
    granted(
        &rig,
        &["poster", &title.id(), &photograph.to_string_lossy()],
    );
    assert_eq!(size(&title.folder.join("poster.jpg")), "360x640");
    let bytes = poster(&title);
    for secret in [&b"Exif"[..], b"47.3769"] {
        let found = bytes.windows(secret.len()).any(|part| part == secret);
        assert!(!found, "{}", String::from_utf8_lossy(secret));
    }
}

/// A PNG that says it is 60,000 pixels wide and as high.
const HUGE: &[u8] =
    b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\xEA\x60\0\0\xEA\x60\x08\x06\0\0\0\xF7\x51\x93\x62\
    \0\0\0\x0CIDAT\x78\x9C\x63\0\x01\0\0\x05\0\x01\x0D\x0A\x2D\xB4\0\0\0\0IEND\xAE\x42\x60\x82";

#[test]
fn what_is_no_picture_changes_nothing() {
    let rig = Rig::new();
    let title = made(&rig);
    let before = poster(&title);
    let mut supervisor = run(&rig);
    let whole = rig.film("whole.png", "-f lavfi -i testsrc2=size=640x360 -frames:v 1");
    let whole = fs::read(whole).expect("a picture");
    for (name, bytes, why) in [
        (
            "page.jpg",
            &b"<svg onload=x>"[..],
            "no picture that Satreel knows",
        ),
        (
            "moving.gif",
            b"GIF89a\x01\0\x01\0",
            "no picture that Satreel knows",
        ),
        ("empty.jpg", b"", "no picture that Satreel knows"),
        (
            "words.jpg",
            b"\xFF\xD8\xFF and then some words",
            "can't be drawn",
        ),
        ("huge.png", HUGE, "36 megapixels"),
        ("cut.png", &whole[..60], "can't be drawn"),
        (
            "film.webp",
            b"RIFF\0\0\0\0WEBPVP8X and then some words",
            "can't be drawn",
        ),
    ] {
        let path = rig.path(name);
        fs::write(&path, bytes).expect("a file");
        refused(&rig, &["poster", &title.id(), &path.to_string_lossy()], why);
        assert_eq!(poster(&title), before, "{name}");
        is_tidy(&rig, &title);
    }
    let large = fs::File::create(rig.path("large.jpg")).expect("a file");
    large.set_len(10 * 1024 * 1024 + 1).expect("made long");
    let large = rig.path("large.jpg");
    refused(
        &rig,
        &["poster", &title.id(), &large.to_string_lossy()],
        "more than 10 MB",
    );
    is_tidy(&rig, &title);
    end(&mut supervisor);
}

#[test]
fn what_was_asked_before_a_crash_is_done_after_it() {
    let rig = Rig::new();
    let title = made(&rig);
    let id = title.id();
    let red = rig.film("red.png", "-f lavfi -i color=red:size=640x360 -frames:v 1");
    let brought = rig.data().join("inbox/.for").join(&id);
    fs::create_dir_all(&brought).expect("a folder");
    fs::rename(red, brought.join("red.png")).expect("the same disk");
    // A worker's leavings, as kill -9 leaves them.
    fs::create_dir(title.folder.join(".easel")).expect("a folder");
    fs::write(title.folder.join(".easel/.poster.jpg.tmp"), b"half").expect("a file");
    let wish = format!(r#"{{"job":"{id}","do":"poster","picture":{{"file":"red.png"}}}}"#);
    let asked = rig.data().join("jobs/asked");
    fs::create_dir_all(&asked).expect("a folder");
    fs::write(asked.join("1.json"), wish).expect("a wish");
    let before = poster(&title);
    let mut supervisor = run(&rig);
    wait_for("the wish to be taken", || !asked.join("1.json").exists());
    end(&mut supervisor);
    assert!(!asked.join("1.no").exists());
    assert_ne!(poster(&title), before);
    is_tidy(&rig, &title);
}

#[test]
fn what_was_answered_before_a_crash_is_not_asked_again() {
    let rig = Rig::new();
    let title = made(&rig);
    let before = poster(&title);
    let asked = rig.data().join("jobs/asked");
    fs::create_dir_all(&asked).expect("a folder");
    // Shown or refused, and killed before the wish was gone: the picture it needed is.
    for (number, answer) in [("1", "yes"), ("2", "no")] {
        let wish = r#"{"job":"ID","do":"poster","picture":{"file":"gone.png"}}"#;
        let wish = wish.replace("ID", &title.id());
        fs::write(asked.join(format!("{number}.{answer}")), "because").expect("an answer");
        fs::write(asked.join(format!("{number}.json")), wish).expect("a wish");
    }
    let mut supervisor = run(&rig);
    wait_for("the wishes to be taken", || {
        !asked.join("1.json").exists() && !asked.join("2.json").exists()
    });
    end(&mut supervisor);
    let left = |name: &str| fs::read_to_string(asked.join(name)).ok();
    assert_eq!((left("1.no"), left("1.yes")), (None, None));
    assert_eq!(left("2.no").as_deref(), Some("because"));
    assert_eq!(poster(&title), before);
}
