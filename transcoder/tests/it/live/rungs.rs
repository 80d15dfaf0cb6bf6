//! Smaller pictures of a broadcast while it runs, by real workers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use satreel_hls::live::Window;

use super::station::{FILM, KEY, PATIENCE, Station, id_of, kill, segments, track};
use crate::rig::{Rig, Title, text};

fn station() -> Station {
    Station::with(Rig::new(), "rungs = [180, 144]\n", r#", "grace_s": 0"#)
}

fn film() -> String {
    let film = FILM.replace("320x180", "640x360");
    film.replace("-tune zerolatency", "-bf 2 -b_strategy 0")
}

/// The worker that the program has started for its broadcast.
fn worker(station: &Station) -> Pid {
    let until = Instant::now() + PATIENCE;
    loop {
        let found = fs::read_dir("/proc")
            .expect("processes")
            .flatten()
            .find_map(|entry| {
                let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
                let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
                let (name, rest) = stat.rsplit_once(')')?;
                let parent = rest.split_whitespace().nth(1)?;
                let order = fs::read_to_string(entry.path().join("cmdline")).ok()?;
                let is_it = parent == station.run.id().to_string()
                    && name.contains("satreel-worker")
                    && order.contains("frames_ks");
                Pid::from_raw(pid).filter(|_| is_it)
            });
        if let Some(pid) = found {
            return pid;
        }
        assert!(Instant::now() < until, "never: a worker");
        std::thread::yield_now();
    }
}

fn of(window: &Window, name: &str) -> usize {
    let track = window.track(track(name));
    track.map_or(0, |track| track.segments.len())
}

/// A rung's segments as one film, from its `first` on.
fn joined(folder: &Path, window: &Window, name: &str, first: u32) -> PathBuf {
    let own = window.track(track(name)).expect("a track");
    let read = |file: String| fs::read(folder.join(&file)).expect(&file);
    let mut film = read(own.init_of(first).expect("an init segment").to_string());
    for segment in first..window.next(own) {
        film.extend(read(format!("{name}-{segment}.m4s")));
    }
    let path = folder.join(format!("{name}-test.mp4"));
    fs::write(&path, film).expect("written");
    path
}

fn probed(film: &Path, entries: &str) -> String {
    let probed = Command::new("ffprobe")
        .args(["-v", "warning", "-select_streams", "v", "-count_frames"])
        .args(["-show_entries", entries, "-of", "csv=p=0"])
        .arg(film)
        .output()
        .expect("ffprobe runs");
    assert!(probed.stderr.is_empty(), "{}", text(&probed.stderr));
    text(&probed.stdout).trim().to_owned()
}

/// When each frame is shown, as ffprobe writes it.
fn shown(film: &Path) -> Vec<String> {
    let text = probed(film, "frame=pts_time");
    let times = text.lines().filter_map(|line| line.split(',').next());
    let times = times.filter(|time| !time.is_empty());
    times.map(str::to_owned).collect()
}

/// Whether the file is the top's own under another name.
fn is_tops(folder: &Path, name: &str, segment: u32) -> bool {
    let read = |track: &str| fs::read(folder.join(format!("{track}-{segment}.m4s"))).expect("it");
    read(name) == read("v")
}

#[test]
fn rungs_show_the_same_frames_at_the_same_times() {
    let station = station();
    let mut publisher = station.publish(KEY, &format!("{} -t 9", film()));
    station.watch_on_air();
    let window = station.watch("three segments of each", |window| {
        of(window, "v180") >= 3 && of(window, "v144") >= 3
    });
    let folder = station.folder();
    let master = fs::read_to_string(folder.join("master.m3u8")).expect("a playlist");
    for (name, size) in [("v", "640x360"), ("v180", "320x180"), ("v144", "256x144")] {
        let entry = master
            .split("#EXT-X-STREAM-INF:")
            .find(|entry| entry.contains(&format!("\n{name}.m3u8")));
        let entry = entry.unwrap_or_else(|| panic!("{name}: {master}"));
        assert!(entry.contains(&format!("RESOLUTION={size}")), "{master}");
        assert!(
            entry.contains("avc1.") && entry.contains("mp4a.40.2"),
            "{master}"
        );
    }
    let first = u32::from(is_tops(&folder, "v180", 0));
    let top = shown(&joined(&folder, &window, "v", first));
    for name in ["v180", "v144"] {
        assert!(!is_tops(&folder, name, first + 1), "it is made by now");
        let own = shown(&joined(&folder, &window, name, first));
        assert!(own.len() >= 60, "{}", own.len());
        assert_eq!(own[..], top[..own.len()], "{name}");
    }
    let health = fs::read_to_string(folder.join("health.json")).expect("the doctor's word");
    assert!(
        health.contains(r#"{"track":"v180","made":true}"#),
        "{health}"
    );
    assert!(publisher.wait().expect("it ends").success());
    let line = station.hears("the broadcast is a title");
    let title: Title = station.rig.title(&id_of(&line));
    title.verifies();
    title.decodes("v");
    let master = fs::read_to_string(title.folder.join("master.m3u8")).expect("a playlist");
    assert!(!master.contains("\nv180.m3u8"), "{master}");
    station.end();
}

#[test]
fn a_killed_worker_costs_the_rungs_only() {
    let station = station();
    let publisher = station.publish(KEY, &film());
    station.watch_on_air();
    station.watch("a rung", |window| of(window, "v180") >= 2);
    let first = worker(&station);
    kill_process(first, Signal::KILL).expect("it runs");
    station.hears("smaller pictures of a broadcast are not made");
    let window = station.watch("more", |window| segments(window) >= 4);
    assert!(of(&window, "v180") + 1 >= of(&window, "v"));
    let second = worker(&station);
    assert_ne!(first, second);
    let before = of(&window, "v180");
    let folder = station.folder();
    station.watch("rungs again", |window| {
        let next = of(window, "v180");
        next > before && !is_tops(&folder, "v180", u32::try_from(next - 1).expect("few"))
    });
    kill(publisher);
    station.hears("the broadcast is a title");
    station.end();
}

#[test]
fn a_worker_that_stands_still_holds_up_nobody() {
    let station = station();
    let publisher = station.publish(KEY, &film());
    station.watch_on_air();
    station.watch("a rung", |window| of(window, "v180") >= 1);
    kill_process(worker(&station), Signal::STOP).expect("it runs");
    station.hears("a broadcast's rung is dropped");
    let before = station.watch("the top", |window| segments(window) >= 1);
    let window = station.watch("more", |window| segments(window) >= segments(&before) + 2);
    assert!(of(&window, "v180") + 2 >= of(&window, "v"));
    let folder = station.folder();
    let until = Instant::now() + PATIENCE;
    loop {
        let master = fs::read_to_string(folder.join("master.m3u8")).expect("a playlist");
        if !master.contains("\nv180.m3u8") && master.contains("\nv144.m3u8") {
            break;
        }
        assert!(Instant::now() < until, "{master}");
        std::thread::yield_now();
    }
    let health = fs::read_to_string(folder.join("health.json")).expect("the doctor's word");
    assert!(
        health.contains("The 180p picture is no longer made"),
        "{health}"
    );
    kill(publisher);
    station.end();
}

#[test]
fn a_killed_transcoder_takes_its_rungs_up_again() {
    let mut station = Station::with(Rig::new(), "rungs = [180]\n", "");
    let first = station.publish(KEY, &film());
    station.watch_on_air();
    station.watch("some parts", |window| {
        let rung = window.track(track("v180"));
        rung.is_some_and(|rung| rung.segments.len() == 1 && rung.open.len() > 2)
    });
    station.restart();
    kill(first);
    let second = station.publish(KEY, &film());
    station.hears("the broadcast goes on");
    let window = station.watch("it goes on", |window| of(window, "v180") >= 4);
    let folder = station.folder();
    // What was left open is whole, and as long as the picture's.
    let duration = |name: &str| {
        let path = joined(&folder, &window, name, 0);
        probed(&path, "format=duration")
    };
    let (top, own) = (duration("v"), duration("v180"));
    assert!(top.starts_with(&own[..3]), "{top} {own}");
    assert!(!is_tops(&folder, "v180", 3));
    kill(second);
    station.end();
}
