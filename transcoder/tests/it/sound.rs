//! What becomes of sound: languages, channels, loudness.

use std::path::Path;
use std::process::Command;

use crate::rig::{Rig, Title, text};
use crate::sync;

const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50";

#[test]
fn every_language_is_a_choice() {
    let picture = "-f lavfi -i testsrc2=size=320x240:rate=25";
    let sounds = "-f lavfi -i sine=f=300 -f lavfi -i sine=f=500 -f lavfi -i sine=f=700";
    let tags = "-map 0 -map 1 -map 2 -map 3 -metadata:s:a:0 language=ger -metadata:s:a:1 \
                language=eng -metadata:s:a:2 language=eng -metadata:s:a:2 title=Commentary";
    for (name, codecs) in [
        (
            "three.mkv",
            "-c:a:0 aac -ac 2 -c:a:1 ac3 -c:a:2 libopus -disposition:a:0 0 -disposition:a:1 default",
        ),
        (
            "three.mp4",
            "-c:a aac -ac 2 -disposition:a:0 0 -disposition:a:1 default",
        ),
        ("three.ts", "-c:a:0 mp2 -c:a:1 ac3 -c:a:2 aac -ac 2"),
    ] {
        let path = Rig::kept(
            name,
            &format!("{picture} {sounds} -t 5 {tags} {X264} {codecs}"),
        );
        let rig = Rig::new();
        let title = rig.add(&path, &[]);
        title.check(5.0, 0.05);
        let master = title.read("master.m3u8");
        let media: Vec<&str> = master
            .lines()
            .filter(|line| line.starts_with("#EXT-X-MEDIA:TYPE=AUDIO"))
            .collect();
        assert_eq!(media.len(), 3, "{name}: {master}");
        let defaults = media.iter().filter(|line| line.contains(",DEFAULT=YES"));
        assert_eq!(defaults.count(), 1, "{name}: {master}");
        assert!(media[0].contains(",DEFAULT=YES"), "{name}: {master}");
        // Transport streams have no default.
        let first = if name.ends_with("ts") { "de" } else { "en" };
        assert!(
            media[0].contains(&format!("LANGUAGE=\"{first}\"")),
            "{name}: {master}"
        );
        assert!(
            master.contains("NAME=\"Deutsch\",LANGUAGE=\"de\""),
            "{name}: {master}"
        );
        assert!(
            master.contains("NAME=\"English\",LANGUAGE=\"en\""),
            "{name}: {master}"
        );
        for track in ["a", "a2", "a3"] {
            assert!(
                master.contains(&format!("URI=\"{track}.m3u8\"")),
                "{name}: {master}"
            );
        }
    }
}

/// Integrated loudness and true peak, by ffmpeg's own meter.
fn loudness(path: &Path) -> (f64, f64) {
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-i"])
        .arg(path)
        .args([
            "-map",
            "0:a:0",
            "-af",
            "ebur128=peak=true",
            "-f",
            "null",
            "-",
        ])
        .output()
        .expect("ffmpeg runs");
    let told = text(&done.stderr);
    let summary = told.rsplit("Summary:").next().expect("a summary");
    let value = |key: &str| {
        let line = summary.lines().find(|line| line.trim().starts_with(key));
        let words = line.expect("a line").split_whitespace().nth(1);
        words.expect("a word").parse().expect("a number")
    };
    (value("I:"), value("Peak:"))
}

fn add_evenly(path: &Path) -> (Title, Rig) {
    let rig = Rig::new();
    rig.configure("[transcoder]\nloudness = \"even\"\n");
    (rig.add(path, &[]), rig)
}

#[test]
fn all_films_are_equally_loud_when_asked_to_be() {
    let picture = "-f lavfi -i color=c=gray:size=160x120:rate=25";
    let sound = "-f lavfi -i aevalsrc=0.4*sin(2500*t)*(0.6+0.4*sin(3*t)):s=48000:c=stereo";
    for (name, volume) in [("soft.mp4", "-24dB"), ("loud.mp4", "6dB")] {
        let source =
            format!("{picture} {sound} -t 9 {X264} -c:a aac -b:a 128k -af volume={volume}");
        let path = Rig::kept(name, &source);
        let (before, _) = loudness(&path);
        assert!((before + 16.0).abs() > 2.0, "{name} is at {before} already");
        let rig = Rig::new();
        let (as_is, _) = loudness(&rig.add(&path, &[]).folder.join("a.m3u8"));
        assert!(
            (as_is - before).abs() < 0.5,
            "{name}: {before} became {as_is}"
        );

        let (title, _rig) = add_evenly(&path);
        title.check(9.0, 0.041);
        let (after, peak) = loudness(&title.folder.join("a.m3u8"));
        assert!(
            (after + 16.0).abs() <= 0.7,
            "{name}: {before} became {after}"
        );
        assert!(peak <= -0.5, "{name}: its peaks reach {peak}");
    }
}

#[test]
fn sound_made_louder_stays_in_step() {
    let (picture, sound) = (sync::picture("320x240", "25"), sync::SOUND);
    let source = format!("-f lavfi -i {picture} -f lavfi -i {sound} -t 5 {X264} -c:a aac");
    let (title, _rig) = add_evenly(&Rig::kept("in-step.mp4", &source));
    sync::assert_together("louder", &title);
}
