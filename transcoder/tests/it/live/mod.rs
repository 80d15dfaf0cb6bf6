//! Broadcasts: ffmpeg publishes to the real program, playlists are checked and played.

mod publishers;
mod rungs;
mod station;

use std::process::Command;
use std::time::Instant;

use satreel_hls::live::View;

use crate::rig::{Rig, Title, text};
use station::{FILM, KEY, PATIENCE, Station, id_of, kill, segments, track};

#[test]
fn a_broadcast_is_watched_while_it_runs_and_kept_as_a_title() {
    let station = Station::new(r#", "grace_s": 0, "publish": true"#);
    let mut publisher = station.publish(KEY, &format!("{FILM} -t 7"));
    station.hears("on air");
    let window = station.watch("two segments", |window| segments(window) >= 2);
    let folder = station.folder();
    let until = Instant::now() + PATIENCE;
    while !folder.join("poster.jpg").exists() {
        assert!(Instant::now() < until, "never: a picture");
        std::thread::yield_now();
    }
    let still = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-show_entries",
            "stream=codec_name,width,height",
        ])
        .args(["-of", "csv=p=0"])
        .arg(folder.join("poster.jpg"))
        .output()
        .expect("ffprobe runs");
    assert_eq!(text(&still.stdout).trim(), "mjpeg,320,180");
    assert!(!folder.join(".still").exists());
    let parts = &window.track(track("v")).expect("a track").segments[0].parts;
    assert_eq!(parts.len(), 10, "{parts:?}");
    let probed = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-live_start_index",
            "0",
            "-read_intervals",
            "%+1",
        ])
        .args(["-show_entries", "stream=codec_name,width", "-of", "csv=p=0"])
        .arg(folder.join("master.m3u8"))
        .output()
        .expect("ffprobe runs");
    let streams = text(&probed.stdout);
    assert!(
        streams.contains("h264,320") && streams.contains("aac"),
        "{streams} {}",
        text(&probed.stderr)
    );
    let health = std::fs::read(folder.join("health.json")).expect("the doctor's word");
    let health: serde_json::Value = serde_json::from_slice(&health).expect("JSON");
    assert_eq!(health["keyframes_apart_ms"], 2000, "{health}");
    let frames = health["frames_ks"].as_u64().expect("a number");
    assert!(frames.abs_diff(30_000) < 500, "{health}");
    assert!(health["kbit_s"].as_u64().expect("a number") > 0, "{health}");
    assert!(publisher.wait().expect("it ends").success());
    let line = station.hears("the broadcast is a title");
    let title: Title = station.rig.title(&id_of(&line));
    title.verifies();
    let lasts = title.json()["duration_s"].as_f64().expect("a number");
    assert!((6.5..7.2).contains(&lasts), "{lasts}");
    assert_eq!(title.json()["state"], "published");
    title.decodes("v");
    station.end();
}

#[test]
fn a_recording_gets_the_usual_ladder_and_loses_its_ends() {
    let station = Station::new(r#", "grace_s": 0"#);
    let film = FILM.replace("320x180", "854x480");
    let mut publisher = station.publish(KEY, &format!("{film} -t 7"));
    assert!(publisher.wait().expect("it ends").success());
    let line = station.hears("the broadcast is a title");
    let id = id_of(&line);
    station.hears("the new film plays");
    let title: Title = station.rig.title(&id);
    title.verifies();
    let before = title.json()["duration_s"].as_f64().expect("a number");
    assert!((6.5..7.2).contains(&before), "{before}");
    assert_eq!(title.json()["state"], "hidden");
    title.decodes("v480g1");
    title.decodes("v360g1");
    let asked = Rig::transcoder()
        .args(["trim", &id, "--from", "2", "--to", "6", "--config"])
        .arg(station.rig.path("satreel.toml"))
        .output()
        .expect("it runs");
    assert!(asked.status.success(), "{}", text(&asked.stderr));
    station.hears("the new film plays");
    title.verifies();
    let after = title.json()["duration_s"].as_f64().expect("a number");
    assert!((3.8..4.3).contains(&after), "{after}");
    title.decodes("v360g2");
    station.end();
}

#[test]
fn a_killed_publisher_comes_back_to_the_same_broadcast() {
    let station = Station::new("");
    let first = station.publish(KEY, FILM);
    station.watch_on_air();
    station.watch("a segment", |window| segments(window) >= 1);
    kill(first);
    station.hears("its publisher is away");
    let away = station.watch("its end", |window| segments(window) >= 1);
    let before = segments(&away);
    let second = station.publish(KEY, FILM);
    station.hears("the broadcast goes on");
    let window = station.watch("more", |window| segments(window) > before);
    let playlist = window.playlist(track("a"), View::Full).expect("a playlist");
    assert_eq!(
        playlist.matches("#EXT-X-DISCONTINUITY\n").count(),
        1,
        "{playlist}"
    );
    let third = station.publish(KEY, FILM);
    station.hears("Another program with the same stream key took over");
    station.watch("the third", |window| {
        window.is_cut(window.next(window.track(track("v")).expect("a track")))
            || window
                .playlist(track("v"), View::Full)
                .is_some_and(|text| text.matches("DISCONTINUITY\n").count() == 2)
    });
    kill(second);
    kill(third);
    station.end();
}

#[test]
fn a_killed_transcoder_takes_its_broadcast_up_again() {
    let mut station = Station::new("");
    let first = station.publish(KEY, FILM);
    station.watch_on_air();
    station.watch("some parts", |window| {
        segments(window) >= 1
            && window
                .track(track("v"))
                .is_some_and(|track| track.open.len() > 2)
    });
    let folder = station.folder();
    station.restart();
    kill(first);
    let second = station.publish(KEY, FILM);
    station.hears("the broadcast goes on");
    let window = station.watch("it goes on", |window| segments(window) >= 3);
    assert_eq!(station.folder(), folder);
    let playlist = window.playlist(track("v"), View::Full).expect("a playlist");
    assert_eq!(
        playlist.matches("#EXT-X-DISCONTINUITY\n").count(),
        1,
        "{playlist}"
    );
    kill(second);
    station.end();
}
