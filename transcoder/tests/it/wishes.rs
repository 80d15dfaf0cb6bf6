//! What can be asked of jobs, by the command line and by files, while `run` is at work and without.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::jobs::{children, end, run, wait_for, wait_within};
use crate::rig::{Rig, Title, text};

/// Long enough to be met at work.
const LONG: &str = "-f lavfi -i testsrc2=size=854x480:rate=30 -f lavfi -i sine=r=48000 -t 30 \
                    -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 300 -c:a aac -ac 2";
pub(crate) const SHORT: &str = "-f lavfi -i testsrc2=size=320x240:rate=25 -t 4 -c:v libx264 \
                     -preset ultrafast -pix_fmt yuv420p -g 25";

fn ask(rig: &Rig, words: &[&str]) -> Output {
    let mut command = Rig::transcoder();
    command.args(words).arg("--data").arg(rig.data());
    command.output().expect("the transcoder runs")
}

#[track_caller]
pub(crate) fn granted(rig: &Rig, words: &[&str]) {
    let done = ask(rig, words);
    assert!(done.status.success(), "{words:?}: {}", text(&done.stderr));
}

#[track_caller]
pub(crate) fn refused(rig: &Rig, words: &[&str], why: &str) {
    let done = ask(rig, words);
    let told = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{words:?}: {told}");
    assert!(told.contains(why), "{words:?}: {told}");
}

pub(crate) fn jobs(rig: &Rig) -> Vec<Value> {
    let done = ask(rig, &["jobs", "--json"]);
    let told: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    told["jobs"].as_array().expect("jobs").clone()
}

pub(crate) fn job(rig: &Rig, id: &str) -> Value {
    let path = rig.data().join("jobs").join(format!("{id}.json"));
    let text = fs::read(path).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Puts a film into the inbox in one step, as a good program does.
pub(crate) fn put(rig: &Rig, name: &str, shape: &str) -> PathBuf {
    let film = rig.film("made.mp4", shape);
    let place = rig.data().join("inbox").join(name);
    fs::create_dir_all(place.parent().expect("a folder")).expect("the inbox");
    fs::rename(film, &place).expect("the same disk");
    place
}

/// The id of the job that works, once it has made something.
fn at_work(rig: &Rig) -> String {
    let mut found = None;
    wait_for("a job at work", || {
        let jobs = jobs(rig);
        let works = |job: &&Value| job["state"] == "working" && job["percent"].as_u64() > Some(0);
        found = jobs.iter().find(works).map(|job| word(job, "id"));
        found.is_some()
    });
    found.expect("a job")
}

pub(crate) fn word(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn state_becomes(rig: &Rig, id: &str, state: &str) {
    wait_within(Duration::from_mins(5), state, || {
        job(rig, id)["state"] == state
    });
}

/// The state of a process, by the kernel's letter.
fn letter(process: i32) -> String {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().unwrap_or_default();
    state.chars().take(1).collect()
}

#[test]
fn a_paused_film_stands_still_lets_others_by_and_goes_on() {
    let rig = Rig::new();
    put(&rig, "long.mp4", LONG);
    let mut supervisor = run(&rig);
    let id = at_work(&rig);
    let worker = children(supervisor.id())[0];
    granted(&rig, &["pause", &id]);
    state_becomes(&rig, &id, "paused");
    wait_for("the worker to stand still", || letter(worker) == "T");
    holds_nothing_else(worker, &rig.title(&id));

    put(&rig, "short.mp4", SHORT);
    wait_for("the other film", || {
        rig.data().join("inbox/done/short.mp4").exists()
    });
    assert_eq!(letter(worker), "T");
    end(&mut supervisor);

    let mut supervisor = run(&rig);
    state_becomes(&rig, &id, "paused");
    refused(&rig, &["remake", &id], "in work");
    granted(&rig, &["resume", &id]);
    state_becomes(&rig, &id, "done");
    end(&mut supervisor);
    rig.title(&id).check(30.0, 0.04);
}

/// A worker has no environment, and no descriptor but the film, its pipes and the title's files.
fn holds_nothing_else(worker: i32, title: &Title) {
    let about = PathBuf::from(format!("/proc/{worker}"));
    assert_eq!(
        fs::read(about.join("environ")).expect("its environment"),
        b""
    );
    let film = title.json()["source"]["file_name"]
        .as_str()
        .expect("a name")
        .to_owned();
    for entry in fs::read_dir(about.join("fd"))
        .expect("its descriptors")
        .flatten()
    {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let text = target.to_string_lossy().into_owned();
        let known = text.ends_with(&film) || text.starts_with("pipe:") || text == "/dev/null";
        assert!(known || target.starts_with(&title.folder), "{text}");
    }
}

#[test]
fn a_film_that_is_given_up_leaves_nothing_and_can_be_made_after_all() {
    let rig = Rig::new();
    put(&rig, "noir/long.mp4", LONG);
    let mut supervisor = run(&rig);
    let id = at_work(&rig);
    granted(&rig, &["cancel", &id]);
    state_becomes(&rig, &id, "cancelled");
    let aside = rig.data().join("inbox/cancelled/noir/long.mp4");
    wait_for("the film aside", || aside.exists());
    assert!(!rig.data().join("titles").join(&id).exists());
    refused(&rig, &["cancel", &id], "ended");
    refused(&rig, &["resume", &id], "not paused");
    assert_eq!(word(&job(&rig, &id), "answer"), "it is not paused");
    end(&mut supervisor);

    granted(&rig, &["retry", &id]);
    let mut supervisor = run(&rig);
    state_becomes(&rig, &id, "done");
    wait_for("the film among the done", || {
        job(&rig, &id)["source"]
            .as_str()
            .is_some_and(|path| path.ends_with("done/noir/long.mp4"))
    });
    end(&mut supervisor);
    assert_eq!(rig.title(&id).json()["tags"][0], "noir");
}

/// Everything that the multivariant playlist names is there, whenever one looks.
fn plays(title: &Title) {
    let master = title.read("master.m3u8");
    let uris = master.lines().filter(|line| !line.starts_with('#'));
    for variant in uris.filter_map(|line| line.strip_suffix(".m3u8")) {
        let playlist = title.playlist(variant);
        for segment in &playlist.segments {
            assert!(
                title.folder.join(segment.uri.to_string()).exists(),
                "{variant}"
            );
        }
    }
}

#[test]
fn a_film_is_made_anew_and_replaced_without_a_broken_moment() {
    let rig = Rig::new();
    put(&rig, "film.mp4", SHORT);
    let mut supervisor = run(&rig);
    let done = rig.data().join("inbox/done/film.mp4");
    wait_for("the film", || done.exists());
    let id = word(&jobs(&rig)[0], "id");
    let title = rig.title(&id);
    let edited = title.read("title.json").replace("\"film\"", "\"By hand\"");
    fs::write(title.folder.join("title.json"), edited).expect("an edit");
    let old: Vec<(PathBuf, Vec<u8>)> = segments(&title.folder);

    granted(&rig, &["remake", &id, "--preview", "2"]);
    wait_for("the new making", || {
        plays(&title);
        job(&rig, &id)["state"] == "done"
    });
    assert_eq!(job(&rig, &id)["generation"], 1);
    let master = title.read("master.m3u8");
    assert!(
        master.contains("v240g1.m3u8") && !master.contains("v240.m3u8"),
        "{master}"
    );
    assert_eq!(title.json()["preview_s"], 2);

    let other = rig.film("other cut.mp4", &SHORT.replace("-t 4", "-t 6"));
    granted(&rig, &["replace", &id, &other.to_string_lossy()]);
    wait_for("the other film", || {
        plays(&title);
        job(&rig, &id)["state"] == "done" && job(&rig, &id)["generation"] == 2
    });
    end(&mut supervisor);
    let json = title.json();
    assert_eq!(json["name"], "By hand");
    assert_eq!(json["state"], "published");
    assert_eq!(json["source"]["file_name"], "other cut.mp4");
    assert!((json["duration_s"].as_f64().expect("a length") - 6.0).abs() < 0.1);
    // Whoever plays the first making goes on with it.
    for (path, bytes) in old {
        assert_eq!(
            fs::read(&path).expect("it is still there"),
            bytes,
            "{}",
            path.display()
        );
    }
    assert!(title.left_over().is_empty(), "{:?}", title.left_over());
    for track in title.tracks().iter().filter(|track| track.ends_with("g2")) {
        title.decodes(track);
    }
}

fn segments(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("the title").flatten();
    let paths = entries.map(|entry| entry.path());
    // The storefront's clip shows the latest making, as the poster does.
    let media = paths.filter(|path| {
        let end = path.extension().unwrap_or_default();
        (end == "m4s" || end == "mp4") && !path.ends_with("hover.mp4")
    });
    media
        .map(|path| (path.clone(), fs::read(&path).expect("a segment")))
        .collect()
}

#[test]
fn a_remake_that_fails_leaves_the_old_film() {
    let rig = Rig::new();
    put(&rig, "film.mp4", SHORT);
    let mut supervisor = run(&rig);
    wait_for("the film", || {
        rig.data().join("inbox/done/film.mp4").exists()
    });
    let id = word(&jobs(&rig)[0], "id");
    let title = rig.title(&id);
    let before = title.read("master.m3u8");
    let broken = rig.path("broken.mp4");
    fs::write(&broken, b"just some words").expect("a file");
    granted(&rig, &["replace", &id, &broken.to_string_lossy()]);
    state_becomes(&rig, &id, "failed");
    assert!(
        word(&job(&rig, &id), "fault").contains("no film"),
        "{}",
        job(&rig, &id)
    );
    assert_eq!(title.read("master.m3u8"), before);
    fs::remove_file(rig.data().join("inbox/.for").join(&id).join("broken.mp4")).expect("there");
    refused(&rig, &["retry", &id], "no longer at");
    end(&mut supervisor);
}

#[test]
fn deleting_says_what_is_left_and_needs_no_run() {
    let rig = Rig::new();
    let film = rig.film("film.mp4", SHORT);
    let title = rig.add(&film, &[]);
    let id = title.id();
    let done = ask(&rig, &["delete", &id]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let told = text(&done.stdout);
    assert!(
        told.contains("deleted") && told.contains("left: ") && told.contains("film.mp4"),
        "{told}"
    );
    assert!(!title.folder.exists() && film.exists());
    let titles = fs::read_dir(rig.data().join("titles")).expect("titles");
    assert_eq!(titles.count(), 0);
    refused(&rig, &["retry", &id], "gone");
    granted(&rig, &["forget", &id]);
    assert_eq!(jobs(&rig), [] as [Value; 0]);
    refused(&rig, &["forget", &id], "no such job");
    refused(&rig, &["delete", &id], "no such title");
    let wrong = ask(&rig, &["delete", "../keys"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_film_at_work_is_deleted_as_soon_as_its_worker_has_ended() {
    let rig = Rig::new();
    put(&rig, "long.mp4", LONG);
    let mut supervisor = run(&rig);
    let id = at_work(&rig);
    granted(&rig, &["delete", &id]);
    state_becomes(&rig, &id, "deleted");
    assert!(!rig.data().join("titles").join(&id).exists());
    assert_eq!(children(supervisor.id()).len(), 0);
    end(&mut supervisor);
}

#[test]
fn wishes_that_make_no_sense_are_dropped() {
    let rig = Rig::new();
    let asked = rig.data().join("jobs/asked");
    fs::create_dir_all(&asked).expect("the folder");
    let secret = rig.path("secret");
    fs::write(&secret, r#"{"job":"0011223344556677","do":"delete"}"#).expect("a file");
    std::os::unix::fs::symlink(&secret, asked.join("link.json")).expect("a link");
    for (name, bytes) in [
        ("noise.json", &b"\xFF\x00\x01"[..]),
        ("path.json", br#"{"job":"../../keys","do":"delete"}"#),
        (
            "unknown.json",
            br#"{"job":"0011223344556677","do":"resume"}"#,
        ),
        (
            "climbs.json",
            br#"{"job":"0011223344556677","do":"replace","file":"../../x"}"#,
        ),
        ("long.json", &vec![b' '; 100_000]),
    ] {
        fs::write(asked.join(name), bytes).expect("a wish");
    }
    fs::write(asked.join(".half.json.tmp"), b"{").expect("a wish on its way");
    let mut supervisor = run(&rig);
    wait_for("the wishes' end", || {
        let left = fs::read_dir(&asked).expect("the folder").flatten();
        let names: BTreeSet<OsString> = left.map(|entry| entry.file_name()).collect();
        // What is no plain file is nobody's wish; a refusal waits to be fetched.
        names
            == ["link.json", ".half.json.tmp", "unknown.no"]
                .map(OsString::from)
                .into()
    });
    assert!(secret.exists() && asked.join("link.json").is_symlink());
    put(&rig, "film.mp4", SHORT);
    wait_for("a film after that", || {
        rig.data().join("inbox/done/film.mp4").exists()
    });
    end(&mut supervisor);
}

fn with_config(rig: &Rig, more: &str) -> Child {
    let config = rig.path("satreel.toml");
    let text = format!(
        "[site]\nurl = \"http://127.0.0.1:1\"\ndata = \"{}\"\n[payments]\nbackend = \"wallet\"\n\
         [transcoder]\n{more}\n",
        rig.data().display()
    );
    fs::write(&config, text).expect("a configuration");
    Rig::transcoder()
        .args(["run", "--live", "127.0.0.1:0", "--config"])
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the transcoder runs")
}

#[test]
fn a_full_disk_holds_a_film_until_there_is_room() {
    let rig = Rig::new();
    put(&rig, "film.mp4", SHORT);
    let mut supervisor = with_config(&rig, "keep_free_mb = 100000000");
    let mut held = String::new();
    wait_for("the film to be held", || {
        let jobs = jobs(&rig);
        let job = jobs.iter().find(|job| job["state"] == "held");
        held = job.map_or(String::new(), |job| word(job, "detail"));
        job.is_some()
    });
    assert!(
        held.contains("nearly full") && held.contains("keep_free_mb"),
        "{held}"
    );
    end(&mut supervisor);
    let mut supervisor = with_config(&rig, "keep_free_mb = 0");
    wait_for("the film", || {
        rig.data().join("inbox/done/film.mp4").exists()
    });
    end(&mut supervisor);
}

/// What is written fails in mid-segment, whatever was free when the film was begun.
#[test]
fn a_disk_that_fills_in_mid_film_costs_nothing() {
    let rig = Rig::new();
    rig.configure("[transcoder]\nkeep_free_mb = 0\n");
    put(&rig, "film.mp4", SHORT);
    let titles = rig.data().join("titles");
    fs::create_dir_all(&titles).expect("a folder");
    // A disk of its own below the titles, in a namespace that ends with the program.
    let mut supervisor = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=64k none \"$0\" && exec \"$@\"")
        .arg(&titles)
        .arg(Rig::transcoder().get_program())
        .args(["run", "--live", "127.0.0.1:0", "--config"])
        .arg(rig.path("satreel.toml"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the transcoder runs");
    let mut told = String::new();
    wait_for("the film to be held", || {
        let jobs = jobs(&rig);
        let job = jobs.iter().find(|job| job["state"] == "held");
        told = job.map_or(String::new(), |job| word(job, "detail"));
        job.is_some()
    });
    assert!(told.contains("disk is full"), "{told}");
    let larger = Command::new("nsenter")
        .args(["--user", "--mount", "--preserve-credentials", "--target"])
        .arg(supervisor.id().to_string())
        .args(["mount", "-o", "remount,size=200m"])
        .arg(&titles)
        .status()
        .expect("nsenter runs");
    assert!(larger.success());
    wait_for("the film", || {
        rig.data().join("inbox/done/film.mp4").exists()
    });
    end(&mut supervisor);
}

/// The processors that a process may use.
fn allowed(process: i32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("Cpus_allowed:"));
    let mask = line
        .and_then(|line| line.split_whitespace().nth(1))
        .unwrap_or_default();
    mask.chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(u32::count_ones)
        .sum()
}

#[test]
fn a_broadcast_comes_first() {
    let rig = Rig::new();
    put(&rig, "long.mp4", LONG);
    let mut supervisor = run(&rig);
    let id = at_work(&rig);
    let worker = children(supervisor.id())[0];
    let all = allowed(worker);
    let live = rig.data().join("live/0123456789abcdef");
    fs::create_dir_all(&live).expect("a broadcast");
    wait_for("the worker to give way", || allowed(worker) == 1);
    fs::remove_dir(&live).expect("its end");
    wait_for("the worker to take all again", || {
        allowed(worker) == all || letter(worker).is_empty()
    });
    granted(&rig, &["cancel", &id]);
    end(&mut supervisor);
}
