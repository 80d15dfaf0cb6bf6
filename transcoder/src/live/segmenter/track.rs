//! One track's samples on their way: the open part, and the open segment around it.

use satreel_hls::live::window::shortest;
use satreel_hls::naming::TrackName;

use satreel_film::fmp4::{Sample, media_segment};

#[derive(Debug)]
pub(super) struct Track {
    pub(super) name: TrackName,
    pub(super) scale: u32,
    /// The open segment's number.
    pub(super) number: u32,
    /// Where the next sample is decoded, in ticks.
    pub(super) end: u64,
    /// Its samples only where parts are no pieces of its file.
    segment: Run,
    /// Whether the open segment begins with a keyframe, and the bytes of its pieces.
    is_key: bool,
    written: u64,
    part: Run,
    parts: u32,
    fragments: u32,
}

/// Samples that follow one another.
#[derive(Debug, Default)]
struct Run {
    begins: u64,
    lasts: u64,
    samples: Vec<Sample>,
    data: Vec<u8>,
}

pub(super) struct Closed {
    pub(super) number: u32,
    pub(super) us: u64,
    pub(super) key: bool,
    /// Bytes of its segment's file that were written before it.
    pub(super) at: u64,
    /// What is to be written; nothing, where all pieces of a segment are.
    pub(super) bytes: Vec<u8>,
}

impl Track {
    pub(super) fn new(name: TrackName, scale: u32) -> Self {
        Self {
            name,
            scale,
            number: 0,
            end: 0,
            segment: Run::default(),
            is_key: false,
            written: 0,
            part: Run::default(),
            parts: 0,
            fragments: 0,
        }
    }

    pub(super) fn resume(&mut self, number: u32, end: u64) {
        (self.number, self.end) = (number, end);
    }

    /// A new format, from this tick on.
    pub(super) fn restart(&mut self, scale: u32, end: u64) {
        (self.scale, self.end) = (scale, end);
    }

    /// Whether the open segment has no sample yet.
    pub(super) fn is_untouched(&self) -> bool {
        self.segment.lasts == 0 && self.part.samples.is_empty()
    }

    /// Whether the open segment has a part that is closed.
    pub(super) fn has_parts(&self) -> bool {
        self.parts > 0
    }

    pub(super) fn part_lasts(&self) -> u64 {
        self.part.lasts
    }

    pub(super) fn segment_lasts(&self) -> u64 {
        self.segment.lasts + self.part.lasts
    }

    pub(super) fn end_in(&self, scale: u32) -> u64 {
        self.end * u64::from(scale) / u64::from(self.scale)
    }

    /// One more sample, which lasts so long as far as is known, and no longer than the part has
    /// room. `shown`: when it is to be seen; None: when it is decoded.
    pub(super) fn append(
        &mut self,
        data: &[u8],
        lasts: u64,
        shown: Option<u64>,
        key: bool,
        part: u64,
    ) {
        let lasts = lasts.min(part.saturating_sub(self.part.lasts)).max(1);
        if self.part.samples.is_empty() {
            self.part.begins = self.end;
        }
        let later = shown.unwrap_or(self.end).cast_signed() - self.end.cast_signed();
        self.part.samples.push(Sample {
            size: u32::try_from(data.len()).unwrap_or(u32::MAX),
            duration: u32::try_from(lasts).unwrap_or(u32::MAX),
            composition: i32::try_from(later).unwrap_or_default(),
            key,
        });
        self.part.data.extend_from_slice(data);
        self.part.lasts += lasts;
        self.end += lasts;
    }

    /// The sample after the part's last is decoded at `next`: the last lasts until then, if the
    /// part has room.
    pub(super) fn stretch(&mut self, next: u64, part: u64) {
        let room = part.saturating_sub(self.part.lasts);
        let Some(last) = self.part.samples.last_mut() else {
            return;
        };
        let before = u64::from(last.duration);
        let begins = self.end - before;
        let lasts = next.saturating_sub(begins).clamp(1, before + room);
        last.duration = u32::try_from(lasts).unwrap_or(u32::MAX);
        self.part.lasts = self.part.lasts - before + lasts;
        self.end = begins + lasts;
    }

    /// Whether the part has to be closed: long enough, and no room for another frame.
    pub(super) fn is_full(&self, part: u64, frame: u64) -> bool {
        self.is_full_with(part, frame, 0)
    }

    /// The same with so many ticks more.
    pub(super) fn is_full_with(&self, part: u64, frame: u64, more: u64) -> bool {
        let lasts = self.part.lasts + more;
        lasts >= part || (lasts > shortest(part) + self.tick_slack() && lasts + frame / 2 > part)
    }

    /// How much longer the part may become.
    pub(super) fn room(&self, part: u64) -> u64 {
        part.saturating_sub(self.part.lasts)
    }

    /// Ticks that rounding to microseconds can cost.
    fn tick_slack(&self) -> u64 {
        u64::from(self.scale / 10_000)
    }

    /// None: it has no sample. `alone`: it is a piece of the segment's file already.
    pub(super) fn close_part(&mut self, alone: bool) -> Option<Closed> {
        if self.part.samples.is_empty() {
            return None;
        }
        let part = std::mem::take(&mut self.part);
        let number = self.parts;
        self.parts += 1;
        let key = part.samples.first().is_some_and(|sample| sample.key);
        let mut closed = Closed {
            number,
            us: self.us(part.begins, part.begins + part.lasts),
            key,
            at: self.written,
            bytes: Vec::new(),
        };
        if number == 0 {
            (self.segment.begins, self.is_key) = (part.begins, key);
        }
        self.segment.lasts += part.lasts;
        if alone {
            self.fragments += 1;
            closed.bytes = media_segment(self.fragments, part.begins, &part.samples, &part.data);
            self.written += closed.bytes.len() as u64;
        } else {
            self.segment.samples.extend(part.samples);
            self.segment.data.extend(part.data);
        }
        Some(closed)
    }

    /// None: it has no sample. The part is closed already.
    pub(super) fn close_segment(&mut self) -> Option<Closed> {
        if self.segment.lasts == 0 {
            return None;
        }
        let whole = std::mem::take(&mut self.segment);
        let written = std::mem::take(&mut self.written);
        let closed = Closed {
            number: self.number,
            us: self.us(whole.begins, whole.begins + whole.lasts),
            key: self.is_key,
            at: written,
            bytes: if written == 0 {
                media_segment(self.number, whole.begins, &whole.samples, &whole.data)
            } else {
                Vec::new()
            },
        };
        self.number += 1;
        self.parts = 0;
        Some(closed)
    }

    /// The difference of two rounded boundaries, so that sums never drift.
    fn us(&self, from: u64, to: u64) -> u64 {
        let us = |ticks: u64| ticks * 1_000_000 / u64::from(self.scale);
        us(to) - us(from)
    }
}
