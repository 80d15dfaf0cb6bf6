//! A broadcast without a publisher, and a worker that says what it is told to say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use satreel_config::Sandbox;
use satreel_film::fmp4::read;
use satreel_hls::live::Mode;

use super::super::super::gate::{Frame, Passed};
use super::super::super::segmenter::Wishes;
use super::super::super::sps::tests::record_of;
use super::*;

/// What the worker was given and what it says, seen from both sides.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) orders: Vec<RungsOrder>,
    pub(super) fed: Vec<Feed>,
    pub(super) says: Vec<Heard>,
    pub(super) ended: usize,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Fake(Arc<Mutex<Table>>);

impl Fake {
    pub(super) fn table(&self) -> std::sync::MutexGuard<'_, Table> {
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
pub(super) struct Hand(Fake);

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
pub(super) struct Show {
    pub(super) fake: Fake,
    pub(super) segmenter: Segmenter,
    pub(super) ladder: Ladder,
    pub(super) out: Vec<Output>,
    pub(super) frame: i64,
    /// Frames that the worker has answered.
    pub(super) answered: usize,
    pub(super) told: bool,
    /// Workers that it has seen.
    pub(super) met: usize,
}

impl Show {
    pub(super) fn new(mode: Mode) -> Self {
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

    pub(super) fn now(&self) -> u64 {
        NOW_MS + self.frame.unsigned_abs() * 1000 / 30
    }

    pub(super) fn format(&mut self, (width, height): (u32, u32)) {
        let record = record_of(width, height);
        let format = PictureFormat {
            width,
            height,
            record,
        };
        self.push(Passed::PictureFormat(format));
    }

    pub(super) fn push(&mut self, passed: Passed) {
        let mut out = Vec::new();
        let now = self.now();
        self.segmenter.push(passed, now, &mut out);
        self.ladder.follow(&mut self.segmenter, &mut out, now);
        self.out.extend(out);
    }

    /// So many frames, 30 a second with a keyframe every two; the worker answers all but the last `late`.
    pub(super) fn play(&mut self, frames: i64, late: usize) {
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

    pub(super) fn answer(&mut self, late: usize) {
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

    pub(super) fn says(&mut self, heard: Heard) {
        self.fake.table().says.push(heard);
    }

    pub(super) fn workers(&self) -> usize {
        self.fake.table().orders.len()
    }

    pub(super) fn leave(&mut self) {
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
    pub(super) fn check(&self, rung: &str) -> String {
        let mut files: HashMap<MediaFile, Vec<u8>> = HashMap::new();
        let mut links = HashMap::new();
        // Of the top's open segment.
        let mut pieces = 0;
        let mut listed: HashMap<String, Vec<(u32, Option<u32>, u64)>> = HashMap::new();
        for output in &self.out {
            match output {
                Output::File(file, bytes) => {
                    files.insert(*file, bytes.clone());
                }
                Output::Grow(MediaFile::Segment(track, segment), bytes) => {
                    let whole = MediaFile::Segment(*track, *segment);
                    let part = MediaFile::Part(*track, *segment, pieces);
                    files.insert(part, bytes.clone());
                    files.entry(whole).or_default().extend_from_slice(bytes);
                    pieces += u32::from(track.as_str() == "v");
                }
                Output::Grow(file, _) => panic!("{file} has pieces"),
                Output::Whole(MediaFile::Segment(track, _), _) if track.as_str() == "v" => {
                    pieces = 0;
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
                    let file = MediaFile::Part(*track, *segment, *part);
                    assert!(track.as_str() == "a" || files.contains_key(&file), "{file}");
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
                Output::Whole(..) | Output::Event(_) | Output::Picture(_) => {}
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

impl Show {
    pub(super) fn check_len(&self, track: &str) -> usize {
        let track = self
            .segmenter
            .window()
            .track(track.parse().expect("a track"));
        track.map_or(0, |track| track.segments.len())
    }
}
