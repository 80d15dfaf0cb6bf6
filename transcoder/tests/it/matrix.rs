//! The golden matrix: films in every container and codec that is promised, each taken in, decoded
//! as a whole and held against what it was made of.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::rig::{Rig, Title, probe};
use crate::sync;

const SECONDS: f64 = 5.0;
const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -bf 2";
const X265: &str = "-c:v libx265 -preset ultrafast -x265-params log-level=none";
const AV1: &str = "-c:v libaom-av1 -cpu-used 8 -row-mt 1 -crf 40 -b:v 0";
const VP: &str = "-deadline realtime -cpu-used 8 -b:v 400k";

/// A film that flashes and beeps, and what becomes of its top rung.
struct Source {
    name: &'static str,
    rate: &'static str,
    codecs: String,
    action: &'static str,
}

impl Source {
    fn encoded(name: &'static str, codecs: impl Into<String>) -> Self {
        Self {
            name,
            rate: "25",
            codecs: codecs.into(),
            action: "encode",
        }
    }

    fn copied(name: &'static str, codecs: impl Into<String>) -> Self {
        Self {
            action: "copy",
            ..Self::encoded(name, codecs)
        }
    }

    fn at(self, rate: &'static str) -> Self {
        Self { rate, ..self }
    }

    fn frames_a_second(&self) -> f64 {
        let (numerator, denominator) = self.rate.split_once('/').unwrap_or((self.rate, "1"));
        let number = |text: &str| text.parse::<f64>().expect("a number");
        number(numerator) / number(denominator)
    }

    fn check(&self) {
        let (name, picture) = (self.name, sync::picture("320x240", self.rate));
        let arguments = format!(
            "-f lavfi -i {picture} -f lavfi -i {} -t {SECONDS} {}",
            sync::SOUND,
            self.codecs
        );
        let path = Rig::kept(name, &arguments);
        let plan = Rig::inspect(&path, &[]);
        assert_eq!(plan["rungs"][0]["action"], self.action, "{name}: {plan}");
        let rig = Rig::new();
        let title = rig.add(&path, &[]);
        let frame_s = 1.0 / self.frames_a_second();
        title.check(SECONDS, frame_s + 0.001);
        self.check_frames(&title);
        sync::assert_together(name, &title);
    }

    /// No frame is lost, none is added.
    fn check_frames(&self, title: &Title) {
        for track in title.pictures() {
            let frames = title.shown(&track).len();
            #[allow(clippy::cast_precision_loss)]
            let off = (frames as f64 - SECONDS * self.frames_a_second()).abs();
            assert!(off <= 1.5, "{}: {track} has {frames} frames", self.name);
        }
    }
}

fn check_all(sources: impl IntoIterator<Item = Source>) {
    let mut failed = Vec::new();
    for source in sources {
        if catch_unwind(AssertUnwindSafe(|| source.check())).is_err() {
            failed.push(source.name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}: see above");
}

#[test]
fn mp4_and_mov() {
    check_all([
        Source::copied("h264-aac.mp4", format!("{X264} -c:a aac")),
        Source::copied("h264-pcm.mov", format!("{X264} -c:a pcm_s16le")),
        Source::copied(
            "fragmented.mp4",
            format!("{X264} -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof"),
        ),
        Source::encoded("hevc-aac.mp4", format!("{X265} -pix_fmt yuv420p -c:a aac")),
        Source::encoded(
            "hevc10-ac3.mp4",
            format!("{X265} -pix_fmt yuv420p10le -c:a ac3"),
        )
        .at("30000/1001"),
        Source::encoded("av1-aac.mp4", format!("{AV1} -c:a aac")),
        Source::encoded("mpeg4-mp3.mp4", "-c:v mpeg4 -q:v 4 -bf 2 -c:a libmp3lame"),
        Source::encoded(
            "prores-pcm24.mov",
            "-c:v prores_ks -profile:v 1 -c:a pcm_s24le",
        ),
        Source::encoded("prores4444-aac.mov", "-c:v prores_ks -profile:v 4 -c:a aac"),
        Source::encoded("mjpeg-pcm.mov", "-c:v mjpeg -q:v 3 -c:a pcm_s16be"),
        Source::encoded(
            "high10-flac.mp4",
            "-c:v libx264 -preset ultrafast -pix_fmt yuv420p10le -c:a flac -strict -2",
        ),
        Source::encoded(
            "hevc-opus.mp4",
            format!("{X265} -pix_fmt yuv420p -c:a libopus -strict -2"),
        )
        .at("50"),
    ]);
}

#[test]
fn mkv_and_webm() {
    check_all([
        Source::copied("h264-flac.mkv", format!("{X264} -c:a flac")),
        Source::copied("h264-opus.mkv", format!("{X264} -c:a libopus")).at("24000/1001"),
        Source::encoded(
            "high444-pcm.mkv",
            "-c:v libx264 -preset ultrafast -pix_fmt yuv444p -c:a pcm_s16le",
        ),
        Source::encoded(
            "hevc10-opus.mkv",
            format!("{X265} -pix_fmt yuv420p10le -c:a libopus"),
        ),
        Source::encoded(
            "vp8-vorbis.webm",
            format!("-c:v libvpx {VP} -c:a libvorbis"),
        ),
        Source::encoded(
            "vp9-opus.webm",
            format!("-c:v libvpx-vp9 {VP} -c:a libopus"),
        ),
        Source::encoded(
            "vp9-10-opus.webm",
            format!("-c:v libvpx-vp9 -pix_fmt yuv420p10le -profile:v 2 {VP} -c:a libopus"),
        ),
        Source::encoded("av1-opus.webm", format!("{AV1} -c:a libopus")),
        Source::encoded(
            "av1-10-vorbis.mkv",
            format!("{AV1} -pix_fmt yuv420p10le -c:a libvorbis"),
        ),
        Source::encoded("mpeg4-mp3.mkv", "-c:v mpeg4 -q:v 4 -c:a libmp3lame"),
        Source::encoded("mpeg2-ac3.mkv", "-c:v mpeg2video -q:v 4 -bf 2 -c:a ac3"),
    ]);
}

#[test]
fn avi_and_flv() {
    check_all([
        Source::encoded("mpeg4-mp3.avi", "-c:v mpeg4 -q:v 4 -c:a libmp3lame"),
        Source::encoded("mjpeg-pcm.avi", "-c:v mjpeg -q:v 3 -c:a pcm_s16le"),
        Source::encoded("h264-mp3.avi", format!("{X264} -bf 0 -c:a libmp3lame")),
        Source::encoded("mpeg2-pcm.avi", "-c:v mpeg2video -q:v 4 -c:a pcm_s16le"),
        Source::copied("h264-aac.flv", format!("{X264} -c:a aac")),
        Source::copied("h264-mp3.flv", format!("{X264} -c:a libmp3lame -ar 44100")),
        Source::encoded(
            "sorenson-mp3.flv",
            "-c:v flv -q:v 4 -c:a libmp3lame -ar 44100",
        ),
    ]);
}

#[test]
fn transport_and_program_streams() {
    check_all([
        Source::copied("h264-aac.ts", format!("{X264} -c:a aac")),
        Source::copied(
            "h264-ac3.m2ts",
            format!("{X264} -c:a ac3 -f mpegts -mpegts_m2ts_mode 1"),
        ),
        Source::encoded("hevc-aac.ts", format!("{X265} -pix_fmt yuv420p -c:a aac")),
        Source::encoded("mpeg2-mp2.ts", "-c:v mpeg2video -q:v 4 -bf 2 -c:a mp2"),
        Source::encoded(
            "mpeg2-ac3.vob",
            "-c:v mpeg2video -q:v 4 -bf 2 -c:a ac3 -f vob",
        ),
        Source::encoded("mpeg1-mp2.mpg", "-c:v mpeg1video -q:v 4 -c:a mp2 -f mpeg"),
        Source::encoded("h264-ac3.mpg", format!("{X264} -c:a ac3 -f vob")),
    ]);
}

/// Bare AAC cannot say that its first frame only primes decoders. Nothing is to be in step with it.
const PRIMING_S: f64 = 0.025;

/// Sound alone: one variant, no picture, the cover as the poster if there is one.
fn check_sound(name: &str, codecs: &str, action: &str) {
    let path = Rig::kept(name, &format!("-f lavfi -i {} -t 8 {codecs}", sync::SOUND));
    let plan = Rig::inspect(&path, &[]);
    assert_eq!(plan["audio"]["action"], action, "{name}: {plan}");
    assert_eq!(plan["rungs"], serde_json::json!([]), "{name}");
    let rig = Rig::new();
    let title = rig.add(&path, &["--preview", "4"]);
    assert_eq!(title.tracks(), ["a"], "{name}");
    title.check_tracks(8.0, 0.06);
    let master = title.read("master.m3u8");
    assert!(
        !master.contains("RESOLUTION") && !master.contains("EXT-X-MEDIA:"),
        "{master}"
    );
    assert!(master.contains("CODECS=\"mp4a.40.2\"\na.m3u8"), "{master}");
    let beeps = sync::beeps(&title.folder.join("a.m3u8"));
    for (second, beep) in (0..8).zip(beeps) {
        assert!(
            (f64::from(second) - beep).abs() <= PRIMING_S,
            "{name}: a beep at {beep}"
        );
    }
    assert!(
        title.read("waveform.svg").contains("<path d=\"M0.5"),
        "{name}"
    );
    assert!(title.folder.join("poster.jpg").exists(), "{name}");
    let free = title.playlist("a").preview_end(4).expect("a free part");
    assert!(
        (3_900_000..=4_000_000).contains(&free.1),
        "{name}: {free:?}"
    );
}

#[test]
fn sound_alone() {
    check_sound("mp3.mp3", "-c:a libmp3lame -b:a 128k", "encode");
    check_sound("aac.m4a", "-c:a aac", "copy");
    check_sound("aac.aac", "-c:a aac", "copy");
    check_sound("flac.flac", "-c:a flac", "encode");
    check_sound("vorbis.ogg", "-c:a libvorbis", "encode");
    check_sound("opus.opus", "-c:a libopus", "encode");
    check_sound("pcm.wav", "-c:a pcm_s16le", "encode");
    check_sound("surround.mka", "-ac 6 -c:a ac3", "encode");
    check_sound("only.mp4", "-c:a aac", "copy");
    check_sound("only.ts", "-c:a mp2 -f mpegts", "encode");
}

#[test]
fn a_cover_becomes_the_poster() {
    let cover = "-f lavfi -i testsrc2=size=600x600:rate=1:d=1 -map 0 -map 1";
    for (name, codecs) in [
        (
            "cover.mp3",
            "-c:a libmp3lame -c:v png -disposition:v attached_pic",
        ),
        (
            "cover.m4a",
            "-c:a aac -c:v mjpeg -disposition:v attached_pic",
        ),
        (
            "cover.flac",
            "-c:a flac -c:v png -disposition:v attached_pic",
        ),
    ] {
        let arguments = format!("-f lavfi -i sine=d=4 {cover} {codecs}");
        let path = Rig::kept(name, &arguments);
        let rig = Rig::new();
        let title = rig.add(&path, &[]);
        title.check_tracks(4.0, 0.06);
        let poster = title.folder.join("poster.jpg");
        let size = probe(&poster, &["-show_entries", "stream=width"]);
        assert_eq!(size, [600.0], "{name}");
    }
}
