//! What is done to pictures before they are encoded: turned, squared, unwoven, mapped, paced.

use std::process::Command;

use crate::rig::{Rig, Title, probe};
use crate::sync;

const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

fn add(name: &str, arguments: &str) -> (Title, Rig, serde_json::Value) {
    let path = Rig::kept(name, arguments);
    let plan = Rig::inspect(&path, &[]);
    let rig = Rig::new();
    (rig.add(&path, &[]), rig, plan)
}

fn size(title: &Title, track: &str) -> (f64, f64) {
    let playlist = title.folder.join(format!("{track}.m3u8"));
    let side = |entry: &str| {
        let found = probe(&playlist, &["-show_entries", &format!("stream={entry}")]);
        *found.first().expect("a side")
    };
    (side("width"), side("height"))
}

/// Gaps between frames, in milliseconds.
fn gaps(title: &Title, track: &str) -> Vec<f64> {
    let shown = title.shown(track);
    shown
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) * 1000.0)
        .collect()
}

/// The mean of each colour of one frame, by ffmpeg's conversion to RGB.
fn colour(path: &std::path::Path) -> [f64; 3] {
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-vf", "scale=1:1:flags=area,format=rgb24", "-frames:v", "1"])
        .args(["-f", "rawvideo", "-"])
        .output()
        .expect("ffmpeg runs");
    [0, 1, 2].map(|index| f64::from(*done.stdout.get(index).expect("a pixel")))
}

#[test]
fn nothing_is_enlarged_and_portraits_go_by_their_short_side() {
    for (name, shape, expected) in [
        ("small.mkv", "96x64", &[(96.0, 64.0)][..]),
        ("portrait.mkv", "270x480", &[(270.0, 480.0), (180.0, 320.0)]),
        ("odd.mkv", "321x241", &[(320.0, 240.0), (240.0, 180.0)]),
        ("wide.mkv", "960x400", &[(960.0, 400.0), (576.0, 240.0)]),
    ] {
        let source = format!("-f lavfi -i testsrc2=size={shape}:rate=25 -t 3 -c:v mjpeg -q:v 3");
        let (title, _rig, _) = add(name, &source);
        let tracks = title.pictures();
        let sizes: Vec<_> = tracks.iter().map(|track| size(&title, track)).collect();
        assert_eq!(sizes, expected, "{name}");
        title.check_tracks(3.0, 0.041);
    }
}

#[test]
fn wide_pixels_become_square_and_turned_pictures_upright() {
    let source = "-f lavfi -i testsrc2=size=352x288:rate=25 -t 3 -vf setsar=16/11";
    let (title, _rig, plan) = add(
        "wide-pixels.mpg",
        &format!("{source} -c:v mpeg2video -q:v 3"),
    );
    assert_eq!(size(&title, "v288"), (512.0, 288.0), "{plan}");
    let flat = Rig::kept(
        "flat.mp4",
        &format!(
            "-f lavfi -i color=c=red:size=320x180:rate=25 -vf drawbox=c=blue:t=fill:w=160 -t 3 {X264}"
        ),
    );
    for (degrees, top_is_blue) in [(90, false), (270, true)] {
        let arguments = format!(
            "-i {} -c copy -metadata:s:v rotate={degrees}",
            flat.display()
        );
        let (title, _rig, plan) = add(&format!("turned-{degrees}.mp4"), &arguments);
        let top = title.pictures().remove(0);
        assert_eq!(size(&title, &top), (180.0, 320.0), "{plan}");
        // The tag turns clockwise: what is on the left goes up, or down.
        let poster = image_top(&title.folder.join("poster.jpg"));
        assert_eq!(poster[2] > poster[0], top_is_blue, "{degrees}: {poster:?}");
    }
}

/// The mean colour of a picture's upper half.
fn image_top(path: &std::path::Path) -> [f64; 3] {
    let cut = path.with_file_name("top.png");
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-i"])
        .arg(path)
        .args(["-vf", "crop=iw:ih/2:0:0"])
        .arg(&cut)
        .status()
        .expect("ffmpeg runs");
    assert!(done.success());
    colour(&cut)
}

#[test]
fn woven_pictures_are_unwoven() {
    // A bar that moves: woven, its edges are combs.
    let picture = "-f lavfi -i testsrc2=size=720x576:rate=50 -t 3 -vf tinterlace=interleave_top";
    for (name, codec) in [
        (
            "woven.ts",
            "-c:v mpeg2video -flags +ildct+ilme -top 1 -q:v 3",
        ),
        (
            "woven.mkv",
            "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -flags +ildct+ilme -top 1",
        ),
    ] {
        let (title, _rig, plan) = add(name, &format!("{picture} {codec}"));
        let changes = plan["changes"].to_string();
        assert!(changes.contains("deinterlaced"), "{name}: {plan}");
        title.check(3.0, 0.081);
        let top = title.pictures().remove(0);
        let path = Rig::kept(name, &format!("{picture} {codec}"));
        let (before, after) = (
            woven_frames(&path),
            woven_frames(&title.folder.join(format!("{top}.m3u8"))),
        );
        assert!(before > 60 && after < 8, "{name}: {before}, {after}");
    }
}

/// How many frames ffmpeg's own detector takes for woven ones.
fn woven_frames(path: &std::path::Path) -> u32 {
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-i"])
        .arg(path)
        .args(["-vf", "idet", "-f", "null", "-"])
        .output()
        .expect("ffmpeg runs");
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    let line = told
        .lines()
        .find(|line| line.contains("Multi frame detection"))
        .expect("a verdict");
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |word: &str| {
        let at = words
            .iter()
            .position(|other| *other == word)
            .expect("a count");
        words[at + 1].parse::<u32>().expect("a number")
    };
    after("TFF:") + after("BFF:")
}

#[test]
fn hdr_becomes_sdr() {
    let hdr = "-pix_fmt yuv420p10le -color_primaries bt2020 -colorspace bt2020nc -c:v libx265 \
               -preset ultrafast";
    for (name, filter, transfer, params) in [
        (
            "pq.mp4",
            "smpte2084",
            "smpte2084",
            "hdr10=1:repeat-headers=1",
        ),
        (
            "hlg.mkv",
            "arib-std-b67",
            "arib-std-b67",
            "repeat-headers=1",
        ),
    ] {
        // A grey card of 100 nits, so that the mapped brightness is known.
        let arguments = format!(
            "-f lavfi -i color=c=0x808080:size=320x240:rate=25 -t 3 -vf \
             scale=out_color_matrix=bt709,format=gbrp16le,setparams=color_primaries=bt709:color_trc=bt709,\
             zscale=primariesin=bt709:transferin=bt709:matrixin=gbr:primaries=bt2020:transfer={filter}:matrix=bt2020nc:npl=203,format=yuv420p10le \
             {hdr} -color_trc {transfer} -x265-params \
             log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:{params}"
        );
        let (title, _rig, plan) = add(name, &arguments);
        assert!(
            plan["changes"].to_string().contains("HDR"),
            "{name}: {plan}"
        );
        title.check(3.0, 0.041);
        let top = title.folder.join("v240.m3u8");
        let tags = Command::new("ffprobe")
            .args(["-v", "error", "-of", "csv=p=0", "-show_entries"])
            .arg("stream=color_transfer,color_primaries,color_space,pix_fmt")
            .arg(&top)
            .output()
            .expect("ffprobe runs");
        let tags = String::from_utf8_lossy(&tags.stdout).into_owned();
        assert!(
            tags.starts_with("yuv420p,bt709,bt709,bt709"),
            "{name}: {tags}"
        );
        for level in colour(&top) {
            assert!((80.0..190.0).contains(&level), "{name}: grey is {level}");
        }
    }
}

#[test]
fn colours_stay_what_they_were() {
    for (name, codec) in [
        (
            "red.mp4",
            "-c:v libx265 -x265-params log-level=none -pix_fmt yuv420p10le",
        ),
        ("red.mkv", "-c:v mjpeg -q:v 2 -pix_fmt yuvj444p"),
        ("red.mov", "-c:v prores_ks"),
    ] {
        let source = format!("-f lavfi -i color=c=0xC04030:size=320x240:rate=25 -t 2 {codec}");
        let (title, _rig, _) = add(name, &source);
        let found = colour(&title.folder.join("v240.m3u8"));
        let expected = [192.0, 64.0, 48.0];
        let off = expected
            .iter()
            .zip(found)
            .map(|(one, other)| (one - other).abs());
        let off = off.fold(0.0, f64::max);
        assert!(off <= 8.0, "{name}: {found:?}");
    }
}

#[test]
fn frame_rates_end_between_24_and_60_and_are_steady() {
    for (name, rate, frames) in [("fast.mp4", "120", 60.0), ("slow.mp4", "12", 24.0)] {
        let picture = sync::picture("320x240", rate);
        let arguments = format!(
            "-f lavfi -i {picture} -f lavfi -i {} -t 5 {X264} -bf 2 -g 60 -c:a aac",
            sync::SOUND
        );
        let (title, _rig, plan) = add(name, &arguments);
        let found = plan["source"]["frame_rate"].as_f64().expect("a rate");
        // Only a rate above 60 keeps the original from being copied.
        let copied = plan["rungs"][0]["action"] == "copy";
        assert_eq!(copied, rate == "12", "{plan}");
        if !copied {
            assert!((found - frames).abs() < 0.01, "{plan}");
            let gap = 1000.0 / frames;
            assert!(
                gaps(&title, "v240")
                    .iter()
                    .all(|found| (found - gap).abs() < 0.1)
            );
        }
        title.check(5.0, 0.1);
        sync::assert_together(name, &title);
    }
}

#[test]
fn a_changing_frame_rate_is_made_steady_and_stays_in_step() {
    let picture = sync::picture("320x240", "30");
    // Fifteen frames a second at first, then thirty, then hardly any.
    let arguments = format!(
        "-f lavfi -i {picture} -f lavfi -i {} -t 8 -vf \
         select='if(lt(t\\,3)\\,not(mod(n\\,2))\\,if(lt(t\\,6)\\,1\\,not(mod(n\\,15))))' \
         -vsync vfr {X264} -bf 2 -g 60 -c:a aac",
        sync::SOUND
    );
    let (title, _rig, plan) = add("changing.mp4", &arguments);
    assert!(
        plan["changes"].to_string().contains("changing frame rate"),
        "{plan}"
    );
    title.check(8.0, 0.51);
    let found = gaps(&title, "v240");
    assert!(
        found.iter().all(|gap| (gap - 1000.0 / 30.0).abs() < 0.1),
        "{found:?}"
    );
    sync::assert_together("changing.mp4", &title);
}

/// Bubbles for the whole film, posters to choose from, and a clip out of the free part.
#[test]
fn a_film_has_small_pictures_and_a_clip() {
    // Each second has a brightness of its own.
    let source = format!(
        "-f lavfi -i color=c=black:size=640x360:rate=25 -vf \
         geq=lum='16+floor(T)*6':cb=128:cr=128 -t 30 {X264} -g 50 -sc_threshold 0"
    );
    let path = Rig::kept("steps.mp4", &source);
    let rig = Rig::new();
    let title = rig.add(&path, &["--preview", "12"]);
    title.check(30.0, 0.041);
    let cues = satreel_hls::captions::parse(title.read("storyboard.vtt").as_bytes()).expect("cues");
    assert_eq!(cues.len(), 15);
    for (number, cue) in (0..).zip(&cues) {
        let (sheet, place) = cue.text.split_once("#xywh=").expect("a place");
        assert_eq!((cue.start_us, sheet), (number * 2_000_000, "sprite-0.jpg"));
        let sides: Vec<&str> = place.split(',').collect();
        assert_eq!(sides[2..], ["160", "90"]);
        let cut = title.folder.join("bubble.png");
        let done = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-i"])
            .arg(title.folder.join(sheet))
            .args(["-vf", &format!("crop=160:90:{}:{}", sides[0], sides[1])])
            .arg(&cut)
            .status()
            .expect("ffmpeg runs");
        assert!(done.success());
        #[allow(clippy::cast_precision_loss)]
        let expected = (number * 2 * 6) as f64 * 255.0 / 219.0;
        let found = colour(&cut)[0];
        assert!(
            (found - expected).abs() < 4.0,
            "{number}: {found}, not {expected}"
        );
    }
    for number in 1..=6 {
        assert!(title.folder.join(format!("poster-{number}.jpg")).exists());
    }
    let clip = title.folder.join("hover.mp4");
    let shown = probe(&clip, &["-show_entries", "packet=pts_time"]);
    assert_eq!(shown.len(), 150, "six seconds");
    assert!(
        shown.iter().all(|time| (0.0..6.0).contains(time)),
        "{shown:?}"
    );
    let streams = probe(&clip, &["-show_entries", "stream=index"]);
    assert_eq!(streams.len(), 1, "no sound");
    let level = (colour(&clip)[0] * 219.0 / 255.0 / 6.0).round();
    assert!((0.0..12.0).contains(&level), "it shows second {level}");
}

#[test]
fn without_a_free_part_there_is_no_clip() {
    let source = format!("-f lavfi -i testsrc2=size=320x240:rate=25 -t 4 {X264}");
    let rig = Rig::new();
    let title = rig.add(&Rig::kept("no-clip.mp4", &source), &["--preview", "0"]);
    title.check(4.0, 0.041);
    assert!(!title.folder.join("hover.mp4").exists());
}
