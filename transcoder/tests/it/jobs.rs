//! Jobs that break and are repeated, films that come twice, and the watch folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use satreel_hls::playlist::Kind;

use crate::rig::{Rig, Title};

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
pub(crate) fn children(parent: u32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let lists = threads.filter_map(|one| fs::read_to_string(one.path().join("children")).ok());
    let lists: Vec<String> = lists.collect();
    let ids = lists.iter().flat_map(|list| list.split_whitespace());
    ids.filter_map(|id| id.parse().ok()).collect()
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

    let half = only_title(&rig);
    assert!(half.folder.join(".making.json").exists());
    let mut edited = half.json();
    assert_ne!(edited["state"], "hidden");
    edited["name"] = "By hand".into();
    edited["mood"] = "unknown to us".into();
    fs::write(half.folder.join("title.json"), edited.to_string()).expect("an edit");

    // The watcher finds the unfinished job by itself.
    let mut watcher = run(&rig);
    wait_for("the film", || !half.folder.join(".making.json").exists());
    end(&mut watcher);
    let title = rig.add(&film, &["--name", "Other"]);
    title.check(20.0, 0.04);
    assert_eq!(title.json()["name"], "By hand");
    assert_eq!(title.json()["mood"], "unknown to us");
    assert_eq!(title.json()["tiers"][0]["sat"], 7);
}

fn only_title(rig: &Rig) -> Title {
    let mut titles = fs::read_dir(rig.data().join("titles"))
        .expect("titles")
        .flatten();
    rig.title(
        &titles
            .next()
            .expect("a title")
            .file_name()
            .to_string_lossy(),
    )
}

/// Of every segment that a playlist lists, the file itself.
fn listed(title: &Title) -> BTreeMap<String, u64> {
    let mut files = BTreeMap::new();
    for track in title.tracks() {
        for segment in title.playlist(&track).segments {
            let name = segment.uri.to_string();
            let about = fs::metadata(title.folder.join(&name)).expect("what is listed is there");
            files.insert(name, about.ino());
        }
    }
    files
}

/// Killed again and again: whatever a playlist listed is never made a second time, and the end is
/// that of a film made in one go.
fn goes_on_after_kills(name: &str, source: &str) {
    let whole = Rig::new();
    let film = Rig::kept(name, source);
    let expected = whole.add(&film, &["--own", "7"]);
    let rig = Rig::new();
    let mut before = BTreeMap::new();
    for _ in 0..3 {
        let mut adding = start_adding(&rig, &film);
        wait_for("more segments", || {
            segments(&rig) > before.len() + 3 || (!before.is_empty() && is_whole(&rig))
        });
        let workers = children(adding.id());
        adding.kill().expect("it runs or has ended");
        adding.wait().expect("it ends");
        wait_for("the worker's end", || workers.iter().all(|id| is_gone(*id)));
        let now = listed(&only_title(&rig));
        assert!(
            before
                .iter()
                .all(|(name, file)| now.get(name) == Some(file)),
            "{before:?} {now:?}"
        );
        before = now;
    }
    let title = rig.add(&film, &["--own", "7"]);
    title.check(20.0, 0.05);
    let now = listed(&title);
    assert!(
        before
            .iter()
            .all(|(name, file)| now.get(name) == Some(file)),
        "{before:?} {now:?}"
    );
    for track in expected.tracks() {
        let (one, other) = (expected.playlist(&track), title.playlist(&track));
        assert_eq!(one, other, "{track}");
        let (one, other) = (expected.shown(&track), title.shown(&track));
        let apart = one
            .iter()
            .zip(&other)
            .map(|(one, other)| (one - other).abs());
        assert_eq!(one.len(), other.len(), "{track}");
        assert!(
            apart.fold(0.0, f64::max) < 0.0015,
            "{track}: {one:?} {other:?}"
        );
    }
}

fn is_whole(rig: &Rig) -> bool {
    let title = only_title(rig);
    title.folder.join("master.m3u8").exists() && !title.folder.join(".making.json").exists()
}

#[test]
fn a_job_goes_on_where_it_was_killed() {
    goes_on_after_kills(
        "encoded.mkv",
        &format!("{FILM} -bf 3 -g 250 -pix_fmt yuv420p10le"),
    );
}

#[test]
fn a_job_with_a_copied_rung_goes_on_where_it_was_killed() {
    goes_on_after_kills("copied.mp4", &format!("{FILM} -bf 2 -g 50"));
}

/// The film is on sale, and every playlist that is there can be played, long before it is whole.
#[test]
fn a_film_can_be_watched_while_it_is_made() {
    let rig = Rig::new();
    let film = Rig::kept(
        "growing.mkv",
        &format!("{FILM} -g 250 -pix_fmt yuv420p10le"),
    );
    let mut adding = start_adding(&rig, &film);
    wait_for("the first playlist", || {
        let titles = rig.data().join("titles");
        titles.is_dir()
            && segments(&rig) > 0
            && only_title(&rig).folder.join("master.m3u8").exists()
    });
    let title = only_title(&rig);
    wait_for("the offer", || title.json()["state"] == "published");
    let smallest = title.playlist("v240");
    let is_growing = smallest.kind == Kind::Event && !smallest.ended;
    let whole_already = is_whole(&rig);
    assert!(is_growing || whole_already, "{smallest:?}");
    assert!(!smallest.segments.is_empty() && title.folder.join("poster.jpg").exists());
    for name in listed(&title).keys() {
        assert!(title.folder.join(name).exists());
    }
    assert!(adding.wait().expect("it ends").success());
    title.check(20.0, 0.041);
    assert_eq!(title.playlist("v240").kind, Kind::Vod);
    // What was promised held: later segments fit the target duration that the first ones named.
    assert_eq!(title.playlist("v240").target_s, smallest.target_s);
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

pub(crate) fn run(rig: &Rig) -> Child {
    Rig::transcoder()
        .args(["run", "--live", "127.0.0.1:0", "--data"])
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

/// Numbers without a pattern, the same ones every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % end
    }
}

#[test]
fn killed_at_any_moment_the_film_is_whole_in_the_end() {
    let rig = Rig::new();
    let inbox = rig.data().join("inbox");
    fs::create_dir_all(&inbox).expect("the inbox");
    fs::rename(rig.film("film.mp4", FILM), inbox.join("film.mp4")).expect("the same disk");
    let done = inbox.join("done/film.mp4");
    let mut dice = Dice(7);
    for _ in 0..12 {
        let mut supervisor = run(&rig);
        let enough = usize::try_from(dice.below(24)).expect("a number");
        wait_for("something to kill", || {
            done.exists() || (segments(&rig) >= enough && !children(supervisor.id()).is_empty())
        });
        // Somewhere between two segments, too.
        std::thread::sleep(Duration::from_millis(dice.below(120)));
        if dice.below(2) == 0
            && let Some(worker) = children(supervisor.id()).first()
        {
            let _ = rustix::process::kill_process(
                rustix::process::Pid::from_raw(*worker).expect("a process"),
                rustix::process::Signal::KILL,
            );
        }
        let workers = children(supervisor.id());
        supervisor.kill().expect("it runs");
        supervisor.wait().expect("it ends");
        wait_for("the worker's end", || workers.iter().all(|id| is_gone(*id)));
        if segments(&rig) > 0 {
            // Fails where a playlist names what is not there.
            listed(&only_title(&rig));
        }
    }
    let mut supervisor = run(&rig);
    wait_for("the film", || done.exists());
    end(&mut supervisor);
    let title = only_title(&rig);
    title.check(20.0, 0.04);
    let job = fs::read_to_string(rig.data().join(format!("jobs/{}.json", title.id())));
    assert!(job.expect("a job").contains("\"state\": \"done\""));
}
