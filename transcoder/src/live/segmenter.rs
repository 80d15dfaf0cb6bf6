//! Frames in, parts and segments out: the passthrough packager, without a file or a clock.
//!
//! Decoding times are made to follow one another without a gap, part by part, so that a part can
//! be closed with its last frame instead of with the one after it; when a frame is shown stays as
//! the publisher said. Every broadcast has a picture track and a sound track, cut at the picture's
//! keyframes; where no sound comes, silence is written ([`sound`]), so a late or missing sound stalls
//! nobody.

mod beginning;
mod due;
mod pace;
mod sound;
mod track;

use std::collections::VecDeque;

use satreel_film::fmp4::Media;
use satreel_hls::live::{Event, Mode, Place, Window};
use satreel_hls::naming::{MediaFile, TrackName};

use super::aac::SoundFormat;
use super::gate::{Frame, Passed, PictureFormat};
use pace::Pace;
use track::Track;

/// Ticks of the picture's clock in a millisecond.
const PER_MS: u64 = 90;
pub(super) const PICTURE_SCALE: u32 = 90_000;
/// A segment ends with the first keyframe after this.
const SHORTEST_SEGMENT: u64 = 1_500 * PER_MS;
/// The first one may be so short: players begin with a whole segment, and wait for it.
const SHORTEST_FIRST: u64 = 500 * PER_MS;
/// `EXT-X-TARGETDURATION` of every broadcast: keyframes may lie so far apart.
pub(crate) const TARGET_S: u64 = 4;
/// Where no keyframe comes a segment ends without one, before it is too long.
const LONGEST_SEGMENT: u64 = 4_450 * PER_MS;
/// Frames of sound that wait for their picture.
const MOST_WAITING: usize = 512;
const PARTS_STANDARD_MS: u64 = 1_000;

/// What is to be done with the folder, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    File(MediaFile, Vec<u8>),
    /// A piece of a segment's file, behind what there is of it.
    Grow(MediaFile, Vec<u8>),
    /// That file is whole, with so many bytes.
    Whole(MediaFile, u64),
    /// The same file under another name.
    Link {
        file: MediaFile,
        of: MediaFile,
    },
    /// To be written into the journal, after the files before it.
    Event(Event),
    /// For those who make smaller pictures of it; never written.
    Picture(Aired),
}

/// A frame that went on air.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Aired {
    pub(crate) segment: u32,
    /// Of the first in its segment: what it is in.
    pub(crate) format: Option<PictureFormat>,
    pub(crate) key: bool,
    /// On the picture's clock.
    pub(crate) decoded: u64,
    pub(crate) shown: u64,
    /// As far as is known.
    pub(crate) lasts: u64,
    pub(crate) data: Vec<u8>,
}

/// How a channel wants its broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) mode: Mode,
    pub(crate) part_ms: u64,
    pub(crate) window_ms: u64,
    /// Short sides of smaller pictures, largest first.
    pub(crate) rungs: Vec<u32>,
}

impl Wishes {
    fn part_ms(&self) -> u64 {
        match self.mode {
            Mode::Fast => self.part_ms.clamp(200, 333),
            Mode::Standard | Mode::Plain => PARTS_STANDARD_MS,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Segmenter {
    wishes: Wishes,
    window: Window,
    /// The beginning, until it says what it is; after that empty.
    early: Vec<Passed>,
    picture_format: Option<PictureFormat>,
    sound_format: Option<SoundFormat>,
    /// What the sound track is in now, which silence may have decided.
    sounds_as: SoundFormat,
    inits: [Option<(u32, Media)>; 2],
    picture: Track,
    sound: Track,
    pace: Pace,
    /// Which of the publisher's milliseconds is which tick of the broadcast.
    anchor: Option<Anchor>,
    is_cut: bool,
    /// Whether the sound track has a frame since the anchor.
    is_heard: bool,
    waiting: VecDeque<Frame>,
    /// Where the sound's segments are to end, in the picture's ticks, and when they began.
    ends: VecDeque<(u64, u64)>,
    /// When the picture's segment began, in milliseconds since 1970.
    began_ms: u64,
    /// How long the last one was that ended with a keyframe; 0: none has.
    usual: u64,
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    publisher_ms: i64,
    tick: u64,
    wall_ms: u64,
}

impl Anchor {
    fn tick(&self, publisher_ms: i64) -> Option<u64> {
        let since = u64::try_from(publisher_ms - self.publisher_ms).ok()?;
        Some(self.tick + since * PER_MS)
    }
}

fn name(text: &str) -> TrackName {
    #[allow(clippy::expect_used, reason = "a constant that a test reads, too")]
    text.parse().expect("a track's name")
}

impl Segmenter {
    pub(crate) fn new(wishes: Wishes) -> Self {
        Self {
            wishes,
            window: Window::default(),
            early: Vec::new(),
            picture_format: None,
            sound_format: None,
            sounds_as: SoundFormat::silent(),
            inits: [None, None],
            picture: Track::new(name("v"), PICTURE_SCALE),
            sound: Track::new(name("a"), SoundFormat::silent().rate),
            pace: Pace::default(),
            anchor: None,
            is_cut: false,
            is_heard: false,
            waiting: VecDeque::new(),
            ends: VecDeque::new(),
            began_ms: 0,
            usual: 0,
        }
    }

    /// Goes on with a broadcast that an earlier process began: whatever follows is a cut, later
    /// than all that was, with init segments of their own.
    pub(crate) fn resume(wishes: Wishes, window: Window, next: u32, tick: u64, init: u32) -> Self {
        let mut segmenter = Self::new(wishes);
        segmenter.picture.resume(next, tick);
        segmenter.sound.resume(next, tick);
        let unlike = Media::Aac {
            rate: 0,
            channels: 0,
            config: Vec::new(),
        };
        segmenter.inits = [Some((init, unlike.clone())), Some((init, unlike))];
        segmenter.window = window;
        segmenter
    }

    pub(crate) fn window(&self) -> &Window {
        &self.window
    }

    /// From the next segment on the window is as short as players allow. True: it was not before.
    pub(crate) fn shorten(&mut self) -> bool {
        std::mem::take(&mut self.wishes.window_ms) > 0
    }

    /// The publisher is gone or another one comes: what follows does not follow from what was.
    pub(crate) fn leave(&mut self, out: &mut Vec<Output>) {
        if self.window.header().is_none() {
            self.early.clear();
        }
        self.close_all(out);
        self.picture_format = None;
        self.sound_format = None;
    }

    /// Nothing will follow.
    pub(crate) fn end(&mut self, out: &mut Vec<Output>) {
        self.leave(out);
        if self.window.header().is_some() {
            self.event(Event::End {}, out);
        }
    }

    pub(crate) fn push(&mut self, passed: Passed, wall_ms: u64, out: &mut Vec<Output>) {
        if self.anchor.is_some() {
            return self.take(passed, wall_ms, out);
        }
        self.early.push(passed);
        if let Some(pace) = self.look() {
            self.begin(pace, out);
            for passed in std::mem::take(&mut self.early) {
                self.take(passed, wall_ms, out);
            }
        }
    }

    fn take(&mut self, passed: Passed, wall_ms: u64, out: &mut Vec<Output>) {
        match passed {
            Passed::PictureFormat(format) => self.picture_format = Some(format),
            Passed::SoundFormat(format) => {
                if self.anchor.is_some() && format != self.sounds_as {
                    // The tracks change together, with the next keyframe.
                    self.is_cut = true;
                }
                self.sound_format = Some(format);
            }
            Passed::Cut => self.is_cut = true,
            Passed::Picture(frame) => self.show(&frame, wall_ms, out),
            Passed::Sound(frame) => {
                // Until the cut, the track is in another format.
                if self.sound_format.as_ref() == Some(&self.sounds_as)
                    && self.waiting.len() < MOST_WAITING
                {
                    self.waiting.push_back(frame);
                }
                self.hear(out);
            }
        }
    }

    fn show(&mut self, frame: &Frame, wall_ms: u64, out: &mut Vec<Output>) {
        if self.anchor.is_none() || (self.is_cut && frame.key) {
            self.close_all(out);
            self.anchor_at(frame, wall_ms, out);
        }
        let Some(decoded) = self.anchor.and_then(|anchor| anchor.tick(frame.decoded_ms)) else {
            return;
        };
        let part = self.part_ticks();
        self.picture.stretch(decoded, part);
        let lasts = self.picture.segment_lasts();
        let shortest = match self.picture.number {
            0 => SHORTEST_FIRST,
            _ => SHORTEST_SEGMENT,
        };
        let is_over = (frame.key && lasts >= shortest)
            || lasts + self.pace.frame.max(part.min(PARTS_STANDARD_MS * PER_MS)) > LONGEST_SEGMENT;
        if is_over {
            self.usual = if frame.key { lasts } else { 0 };
            self.close_picture(out);
        } else if self.picture.is_full(part, self.pace.frame) {
            self.close_part(true, out);
        }
        self.pace.see(decoded);
        let shown = decoded + u64::from(frame.later_ms.unsigned_abs()) * PER_MS;
        self.tell(frame, shown, out);
        self.picture
            .append(&frame.data, self.pace.frame, Some(shown), frame.key, part);
        if self.picture.is_full(part, self.pace.frame) {
            self.close_part(true, out);
        }
        self.hear(out);
    }

    /// To those who make smaller pictures.
    fn tell(&self, frame: &Frame, shown: u64, out: &mut Vec<Output>) {
        let has_rungs = self
            .window
            .header()
            .is_some_and(|header| header.tracks.len() > 2);
        if !has_rungs {
            return;
        }
        let begins = self.picture.is_untouched();
        out.push(Output::Picture(Aired {
            segment: self.picture.number,
            format: self.picture_format.clone().filter(|_| begins),
            key: frame.key,
            decoded: self.picture.end,
            shown,
            lasts: self.pace.frame,
            data: frame.data.clone(),
        }));
    }

    fn close_picture(&mut self, out: &mut Vec<Output>) {
        self.close_part(true, out);
        self.ends.push_back((self.picture.end, self.began_ms));
        self.close_segment(true, self.began_ms, out);
        if let Some(anchor) = self.anchor {
            self.began_ms = anchor.wall_ms + (self.picture.end - anchor.tick) / PER_MS;
        }
        self.hear(out);
    }

    /// Both tracks end here.
    fn close_all(&mut self, out: &mut Vec<Output>) {
        if self.anchor.is_some() && !self.picture.is_untouched() {
            self.close_picture(out);
        }
        if let Some((end, _)) = self.ends.back().copied() {
            self.fill(end, out);
            if self.sound.is_untouched() {
                self.sound_frame(None, out);
            }
            self.close_sounds(out);
        }
        self.waiting.clear();
        self.anchor = None;
    }

    fn close_part(&mut self, picture: bool, out: &mut Vec<Output>) {
        let has_parts = self.wishes.mode != Mode::Plain;
        let track = if picture {
            &mut self.picture
        } else {
            &mut self.sound
        };
        let Some(part) = track.close_part(has_parts) else {
            return;
        };
        if has_parts {
            let place = Place {
                at: part.at,
                bytes: part.bytes.len() as u64,
            };
            let file = MediaFile::Segment(track.name, track.number);
            out.push(Output::Grow(file, part.bytes));
            let event = Event::Part {
                track: track.name,
                segment: track.number,
                part: part.number,
                us: part.us,
                key: part.key,
                place: Some(place),
            };
            self.event(event, out);
        }
    }

    fn close_segment(&mut self, picture: bool, at_ms: u64, out: &mut Vec<Output>) {
        let track = if picture {
            &mut self.picture
        } else {
            &mut self.sound
        };
        let (name, number) = (track.name, track.number);
        let Some(whole) = track.close_segment() else {
            return;
        };
        let file = MediaFile::Segment(name, number);
        out.push(if whole.at > 0 {
            Output::Whole(file, whole.at)
        } else {
            Output::File(file, whole.bytes)
        });
        let event = Event::Segment {
            track: name,
            segment: number,
            us: whole.us,
            at_ms,
            key: whole.key,
        };
        self.event(event, out);
        if !picture {
            self.drop_old(out);
        }
    }

    /// Keeps the window as long as the channel wants it, and never shorter than players need.
    fn drop_old(&mut self, out: &mut Vec<Output>) {
        const FEWEST: usize = 6;
        let Some(track) = self.window.track(self.sound.name) else {
            return;
        };
        // A rung may be some seconds behind.
        let names = self
            .window
            .header()
            .into_iter()
            .flat_map(|header| &header.tracks);
        let others = names.filter_map(|name| self.window.track(*name));
        let fewest = others.map(|track| track.segments.len()).min().unwrap_or(0);
        let mut lasts_us: u64 = track.segments.iter().map(|listed| listed.us).sum();
        let mut gone = 0_usize;
        while let Some(oldest) = track.segments.get(gone) {
            lasts_us -= oldest.us;
            if lasts_us < self.wishes.window_ms * 1000 || fewest <= gone + FEWEST {
                break;
            }
            gone += 1;
        }
        if gone > 0 {
            let before = self.window.first() + u32::try_from(gone).unwrap_or(0);
            self.event(Event::Drop { before }, out);
        }
    }

    /// An event of a track that is made elsewhere.
    pub(crate) fn admit(&mut self, event: Event, out: &mut Vec<Output>) {
        self.event(event, out);
    }

    fn event(&mut self, event: Event, out: &mut Vec<Output>) {
        match self.window.apply(&event) {
            Ok(()) => out.push(Output::Event(event)),
            Err(misfit) => {
                debug_assert!(false, "{event:?}: {misfit}");
                tracing::error!(?event, %misfit, "a broadcast's event does not fit and is left out");
            }
        }
    }

    /// The longest part, in the picture's ticks.
    fn part_ticks(&self) -> u64 {
        match (self.wishes.mode, self.window.header()) {
            (Mode::Plain, _) | (_, None) => u64::MAX / 1_000_000_000,
            (_, Some(header)) => header.part_us * PER_MS / 1000,
        }
    }
}

#[cfg(test)]
mod tests;
