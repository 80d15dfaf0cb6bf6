//! The watch folder: what is taken in and what is put aside, with what lies beside a film, and that
//! one `run` at a time does it.

use std::fs;
use std::process::Stdio;

use crate::jobs::{end, run, wait_for};
use crate::poster::size;
use crate::rig::Rig;
use crate::wishes::{SHORT, jobs, put, word};

#[test]
fn the_watch_folder_takes_in_films_and_puts_others_aside() {
    let rig = Rig::new();
    let film = rig.film("film.mp4", "-f lavfi -i testsrc2=size=160x120:rate=25 -t 2");
    let inbox = rig.data().join("inbox");
    fs::create_dir_all(&inbox).expect("the inbox");
    fs::copy(&film, inbox.join("before.mp4")).expect("a film");
    fs::write(inbox.join(".hidden.mp4"), b"x").expect("a file");
    fs::write(inbox.join("copying.mp4.part"), b"x").expect("a file");
    let mut watcher = run(&rig);
    wait_for("the film", || inbox.join("done/before.mp4").exists());
    fs::write(inbox.join("words.mp4"), b"just some words").expect("a file");
    wait_for("the refusal", || {
        inbox.join("failed/words.mp4.txt").exists()
    });
    let reason = fs::read_to_string(inbox.join("failed/words.mp4.txt")).expect("a reason");
    assert!(reason.contains("no film or recording"), "{reason}");
    wait_for("the job's word", || {
        rig.data().join("jobs/words.mp4.json").exists()
    });
    assert!(inbox.join("copying.mp4.part").exists() && inbox.join(".hidden.mp4").exists());
    end(&mut watcher);
    let titles = fs::read_dir(rig.data().join("titles"))
        .expect("titles")
        .count();
    assert_eq!(titles, 1);
}

#[test]
fn a_demo_that_is_started_again_finds_its_former_transcoder_still_ending() {
    let rig = Rig::new();
    let inbox = rig.data().join("inbox");
    fs::create_dir_all(&inbox).expect("the inbox");
    fs::write(inbox.join("words.mp4"), b"just some words").expect("a file");
    let mut former = run(&rig);
    wait_for("the former's work", || {
        inbox.join("failed/words.mp4.txt").exists()
    });
    let mut next = Rig::transcoder()
        .args([
            "run",
            "--until-stdin-closes",
            "--live",
            "127.0.0.1:0",
            "--data",
        ])
        .arg(rig.data())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the transcoder runs");
    end(&mut former);
    fs::write(inbox.join("more.mp4"), b"more words").expect("a file");
    wait_for("the next one's work", || {
        inbox.join("failed/more.mp4.txt").exists()
    });
    drop(next.stdin.take());
    assert!(next.wait().expect("it ends").success());
}

#[test]
fn folders_are_tags_and_what_lies_beside_a_film_comes_along() {
    let rig = Rig::new();
    let inbox = rig.data().join("inbox");
    let folder = inbox.join("noir/1950s");
    fs::create_dir_all(&folder).expect("folders");
    let poster = rig.film("poster.jpg", "-f lavfi -i color=red:size=64x36 -frames:v 1");
    fs::rename(poster, folder.join("film.jpg")).expect("the same disk");
    let words = "name = \"The Rain\"\nyear = 1951\ntags = [\"rain\"]\nown = 77\npreview_s = 1\n";
    fs::write(folder.join("film.toml"), words).expect("words");
    let captions = "1\n00:00:01,000 --> 00:00:02,000\nIt rains.\n";
    fs::write(folder.join("film.en.srt"), captions).expect("captions");
    fs::write(folder.join("bad.toml"), "name = \"x\"\nyaer = 1951\n").expect("words");
    put(&rig, "noir/1950s/bad.mp4", SHORT);
    put(&rig, "noir/1950s/film.mp4", &SHORT.replace("-t 4", "-t 5"));
    let mut supervisor = run(&rig);
    wait_for("both films", || {
        inbox.join("done/noir/1950s/film.mp4").exists()
            && inbox.join("failed/noir/1950s/bad.mp4.txt").exists()
    });
    end(&mut supervisor);
    for name in ["film.toml", "film.jpg", "film.en.srt"] {
        assert!(inbox.join("done/noir/1950s").join(name).exists(), "{name}");
    }
    let why = fs::read_to_string(inbox.join("failed/noir/1950s/bad.mp4.txt")).expect("a reason");
    assert!(
        why.contains("bad.toml:2: yaer: unknown key; did you mean \"year\"?"),
        "{why}"
    );

    let jobs = jobs(&rig);
    let id = word(
        jobs.iter()
            .find(|job| job["state"] == "done")
            .expect("a job"),
        "id",
    );
    let title = rig.title(&id);
    let json = title.json();
    assert_eq!(json["name"], "The Rain");
    assert_eq!(json["tags"], serde_json::json!(["rain", "noir", "1950s"]));
    assert_eq!(
        (json["year"].as_u64(), json["tiers"][0]["sat"].as_u64()),
        (Some(1951), Some(77))
    );
    let poster = title.folder.join("poster.jpg");
    assert_eq!(size(&poster), "64x36");
    assert!(title.read("master.m3u8").contains("LANGUAGE=\"en\""));
    title.check(5.0, 0.04);
}

#[test]
fn one_run_at_a_time() {
    let rig = Rig::new();
    let mut first = run(&rig);
    put(&rig, "film.mp4", SHORT);
    wait_for("the first to be at work", || {
        rig.data().join("inbox/done/film.mp4").exists()
    });
    let mut second = run(&rig);
    let mut ended = None;
    wait_for("the second to be refused", || {
        ended = second.try_wait().expect("its state");
        ended.is_some()
    });
    assert_eq!(ended.and_then(|status| status.code()), Some(1));
    end(&mut first);
}
