//! Jobs that break and are repeated, films that come twice, and the watch folder.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::rig::Rig;

const FILM: &str = "-f lavfi -i testsrc2=size=854x480:rate=25 -f lavfi -i sine=r=48000 -t 20 \
                    -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -ac 2";

/// Waits for a fact about the file system, which has no way to tell.
pub(crate) fn wait_for(what: &str, fact: impl FnMut() -> bool) {
    wait_within(Duration::from_mins(1), what, fact);
}

pub(crate) fn wait_within(limit: Duration, what: &str, mut fact: impl FnMut() -> bool) {
    let start = Instant::now();
    while !fact() {
        assert!(start.elapsed() < limit, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Children of a process, by the kernel's own list.
fn children(parent: u32) -> Vec<i32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let list = fs::read_to_string(path).unwrap_or_default();
    list.split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect()
}

fn segments(rig: &Rig) -> usize {
    let titles = fs::read_dir(rig.data().join("titles"))
        .into_iter()
        .flatten()
        .flatten();
    titles
        .flat_map(|title| fs::read_dir(title.path()).into_iter().flatten().flatten())
        .filter(|file| file.path().extension().is_some_and(|end| end == "m4s"))
        .count()
}

fn start_adding(rig: &Rig, film: &std::path::Path) -> Child {
    rig.add_command(film, &["--own", "7"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the transcoder runs")
}

fn kill(id: i32) {
    let id = rustix::process::Pid::from_raw(id).expect("a process");
    rustix::process::kill_process(id, rustix::process::Signal::KILL).expect("it is there");
}

#[test]
fn a_worker_killed_in_mid_film_is_replaced_once() {
    let rig = Rig::new();
    let film = rig.film("film.mp4", FILM);
    let mut adding = start_adding(&rig, &film);
    let first = kill_worker(&rig, &adding, 0);
    let _second = kill_worker(&rig, &adding, first);
    assert_eq!(adding.wait().expect("it ends").code(), Some(1));
    assert_eq!(
        segments(&rig),
        0,
        "a film that kills its workers leaves nothing to be seen"
    );

    let mut adding = start_adding(&rig, &film);
    kill_worker(&rig, &adding, 0);
    assert!(adding.wait().expect("it ends").success());
    rig.add(&film, &[]).check(20.0, 0.04);
}

/// Kills the worker that is not `other`, once it has written something.
fn kill_worker(rig: &Rig, adding: &Child, other: i32) -> i32 {
    let mut worker = None;
    wait_for("a worker's segments", || {
        worker = children(adding.id()).into_iter().find(|id| *id != other);
        worker.is_some() && segments(rig) > 2
    });
    let worker = worker.expect("a worker");
    kill(worker);
    worker
}

#[test]
fn a_supervisor_killed_takes_its_worker_along_and_repeating_keeps_hand_edits() {
    let rig = Rig::new();
    let film = rig.film("film.mp4", FILM);
    let mut first = start_adding(&rig, &film);
    wait_for("the first segments", || segments(&rig) > 2);
    let workers = children(first.id());
    assert_eq!(workers.len(), 1);
    first.kill().expect("it runs");
    first.wait().expect("it ends");
    wait_for("the worker's end", || workers.iter().all(|id| is_gone(*id)));

    let id = fs::read_dir(rig.data().join("titles"))
        .expect("titles")
        .flatten()
        .next();
    let half = rig.title(&id.expect("a title").file_name().to_string_lossy());
    assert!(!half.folder.join("master.m3u8").exists());
    let mut edited = half.json();
    assert_eq!(edited["state"], "processing");
    edited["name"] = "By hand".into();
    edited["mood"] = "unknown to us".into();
    fs::write(half.folder.join("title.json"), edited.to_string()).expect("an edit");

    // The watcher finds the unfinished job by itself.
    let mut watcher = run(&rig);
    wait_for("the film", || half.json()["state"] == "published");
    end(&mut watcher);
    let title = rig.add(&film, &["--name", "Other"]);
    title.check(20.0, 0.04);
    assert_eq!(title.json()["name"], "By hand");
    assert_eq!(title.json()["mood"], "unknown to us");
    assert_eq!(title.json()["tiers"][0]["sat"], 7);
}

fn is_gone(id: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    status.is_empty() || status.contains(") Z ")
}

#[test]
fn the_same_film_twice_is_one_title() {
    let rig = Rig::new();
    let film = rig.film("film.mp4", "-f lavfi -i testsrc2=size=160x120:rate=25 -t 2");
    let first = rig.add(&film, &["--name", "One", "--rent", "3"]);
    let before = first.read("title.json");
    let again = rig.path("other name.mp4");
    fs::copy(&film, &again).expect("a copy");
    let second = rig.add(&again, &["--name", "Two"]);
    assert_eq!(first.id(), second.id());
    assert_eq!(second.read("title.json"), before);
}

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
    assert!(rig.data().join("jobs/words.mp4.json").exists());
    assert!(inbox.join("copying.mp4.part").exists() && inbox.join(".hidden.mp4").exists());
    end(&mut watcher);
    let titles = fs::read_dir(rig.data().join("titles"))
        .expect("titles")
        .count();
    assert_eq!(titles, 1);
}

pub(crate) fn run(rig: &Rig) -> Child {
    Rig::transcoder()
        .arg("run")
        .arg("--data")
        .arg(rig.data())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the transcoder runs")
}

/// An orderly end.
pub(crate) fn end(run: &mut Child) {
    let id = i32::try_from(run.id()).expect("an id");
    let id = rustix::process::Pid::from_raw(id).expect("a process");
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
    assert!(run.wait().expect("it ends").success());
}
