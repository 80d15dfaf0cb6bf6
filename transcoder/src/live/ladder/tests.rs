//! A ladder with a worker that is told what to do: late, slow, dead, wrong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use satreel_config::Sandbox;
use satreel_film::fmp4::read;
use satreel_hls::live::{Mode, View};

use super::super::gate::{Frame, Passed};
use super::super::segmenter::Wishes;
use super::super::sps::tests::record_of;
use super::*;

const NOW_MS: u64 = 1_700_000_000_000;
const SIZE: (u32, u32) = (640, 360);
const SMALL: (u32, u32) = (320, 180);
const SMALLER: (u32, u32) = (256, 144);

/// What the worker was given and what it says, seen from both sides.
#[derive(Debug, Default)]
struct Table {
    orders: Vec<RungsOrder>,
    fed: Vec<Feed>,
    says: Vec<Heard>,
    ended: usize,
}

#[derive(Debug, Clone, Default)]
struct Fake(Arc<Mutex<Table>>);

impl Fake {
    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().expect("a lock")
    }
}

impl Makers for Fake {
    fn start(&self, order: RungsOrder) -> Box<dyn Maker> {
        let mut table = self.table();
        table.fed.clear();
        table.says.clear();
        table.orders.push(order);
        Box::new(Hand(self.clone()))
    }
}

#[derive(Debug)]
struct Hand(Fake);

impl Maker for Hand {
    fn feed(&mut self, feed: &Feed) {
        self.0.table().fed.push(feed.clone());
    }

    fn hear(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.0.table().says)
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.0.table().ended += 1;
    }
}

/// A broadcast with a ladder.
struct Show {
    fake: Fake,
    segmenter: Segmenter,
    ladder: Ladder,
    out: Vec<Output>,
    frame: i64,
    /// Frames that the worker has answered.
    answered: usize,
    told: bool,
    /// Workers that it has seen.
    met: usize,
}

impl Show {
    fn new(mode: Mode) -> Self {
        let fake = Fake::default();
        let wishes = Wishes {
            mode,
            part_ms: 200,
            window_ms: 60_000,
            rungs: vec![180, 144],
        };
        let mut show = Self {
            segmenter: Segmenter::new(wishes),
            ladder: Ladder::new(Box::new(fake.clone()), Sandbox::Required),
            fake,
            out: Vec::new(),
            frame: 0,
            answered: 0,
            told: false,
            met: 0,
        };
        show.format(SIZE);
        show
    }

    fn now(&self) -> u64 {
        NOW_MS + self.frame.unsigned_abs() * 1000 / 30
    }

    fn format(&mut self, (width, height): (u32, u32)) {
        let record = record_of(width, height);
        let format = PictureFormat {
            width,
            height,
            record,
        };
        self.push(Passed::PictureFormat(format));
    }

    fn push(&mut self, passed: Passed) {
        let mut out = Vec::new();
        let now = self.now();
        self.segmenter.push(passed, now, &mut out);
        self.ladder.follow(&mut self.segmenter, &mut out, now);
        self.out.extend(out);
    }

    /// So many frames, 30 a second with a keyframe every two; the worker answers all but the last `late`.
    fn play(&mut self, frames: i64, late: usize) {
        for _ in 0..frames {
            self.push(Passed::Picture(Frame {
                decoded_ms: self.frame * 1000 / 30,
                later_ms: 66,
                key: self.frame % 60 == 0,
                data: vec![7; 40],
            }));
            self.frame += 1;
            self.answer(late);
        }
    }

    fn answer(&mut self, late: usize) {
        let mut table = self.fake.table();
        let Some(order) = table.orders.last().cloned() else {
            return;
        };
        let frames = table.fed.iter().filter_map(|feed| match feed {
            Feed::Frame { cut, .. } => Some(*cut),
            Feed::Flush => None,
        });
        let frames: Vec<bool> = frames.collect();
        if table.orders.len() > self.met {
            (self.met, self.answered, self.told) = (table.orders.len(), 0, false);
        }
        while self.answered.saturating_add(late) < frames.len() {
            for (rung, wanted) in (0..).zip(&order.rungs) {
                if !self.told {
                    let record = record_of(wanted.width, wanted.height);
                    table.says.push(Heard::Said(Said::Format { rung, record }));
                }
                table.says.push(Heard::Said(Said::Packet {
                    rung,
                    key: frames[self.answered],
                    data: vec![0, 0, 0, 1, rung],
                }));
            }
            self.told = true;
            self.answered += 1;
        }
    }

    fn says(&mut self, heard: Heard) {
        self.fake.table().says.push(heard);
    }

    fn workers(&self) -> usize {
        self.fake.table().orders.len()
    }

    fn leave(&mut self) {
        let mut out = Vec::new();
        let now = self.now();
        self.segmenter.leave(&mut out);
        self.ladder.leave(now);
        self.ladder.follow(&mut self.segmenter, &mut out, now);
        self.out.extend(out);
        self.answer(0);
        let mut out = Vec::new();
        self.ladder.tend(&mut self.segmenter, &mut out, now + 1000);
        self.out.extend(out);
    }

    /// Whose each segment of the rung is, after everything was held against the top's: `o`wn, `t`op's.
    fn check(&self, rung: &str) -> String {
        let mut files: HashMap<MediaFile, Vec<u8>> = HashMap::new();
        let mut links = HashMap::new();
        let mut listed: HashMap<String, Vec<(u32, Option<u32>, u64)>> = HashMap::new();
        for output in &self.out {
            match output {
                Output::File(file, bytes) => {
                    files.insert(*file, bytes.clone());
                }
                Output::Link { file, of } => {
                    assert!(links.insert(*file, *of).is_none(), "{file}");
                    files.insert(*file, files[of].clone());
                }
                Output::Event(Event::Part {
                    track,
                    segment,
                    part,
                    us,
                    ..
                }) => {
                    assert!(files.contains_key(&MediaFile::Part(*track, *segment, *part)));
                    let of = listed.entry(track.to_string()).or_default();
                    of.push((*segment, Some(*part), *us));
                }
                Output::Event(Event::Segment {
                    track, segment, us, ..
                }) => {
                    assert!(files.contains_key(&MediaFile::Segment(*track, *segment)));
                    listed
                        .entry(track.to_string())
                        .or_default()
                        .push((*segment, None, *us));
                }
                Output::Event(_) | Output::Picture(_) => {}
            }
        }
        let (top, own) = (&listed["v"], &listed[rung]);
        assert_eq!(own[..], top[..own.len()], "the same parts and segments");
        let name: TrackName = rung.parse().expect("a track");
        let top: TrackName = "v".parse().expect("a track");
        let track = self.segmenter.window().track(name).expect("a track");
        let mut whose = String::new();
        for (segment, part, _) in own {
            let file = |track| {
                part.map_or(MediaFile::Segment(track, *segment), |part| {
                    MediaFile::Part(track, *segment, part)
                })
            };
            let [mine, tops] =
                [name, top].map(|track| read::fragment(&files[&file(track)]).expect("a fragment"));
            assert_eq!(mine.decode_time, tops.decode_time, "{}", file(name));
            assert_eq!(mine.duration, tops.duration, "{}", file(name));
            assert!(mine.sizes_fit);
            if part.is_none() {
                assert!(mine.independent, "{}", file(name));
                let is_linked = links.contains_key(&file(name));
                whose.push(if is_linked { 't' } else { 'o' });
                if *segment < self.segmenter.window().first() {
                    continue;
                }
                let init = track.init_of(*segment).expect("an init segment");
                let size = read::init(&files[&init]).expect("ours").size;
                assert_eq!(size == Some(SIZE), is_linked, "{}", file(name));
            }
        }
        whose
    }
}

#[test]
fn rungs_are_cut_where_the_top_is() {
    for mode in [Mode::Fast, Mode::Standard, Mode::Plain] {
        let mut show = Show::new(mode);
        show.play(250, 3);
        assert_eq!(show.check("v180"), "oooo", "{mode:?}");
        assert_eq!(show.check("v144"), "oooo", "{mode:?}");
        let order = show.fake.table().orders[0].clone();
        let sizes: Vec<_> = order
            .rungs
            .iter()
            .map(|rung| (rung.width, rung.height))
            .collect();
        assert_eq!(sizes, [SMALL, SMALLER]);
        assert!(
            order.frames_ks.abs_diff(30_000) < 300,
            "{}",
            order.frames_ks
        );
        let listed = show.ladder.listed();
        assert_eq!(listed.len(), 2);
        if mode != Mode::Plain {
            let track = "v180".parse().expect("a track");
            let text = show.segmenter.window().playlist(track, View::Full);
            let text = text.expect("a playlist");
            assert!(
                text.contains("RENDITION-REPORT:URI=\"v144.m3u8\",LAST-MSN="),
                "{text}"
            );
        }
    }
}

#[test]
fn pictures_come_in_the_order_in_which_they_are_shown() {
    let mut show = Show::new(Mode::Fast);
    show.play(60, 0);
    let part = show.out.iter().find_map(|output| match output {
        Output::File(MediaFile::Part(track, 0, 1), bytes) if track.as_str() == "v180" => {
            Some(bytes)
        }
        _ => None,
    });
    let (_, samples, _) = read::samples(part.expect("a part")).expect("ours");
    assert!(
        samples
            .iter()
            .all(|sample| sample.composition.abs_diff(66 * 90) < 90),
        "{samples:?}"
    );
}

#[test]
fn a_worker_that_begins_late_is_stood_in_for() {
    let mut show = Show::new(Mode::Fast);
    // It has said nothing for a second.
    show.play(30, usize::MAX);
    let rung = show.segmenter.window().track("v180".parse().expect("it"));
    assert!(!rung.expect("a track").open.is_empty());
    show.play(200, 2);
    let whose = show.check("v180");
    assert!(whose.starts_with("too"), "{whose}");
    assert_eq!(show.ladder.listed().len(), 2);
    assert!(show.ladder.health()[0].made);
}

#[test]
fn a_worker_that_dies_costs_the_rungs_only_and_is_replaced() {
    let mut show = Show::new(Mode::Fast);
    show.play(80, 0);
    show.says(Heard::Ended("it died".to_owned()));
    // The segment that it left open stands still.
    show.play(42, 0);
    assert_eq!(show.check("v180"), "oo");
    assert_eq!(show.fake.table().ended, 1);
    show.play(200, 0);
    assert_eq!(show.workers(), 2);
    let whose = show.check("v180");
    assert!(whose.starts_with("oo") && whose.ends_with('o'), "{whose}");
}

#[test]
fn workers_that_die_at_once_are_tried_ever_more_rarely() {
    let mut show = Show::new(Mode::Fast);
    let mut began = Vec::new();
    for second in 0..300 {
        show.play(30, usize::MAX);
        if show.workers() > began.len() {
            began.push(second);
            show.says(Heard::Ended("it died".to_owned()));
        }
    }
    let waits: Vec<i64> = began.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(waits.is_sorted() && waits[0] <= 4, "{waits:?}");
    assert!((8..14).contains(&began.len()), "{began:?}");
    assert!(show.check("v144").chars().all(|whose| whose == 't'));
}

#[test]
fn a_rung_that_is_too_slow_goes_and_the_smaller_ones_stay() {
    let mut show = Show::new(Mode::Fast);
    show.play(100, 0);
    // Two seconds behind, and more.
    show.play(100, 65);
    show.play(200, 0);
    let health = show.ladder.health();
    assert_eq!(health[0].dropped.as_deref(), Some(TOO_SLOW));
    assert_eq!((health[1].dropped.as_deref(), health[1].made), (None, true));
    let listed = show.ladder.listed();
    assert_eq!(
        listed
            .iter()
            .map(|rung| rung.track.as_str())
            .collect::<Vec<_>>(),
        ["v144"]
    );
    let whose = show.check("v180");
    assert!(whose.starts_with("oo") && whose.ends_with("tt"), "{whose}");
    assert!(show.check("v144").ends_with('o'));
    let sizes = show
        .fake
        .table()
        .orders
        .last()
        .map(|order| order.rungs.len());
    assert_eq!((show.workers(), sizes), (2, Some(1)));
}

#[test]
fn nobody_waits_for_a_worker_that_has_stopped() {
    let mut show = Show::new(Mode::Fast);
    show.play(70, 0);
    show.play(300, usize::MAX);
    let (top, own) = (show.check_len("v"), show.check_len("v180"));
    assert!(top - own <= 2, "{top} {own}");
    assert!(show.workers() <= 4);
    show.check("v180");
    show.check("v144");
}

#[test]
fn a_publisher_that_comes_back_cuts_all_at_once() {
    let mut show = Show::new(Mode::Fast);
    show.play(100, 4);
    show.leave();
    assert_eq!(show.fake.table().fed.last(), Some(&Feed::Flush));
    assert_eq!(show.check("v180"), "oo");
    show.frame = 600;
    show.format(SIZE);
    show.play(100, 4);
    assert_eq!(show.workers(), 1, "the same one goes on");
    assert_eq!(show.check("v180"), "ooo");
    for track in ["v", "v180", "v144"] {
        let track = track.parse().expect("a track");
        let text = show
            .segmenter
            .window()
            .playlist(track, View::Full)
            .expect("it");
        assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{text}");
    }
}

#[test]
fn another_size_is_another_workers() {
    let mut show = Show::new(Mode::Fast);
    show.play(100, 4);
    show.leave();
    show.frame = 600;
    // As small as the largest rung itself.
    show.format(SMALL);
    show.play(130, 4);
    let order = show.fake.table().orders.last().cloned().expect("an order");
    assert_eq!(order.rungs.len(), 1, "{order:?}");
    assert_eq!(show.ladder.listed().len(), 1);
    let top = show
        .segmenter
        .window()
        .track("v".parse().expect("it"))
        .expect("it");
    let rung = show
        .segmenter
        .window()
        .track("v180".parse().expect("it"))
        .expect("it");
    assert_eq!(top.segments.len(), rung.segments.len());
}

#[test]
fn the_end_waits_for_nobody() {
    let mut show = Show::new(Mode::Fast);
    show.play(100, 40);
    let mut out = Vec::new();
    let now = show.now();
    show.segmenter.leave(&mut out);
    show.ladder.follow(&mut show.segmenter, &mut out, now);
    show.ladder.end(&mut show.segmenter, &mut out, now);
    show.segmenter.end(&mut out);
    show.out.extend(out);
    assert_eq!(show.check("v180").len(), 2);
    let track = "v180".parse().expect("a track");
    let text = show
        .segmenter
        .window()
        .playlist(track, View::Full)
        .expect("it");
    assert!(text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
}

#[test]
fn a_worker_that_lies_is_ended() {
    let packet = |rung, key| Said::Packet {
        rung,
        key,
        data: vec![0, 0, 0, 1, 9],
    };
    let record = record_of(1280, 720);
    for lie in [
        packet(2, true),
        Said::Format { rung: 0, record },
        Said::Format {
            rung: 0,
            record: vec![1],
        },
        Said::Failed("no".to_owned()),
    ] {
        let mut show = Show::new(Mode::Fast);
        show.play(20, 0);
        show.says(Heard::Said(lie.clone()));
        show.play(20, 0);
        assert_eq!(show.fake.table().ended, 1, "{lie:?}");
    }
    let mut show = Show::new(Mode::Fast);
    show.play(20, 0);
    for _ in 0..9 {
        show.fake.table().says.push(Heard::Said(packet(0, false)));
    }
    show.play(2, 0);
    assert_eq!(show.fake.table().ended, 1, "more than it was asked for");
    show.play(100, 0);
    show.check("v180");
}

impl Show {
    fn check_len(&self, track: &str) -> usize {
        let track = self
            .segmenter
            .window()
            .track(track.parse().expect("a track"));
        track.map_or(0, |track| track.segments.len())
    }
}
