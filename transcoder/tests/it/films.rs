//! What becomes of different films.

use crate::rig::{Rig, Title, probe};
use crate::sync;

const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

fn actions(plan: &serde_json::Value) -> Vec<(String, String)> {
    let rungs = plan["rungs"].as_array().expect("rungs");
    let field = |rung: &serde_json::Value, key: &str| rung[key].as_str().expect(key).to_owned();
    rungs
        .iter()
        .map(|rung| (field(rung, "name"), field(rung, "action")))
        .collect()
}

fn has(plan: &serde_json::Value, name: &str, action: &str) -> bool {
    actions(plan).contains(&(name.to_owned(), action.to_owned()))
}

#[test]
fn good_h264_is_copied_and_all_rungs_switch_at_its_keyframes() {
    let rig = Rig::new();
    let film = rig.film(
        "film.mp4",
        "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=f=440:r=48000 -t 9 -ac 2 \
         -c:v libx264 -profile:v high -bf 3 -pix_fmt yuv420p -x264-params \
         keyint=60:min-keyint=60:scenecut=0:open-gop=0 -c:a aac -b:a 96k",
    );
    let plan = Rig::inspect(&film, &[]);
    assert!(
        has(&plan, "v360", "copy") && has(&plan, "v240", "encode"),
        "{plan}"
    );
    assert_eq!(plan["audio"]["action"], "copy");
    let title = rig.add(&film, &["--preview", "5"]);
    title.check(9.0, 0.04);
    let starts = title.keyframes("v360");
    for start in title.keyframes("v240") {
        assert!(
            starts.iter().any(|key| (key - start).abs() < 1e-4),
            "{start} not in {starts:?}"
        );
    }
    assert_eq!(title.shown("v360").first(), Some(&0.0));
    assert_eq!(title.shown("v240").first(), Some(&0.0));
    // Keyframes every 2.4 s: the free part ends with the second of them.
    assert_eq!(title.playlist("v240").preview_end(5), Some((1, 4_800_000)));
    let master = title.read("master.m3u8");
    assert!(master.contains("RESOLUTION=640x360") && master.contains("FRAME-RATE=25.000"));
}

#[test]
fn a_preview_that_no_keyframe_allows_has_the_film_encoded() {
    let rig = Rig::new();
    let film = rig.film(
        "film.mp4",
        &format!("-f lavfi -i testsrc2=size=320x240:rate=25 -t 12 {X264} -g 125 -sc_threshold 0"),
    );
    assert!(has(&Rig::inspect(&film, &[]), "v240", "copy"));
    let plan = Rig::inspect(&film, &["--preview", "3"]);
    assert!(has(&plan, "v240", "encode"), "{plan}");
    assert!(
        plan["rungs"][0]["reason"]
            .as_str()
            .expect("a reason")
            .contains("preview")
    );
    let title = rig.add(&film, &["--preview", "3"]);
    assert_eq!(title.playlist("v240").preview_end(3), Some((2, 3_000_000)));
}

#[test]
fn other_codecs_odd_sizes_and_wide_pixels_are_encoded() {
    let rig = Rig::new();
    let film = rig.film(
        "film.mkv",
        "-f lavfi -i testsrc2=size=511x301:rate=30000/1001 -f lavfi -i sine=f=330:r=44100 -t 4 \
         -vf setsar=4/3 -c:v mpeg4 -q:v 4 -c:a libmp3lame -ac 1",
    );
    let plan = Rig::inspect(&film, &[]);
    assert_eq!(plan["source"]["container"], "matroska");
    assert_eq!(plan["audio"]["action"], "encode");
    rig.add(&film, &[]).check(4.0, 0.05);
}

#[test]
fn a_transport_stream_with_surround_sound_becomes_stereo() {
    let rig = Rig::new();
    let film = rig.film(
        "film.ts",
        &format!(
            "-f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i \
             aevalsrc=sin(440*t)|sin(550*t)|sin(660*t)|0|sin(220*t)|sin(330*t):c=5.1:s=48000 \
             -t 5 {X264} -g 50 -c:a ac3"
        ),
    );
    let plan = Rig::inspect(&film, &[]);
    assert_eq!(plan["audio"]["channels"], 2);
    let title = rig.add(&film, &[]);
    title.check(5.0, 0.04);
    let channels = probe(
        &title.folder.join("a.m3u8"),
        &["-show_entries", "stream=channels"],
    );
    assert_eq!(channels.first(), Some(&2.0));
}

#[test]
fn a_silent_film_has_no_audio_group() {
    let rig = Rig::new();
    let film = rig.film(
        "film.avi",
        "-f lavfi -i testsrc2=size=320x240:rate=25 -t 3 -c:v mjpeg -q:v 4",
    );
    let title = rig.add(&film, &["--free"]);
    title.check(3.0, 0.04);
    assert!(!title.has_sound());
    assert!(!title.read("master.m3u8").contains("AUDIO="));
    assert_eq!(title.json()["tiers"], serde_json::json!([]));
}

/// Flashes and beeps each second: copied and encoded, they stay together within 20 ms.
#[test]
fn sound_and_picture_stay_together() {
    let rig = Rig::new();
    let (picture, sound) = (sync::picture("320x240", "25"), sync::SOUND);
    for (name, codec) in [
        ("aac.mp4", "-c:a aac"),
        ("mp3.mkv", "-c:a libmp3lame"),
        ("aac.ts", "-c:a aac"),
    ] {
        let film = rig.film(
            name,
            &format!("-f lavfi -i {picture} -f lavfi -i {sound} -t 6 {X264} -bf 2 -g 50 {codec}"),
        );
        let action = if name.starts_with("aac") {
            "copy"
        } else {
            "encode"
        };
        assert_eq!(
            Rig::inspect(&film, &[])["audio"]["action"],
            action,
            "{name}"
        );
        let title = rig.add(&film, &[]);
        sync::assert_together(name, &title);
    }
}

#[test]
fn the_operator_chooses_sizes_and_what_is_spent_on_them() {
    let rig = Rig::new();
    let film = rig.film(
        "film.mp4",
        "-f lavfi -i testsrc2=size=640x480:rate=25 -t 4 -c:v mpeg4 -q:v 2",
    );
    let usual = rig.add(&film, &["--free"]);
    assert_eq!(usual.pictures(), ["v480", "v360", "v240"]);
    let cheap = Rig::new();
    cheap.configure("[transcoder]\nrungs = [300, 480]\ncrf = 35\npreset = \"fast\"\n");
    let config = cheap.path("satreel.toml");
    let plan = Rig::inspect(&film, &["--config", &config.to_string_lossy()]);
    assert!(
        has(&plan, "v300", "encode") && !has(&plan, "v360", "encode"),
        "{plan}"
    );
    let title = cheap.add(&film, &["--free"]);
    assert_eq!(title.pictures(), ["v480", "v300"]);
    title.check(4.0, 0.04);
    let bytes = |title: &Title| {
        let segments = std::fs::read_dir(&title.folder).expect("the folder");
        let segments = segments.flatten().filter(|file| {
            let name = file.file_name();
            name.to_string_lossy().starts_with("v480-")
        });
        segments
            .map(|file| file.metadata().expect("a file").len())
            .sum::<u64>()
    };
    assert!(bytes(&title) < bytes(&usual));
}
