//! Captions and chapters: out of the film, and from files beside it.

use std::fs;
use std::path::PathBuf;

use satreel_hls::captions;

use crate::rig::{Rig, Title};

const PICTURE: &str = "-f lavfi -i testsrc2=size=320x240:rate=25";
const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50";
const SRT: &str = "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i> & welcome\n\n\
                   2\n00:00:03,500 --> 00:00:04,500\nTwo\nlines\n\n\
                   3\n00:00:07,000 --> 00:00:07,900\nThe end\n";

fn srt(rig: &Rig, name: &str, text: &str) -> PathBuf {
    let path = rig.path(name);
    fs::write(&path, text).expect("a file");
    path
}

/// All cues of a rendition as a player adds them up, and that each segment holds its own.
fn cues(title: &Title, track: &str) -> Vec<(f64, f64, String)> {
    let mut found: Vec<captions::Cue> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for segment in &title.playlist(track).segments {
        end += segment.duration_us;
        let text = title.read(&segment.uri.to_string());
        assert!(text.starts_with("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"));
        for cue in captions::parse(text.as_bytes()).unwrap_or_default() {
            assert!(cue.start_us < end && cue.end_us > start, "{cue:?}");
            if !found.contains(&cue) {
                found.push(cue);
            }
        }
        start = end;
    }
    #[allow(clippy::cast_precision_loss)]
    let seconds = |us: u64| us as f64 / 1e6;
    found
        .into_iter()
        .map(|cue| (seconds(cue.start_us), seconds(cue.end_us), cue.text))
        .collect()
}

fn assert_cues(name: &str, found: &[(f64, f64, String)], italic: bool) {
    let first = if italic {
        "<i>Hello</i> &amp; welcome"
    } else {
        "Hello &amp; welcome"
    };
    let expected = [
        (1.0, 2.5, first),
        (3.5, 4.5, "Two\nlines"),
        (7.0, 7.9, "The end"),
    ];
    assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
    for ((start, end, text), expected) in found.iter().zip(expected) {
        assert!((start - expected.0).abs() < 0.05, "{name}: {found:?}");
        assert!((end - expected.1).abs() < 0.05, "{name}: {found:?}");
        assert_eq!(text, expected.2, "{name}");
    }
}

#[test]
fn text_tracks_become_captions_in_their_languages() {
    let rig = Rig::new();
    let words = srt(&rig, "words.srt", SRT);
    let words = words.display();
    for (name, codec, italic) in [
        ("srt.mkv", "srt", true),
        ("ass.mkv", "ass", true),
        ("vtt.mkv", "webvtt", true),
        ("words.mp4", "mov_text", false),
        ("words.mov", "mov_text", false),
    ] {
        let film = rig.film(
            name,
            &format!(
                "{PICTURE} -i {words} -i {words} -t 8 -map 0 -map 1 -map 2 {X264} -c:s {codec} \
                 -metadata:s:s:0 language=eng -metadata:s:s:1 language=ger"
            ),
        );
        let title = rig.add(&film, &[]);
        title.check(8.0, 0.041);
        for (track, language) in [("s", "en"), ("s2", "de")] {
            assert_cues(name, &cues(&title, track), italic);
            let master = title.read("master.m3u8");
            let line = format!(
                "LANGUAGE=\"{language}\",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI=\"{track}.m3u8\""
            );
            assert!(master.contains(&line), "{name}: {master}");
            assert!(
                master.contains(",SUBTITLES=\"captions\""),
                "{name}: {master}"
            );
        }
    }
}

#[test]
fn captions_beside_a_film_are_taken_along() {
    let rig = Rig::new();
    let film = rig.film("film.mp4", &format!("{PICTURE} -t 8 {X264}"));
    srt(&rig, "film.en.srt", SRT);
    srt(
        &rig,
        "film.de.vtt",
        &format!("WEBVTT\n\n{}", SRT.replace(',', ".")),
    );
    srt(&rig, "film.fr.srt", "no captions at all");
    srt(&rig, "other.srt", SRT);
    let title = rig.add(&film, &[]);
    title.check(8.0, 0.041);
    let master = title.read("master.m3u8");
    assert_eq!(master.matches("TYPE=SUBTITLES").count(), 2, "{master}");
    assert!(
        master.contains("NAME=\"Deutsch\",LANGUAGE=\"de\""),
        "{master}"
    );
    for track in ["s", "s2"] {
        assert_cues(track, &cues(&title, track), true);
    }
}

#[test]
fn chapters_keep_their_names() {
    let rig = Rig::new();
    let marks = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=3000\ntitle=Begin & go\n\
                 [CHAPTER]\nTIMEBASE=1/1000\nSTART=3000\nEND=6000\ntitle=End\n";
    let marks = srt(&rig, "marks.txt", marks);
    for name in ["chapters.mkv", "chapters.mp4"] {
        let film = rig.film(
            name,
            &format!(
                "{PICTURE} -i {} -map_chapters 1 -t 6 {X264}",
                marks.display()
            ),
        );
        let title = rig.add(&film, &[]);
        title.check(6.0, 0.041);
        let found = captions::parse(title.read("chapters.vtt").as_bytes()).expect("chapters");
        let named: Vec<(u64, &str)> = found
            .iter()
            .map(|cue| (cue.start_us, cue.text.as_str()))
            .collect();
        assert_eq!(named, [(0, "Begin &amp; go"), (3_000_000, "End")], "{name}");
    }
}
