use proptest::prelude::*;
use satreel_film::fmp4::read;
use satreel_hls::live::View;

use super::super::sps::tests::RECORD;
use super::*;

const WISHES: Wishes = Wishes {
    mode: Mode::Fast,
    part_ms: 200,
    window_ms: 60_000,
    rungs: Vec::new(),
};

fn picture_format() -> Passed {
    Passed::PictureFormat(PictureFormat {
        width: 320,
        height: 180,
        record: RECORD.to_vec(),
    })
}

fn frame(decoded_ms: i64, key: bool) -> Frame {
    Frame {
        decoded_ms,
        later_ms: 66,
        key,
        data: vec![7; 40],
    }
}

fn sound(decoded_ms: i64) -> Passed {
    Passed::Sound(Frame {
        later_ms: 0,
        data: vec![9; 5],
        ..frame(decoded_ms, true)
    })
}

/// A broadcast under test, and everything it wrote.
struct Show {
    segmenter: Segmenter,
    out: Vec<Output>,
}

impl Show {
    fn new(wishes: Wishes) -> Self {
        Self {
            segmenter: Segmenter::new(wishes),
            out: Vec::new(),
        }
    }

    fn push(&mut self, passed: Passed) {
        self.segmenter
            .push(passed, 1_700_000_000_000, &mut self.out);
    }

    /// So many milliseconds at 30 frames a second with a keyframe every `apart` ms, and with sound.
    fn play(&mut self, from_ms: i64, lasts_ms: i64, apart: i64, with_sound: bool) {
        self.push(picture_format());
        if with_sound {
            self.push(Passed::SoundFormat(SoundFormat::silent()));
        }
        let mut heard = 0;
        let frames = lasts_ms * 30 / 1000;
        let every = apart * 30 / 1000;
        for number in 0..frames {
            let at = number * 1000 / 30;
            self.push(Passed::Picture(frame(from_ms + at, number % every == 0)));
            while with_sound && heard * 1024 / 48 <= at {
                self.push(sound(from_ms + heard * 1024 / 48));
                heard += 1;
            }
        }
    }

    /// Checks everything against the rules, reading back what was written.
    fn check(&self) {
        let mut replayed = Window::default();
        let mut files: std::collections::HashMap<MediaFile, Vec<u8>> =
            std::collections::HashMap::new();
        let mut ends: std::collections::HashMap<TrackName, u64> = std::collections::HashMap::new();
        let mut growing = std::collections::HashMap::new();
        let mut cut = false;
        for output in &self.out {
            match output {
                Output::File(file, bytes) => {
                    files.insert(*file, bytes.clone());
                    check_segment(*file, bytes, cut, &mut ends);
                }
                Output::Grow(file, bytes) => {
                    let MediaFile::Segment(track, number) = *file else {
                        panic!("{file} has pieces");
                    };
                    let open = growing.entry(track).or_insert((number, Vec::new()));
                    assert_eq!(open.0, number, "the one before is whole");
                    open.1.extend_from_slice(bytes);
                }
                Output::Whole(file, bytes) => {
                    let MediaFile::Segment(track, number) = *file else {
                        panic!("{file} has pieces");
                    };
                    let (open, whole) = growing.remove(&track).expect("its pieces");
                    assert_eq!((open, whole.len() as u64), (number, *bytes));
                    check_segment(*file, &whole, cut, &mut ends);
                    files.insert(*file, whole);
                }
                Output::Link { .. } | Output::Picture(_) => {}
                Output::Event(event) => {
                    replayed.apply(event).expect("it fits");
                    // After one, clocks may step; before one, never.
                    cut |= matches!(event, Event::Cut { .. });
                    let is_there = match event {
                        Event::Part { track, place, .. } => {
                            let (_, open) = &growing[track];
                            let place = place.expect("a piece");
                            let bytes = &open[usize::try_from(place.at).expect("few")..];
                            assert!(read::fragment(bytes).is_some_and(|part| part.sizes_fit));
                            bytes.len() as u64 == place.bytes
                        }
                        Event::Segment { track, segment, .. } => {
                            files.contains_key(&MediaFile::Segment(*track, *segment))
                        }
                        _ => true,
                    };
                    assert!(is_there, "listed before it is there");
                }
            }
        }
        assert_eq!(&replayed, self.segmenter.window());
    }

    fn text(&self, track: &str) -> String {
        self.segmenter
            .window()
            .playlist(name(track), View::Full)
            .expect("a playlist")
    }

    fn durations(&self, track: &str) -> Vec<u64> {
        let window = self.segmenter.window();
        let track = window.track(name(track)).expect("a track");
        track
            .segments
            .iter()
            .map(|listed| (listed.us + 5_000) / 10_000 * 10)
            .collect()
    }
}

fn check_segment(
    file: MediaFile,
    bytes: &[u8],
    cut: bool,
    ends: &mut std::collections::HashMap<TrackName, u64>,
) {
    if let MediaFile::Segment(track, _) = file {
        let found = read::fragment(bytes).expect("a segment");
        assert!(found.sizes_fit && found.samples > 0);
        let end = ends.insert(track, found.decode_time + found.duration);
        assert!(
            cut || end.is_none_or(|end| end == found.decode_time),
            "{file}"
        );
    }
}

#[test]
fn segments_begin_with_keyframes_and_parts_are_whole_frames() {
    let mut show = Show::new(WISHES);
    show.play(5000, 7_000, 2000, true);
    show.check();
    assert_eq!(show.durations("v"), [2000, 2000, 2000]);
    let header = show.segmenter.window().header().expect("a header");
    assert!(
        header.part_us.abs_diff(202_000) < 1500,
        "{}",
        header.part_us
    );
    let window = show.segmenter.window();
    let parts = &window.track(name("v")).expect("a track").segments[1].parts;
    assert_eq!(parts.len(), 10);
    assert!(parts[0].key && !parts[1].key);
    assert!(show.text("v").contains("#EXT-X-INDEPENDENT-SEGMENTS"));
    let sound: u64 = show.durations("a").iter().sum();
    assert!(sound.abs_diff(6000) < 60, "{sound}");
}

#[test]
fn the_first_segment_ends_with_the_first_keyframe() {
    let mut show = Show::new(WISHES);
    show.play(0, 5_200, 1000, true);
    show.check();
    assert_eq!(show.durations("v"), [1000, 2000, 2000]);
    let mut show = Show::new(WISHES);
    show.play(0, 2_200, 100, true);
    show.check();
    assert_eq!(show.durations("v"), [500, 1500]);
}

#[test]
fn a_part_is_there_with_its_last_frame() {
    let mut show = Show::new(WISHES);
    show.play(0, 1_000, 2000, true);
    let parts = |show: &Show| {
        let window = show.segmenter.window();
        window.track(name("v")).expect("a track").open.len()
    };
    // Five parts of six frames: the thirtieth frame ends the fifth.
    assert_eq!(parts(&show), 5);
}

#[test]
fn without_sound_there_is_silence() {
    let mut show = Show::new(WISHES);
    show.play(0, 5_000, 1000, false);
    show.check();
    assert_eq!(show.durations("v"), [1000, 2000]);
    assert_eq!(show.durations("a").len(), 2);
}

#[test]
fn sound_that_begins_late_or_pauses_stalls_nobody() {
    let mut show = Show::new(WISHES);
    show.push(Passed::SoundFormat(SoundFormat::silent()));
    show.play(0, 4_200, 1000, false);
    assert!(!show.durations("a").is_empty(), "silence took its place");
    show.push(sound(4_100));
    for at in (4_234..8_300).step_by(33) {
        show.push(Passed::Picture(frame(at, at % 1000 < 33)));
    }
    show.check();
    let (v, a) = (show.durations("v").len(), show.durations("a").len());
    assert!(v >= 3 && v - a <= 1, "{v} {a}");
}

#[test]
fn sound_of_another_format_comes_with_a_cut() {
    let mut show = Show::new(WISHES);
    show.play(0, 3_000, 1000, false);
    let mono = SoundFormat::parse(&[0x12, 0x08]).expect("44.1 kHz mono");
    show.push(Passed::SoundFormat(mono));
    for number in 90..240_i64 {
        show.push(Passed::Picture(frame(number * 1000 / 30, number % 30 == 0)));
    }
    show.check();
    let text = show.text("a");
    assert!(
        text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"a-1.mp4\""),
        "{text}"
    );
    assert!(
        show.text("v")
            .contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"v-init.mp4\"")
    );
}

#[test]
fn a_publisher_that_comes_back_goes_on_with_a_discontinuity() {
    let mut show = Show::new(WISHES);
    show.play(0, 3_300, 2000, true);
    show.segmenter.leave(&mut show.out);
    show.check();
    assert_eq!(show.durations("v"), [2000, 1300]);
    let before = show.durations("v").len();
    show.play(77_000, 2_500, 2000, true);
    show.check();
    assert_eq!(show.durations("v").len(), before + 1);
    for track in ["v", "a"] {
        assert_eq!(
            show.text(track).matches("#EXT-X-DISCONTINUITY\n").count(),
            1
        );
        assert!(
            !show.text(track).contains("-1.mp4"),
            "the same format needs no new init segment"
        );
    }
    show.segmenter.end(&mut show.out);
    show.check();
    assert!(show.text("v").ends_with("#EXT-X-ENDLIST\n"));
}

#[test]
fn keyframes_too_far_apart_end_no_segment_too_late() {
    let mut show = Show::new(WISHES);
    show.play(0, 12_000, 8_000, true);
    show.check();
    assert!(show.durations("v").iter().all(|ms| *ms < 4_500));
    assert!(!show.text("v").contains("INDEPENDENT-SEGMENTS"));
}

#[test]
fn a_window_has_an_end() {
    let mut show = Show::new(Wishes {
        window_ms: 10_000,
        ..WISHES
    });
    show.play(0, 60_000, 2000, true);
    show.check();
    assert_eq!(show.durations("v").len(), 6);
    assert!(show.text("v").contains("#EXT-X-MEDIA-SEQUENCE:2"));
}

#[test]
fn plain_writes_no_parts() {
    let mut show = Show::new(Wishes {
        mode: Mode::Plain,
        ..WISHES
    });
    show.play(0, 5_000, 2000, true);
    show.check();
    assert!(
        !show
            .out
            .iter()
            .any(|output| matches!(output, Output::Grow(..)))
    );
    assert_eq!(show.durations("v"), [2000, 2000]);
}

proptest! {
    /// Whatever comes when, what is listed fits: `event` refuses nothing, files are there first.
    #[test]
    fn no_publisher_breaks_a_playlist(
        steps in proptest::collection::vec((0..12_u8, 0..400_i64), 1..300),
        part_ms in 200..334_u64,
    ) {
        let mut show = Show::new(Wishes { part_ms, ..WISHES });
        show.push(picture_format());
        let (mut now, mut begun) = (0, false);
        for (kind, step) in steps {
            match kind {
                0..=3 => { now += step % 50; show.push(Passed::Picture(frame(now, !begun))); begun = true; }
                4 => { now += step; show.push(Passed::Picture(frame(now, true))); begun = true; }
                5 | 6 => show.push(sound(now - 200 + step)),
                7 => show.push(Passed::SoundFormat(SoundFormat::silent())),
                8 => show.push(Passed::SoundFormat(SoundFormat::parse(&[0x12, 0x08]).expect("mono"))),
                9 => { show.push(Passed::Cut); now += step; show.push(Passed::Picture(frame(now, true))); begun = true; }
                10 if step < 40 => {
                    show.segmenter.leave(&mut show.out);
                    show.push(picture_format());
                    begun = false;
                }
                _ => now += step / 10,
            }
        }
        show.segmenter.end(&mut show.out);
        show.check();
    }
}
