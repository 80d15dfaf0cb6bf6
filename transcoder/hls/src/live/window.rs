//! What a broadcast's journal adds up to: the segments and parts that are listed now.
//!
//! Refuses an event that would make a playlist wrong; what it holds can always be rendered.

use std::collections::VecDeque;

use super::journal::{Event, Header, Place};
use crate::naming::{MediaFile, TrackName};
use crate::playlist::{MAX_SEGMENT_US, MAX_SEGMENTS, target_s};

/// Most tracks of one broadcast.
pub const MAX_TRACKS: usize = 16;
/// Most parts of one segment.
pub const MAX_PARTS: usize = 512;
/// Most bytes of one part: four seconds at 256 Mbit/s.
pub const MAX_PART_BYTES: u64 = 128 << 20;
/// So many whole segments of a track have their parts: more than playlists list, three target
/// durations, unless segments are very short.
pub const PARTS_FOR: u32 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub us: u64,
    pub key: bool,
    /// None: it is a file of its own.
    pub place: Option<Place>,
}

/// A whole segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub us: u64,
    pub at_ms: u64,
    pub key: bool,
    pub parts: Vec<Part>,
}

/// One track's segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    pub name: TrackName,
    /// The first one's number is the window's.
    pub segments: VecDeque<Listed>,
    /// Of the segment that is not whole yet.
    pub open: Vec<Part>,
    /// From which segment on which init segment counts, in order.
    pub(super) inits: Vec<(u32, u32)>,
}

/// A broadcast as it can be watched now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    pub(super) header: Option<Header>,
    pub(super) tracks: Vec<Track>,
    pub(super) first: u32,
    /// Segments that begin with a discontinuity, in order: those still listed.
    pub(super) cuts: VecDeque<u32>,
    /// Discontinuities that are no longer listed (`EXT-X-DISCONTINUITY-SEQUENCE`).
    pub(super) cuts_gone: u64,
    pub(super) ended: bool,
}

/// An event that does not fit what was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("a journal begins with its header, once")]
    Header,
    #[error("the broadcast has no such track")]
    Track,
    #[error("segments and parts are numbered one after another")]
    Number,
    #[error("a duration is zero or longer than the header allows")]
    Duration,
    #[error("parts must be {0} µs long at least, except a segment's last")]
    Short(u64),
    #[error("a part lies behind the one before it")]
    Place,
    #[error("a track's first segment needs an init segment")]
    Init,
    #[error("the broadcast lists too much")]
    TooMany,
    #[error("the broadcast has ended")]
    Ended,
}

impl Window {
    /// Replays what is whole of a journal. Returns the window, and how many bytes were read.
    pub fn replay(journal: &str) -> (Self, usize) {
        let mut window = Self::default();
        let read = window.follow(journal);
        (window, read)
    }

    /// Everything that a journal ever listed, as if nothing had been dropped: a recording's.
    pub fn whole(journal: &str) -> Self {
        let mut window = Self::default();
        let events = journal.lines().filter_map(|line| Event::parse(line).ok());
        for event in events.filter(|event| !matches!(event, Event::Drop { .. })) {
            let _ = window.apply(&event);
        }
        window
    }

    /// Goes on with what was appended; lines of no meaning and misfits are passed over, so that a
    /// newer transcoder's journal can be followed. Returns how many bytes were whole lines.
    pub fn follow(&mut self, appended: &str) -> usize {
        let whole = appended.rfind('\n').map_or(0, |at| at + 1);
        for line in appended[..whole].lines() {
            if let Ok(event) = Event::parse(line) {
                let _ = self.apply(&event);
            }
        }
        whole
    }

    pub fn apply(&mut self, event: &Event) -> Result<(), Misfit> {
        if self.ended {
            return Err(Misfit::Ended);
        }
        match event {
            Event::Since(since) => {
                if self.header.is_some() || self.first > 0 {
                    return Err(Misfit::Header);
                }
                (self.first, self.cuts_gone) = (since.first, since.cuts_gone);
                Ok(())
            }
            Event::Begin(header) => self.begin(header),
            Event::Init {
                track,
                segment,
                init,
            } => self.init(*track, *segment, *init),
            Event::Cut { segment } => self.cut(*segment),
            Event::Part {
                track,
                segment,
                part,
                us,
                key,
                place,
            } => {
                let (us, key, place) = (*us, *key, *place);
                self.part(*track, *segment, *part, Part { us, key, place })
            }
            Event::Segment {
                track,
                segment,
                us,
                at_ms,
                key,
            } => {
                let listed = Listed {
                    us: *us,
                    at_ms: *at_ms,
                    key: *key,
                    parts: Vec::new(),
                };
                self.segment(*track, *segment, &listed)
            }
            Event::Drop { before } => self.drop_before(*before),
            Event::End {} => {
                self.header.as_ref().ok_or(Misfit::Header)?;
                self.ended = true;
                // A part without its segment would be listed for ever.
                self.tracks.iter_mut().for_each(|track| track.open.clear());
                Ok(())
            }
        }
    }

    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The number of the first segment listed.
    pub fn first(&self) -> u32 {
        self.first
    }

    pub fn track(&self, name: TrackName) -> Option<&Track> {
        self.tracks.iter().find(|track| track.name == name)
    }

    /// The number of the segment that the track has not whole yet.
    pub fn next(&self, track: &Track) -> u32 {
        let listed = u32::try_from(track.segments.len()).unwrap_or(u32::MAX);
        self.first.saturating_add(listed)
    }

    /// Whether this segment begins with a discontinuity.
    pub fn is_cut(&self, segment: u32) -> bool {
        self.cuts.contains(&segment)
    }

    /// Where a part lies in its segment's file. None: it is a file of its own, or is not known.
    pub fn place(&self, name: TrackName, segment: u32, part: u32) -> Option<Place> {
        let track = self.track(name)?;
        let parts = match segment.checked_sub(self.first)? {
            at if segment < self.next(track) => &track.segments.get(at as usize)?.parts,
            _ if segment == self.next(track) => &track.open,
            _ => return None,
        };
        parts.get(usize::try_from(part).ok()?)?.place
    }

    /// Whether playlists name this file now, or will name it next.
    pub fn names(&self, file: MediaFile) -> bool {
        match file {
            MediaFile::Part(name, segment, part) => self.track(name).is_some_and(|track| {
                let part = usize::try_from(part).unwrap_or(usize::MAX);
                match segment.checked_sub(self.first) {
                    Some(at) if segment < self.next(track) => track
                        .segments
                        .get(at as usize)
                        .is_some_and(|listed| part < listed.parts.len()),
                    Some(_) => segment == self.next(track) && part <= track.open.len(),
                    None => false,
                }
            }),
            MediaFile::Segment(name, segment) => self
                .track(name)
                .is_some_and(|track| (self.first..self.next(track)).contains(&segment)),
            MediaFile::Init(name) => self.has_init(name, 0),
            MediaFile::Reinit(name, number) => self.has_init(name, number),
            MediaFile::Playlist(name) => self.track(name).is_some(),
            MediaFile::Master => self.header.is_some(),
            _ => false,
        }
    }

    fn has_init(&self, name: TrackName, number: u32) -> bool {
        let has = |track: &Track| track.inits.iter().any(|(_, init)| *init == number);
        self.track(name).is_some_and(has)
    }

    fn begin(&mut self, header: &Header) -> Result<(), Misfit> {
        if self.header.is_some() || header.tracks.is_empty() {
            return Err(Misfit::Header);
        }
        if header.tracks.len() > MAX_TRACKS {
            return Err(Misfit::TooMany);
        }
        let longest = MAX_SEGMENT_US / 1_000_000;
        if header.part_us == 0
            || header.part_us > MAX_SEGMENT_US
            || header.target_s == 0
            || header.target_s > longest
        {
            return Err(Misfit::Duration);
        }
        self.tracks = header
            .tracks
            .iter()
            .map(|name| Track {
                name: *name,
                segments: VecDeque::new(),
                open: Vec::new(),
                inits: Vec::new(),
            })
            .collect();
        self.header = Some(header.clone());
        Ok(())
    }

    fn init(&mut self, name: TrackName, segment: u32, init: u32) -> Result<(), Misfit> {
        let at = self.index(name)?;
        let next = self.next(&self.tracks[at]);
        let inits = &mut self.tracks[at].inits;
        if segment < next {
            return Err(Misfit::Number);
        }
        if inits.len() >= MAX_PARTS {
            return Err(Misfit::TooMany);
        }
        inits.push((segment, init));
        Ok(())
    }

    fn cut(&mut self, segment: u32) -> Result<(), Misfit> {
        if self.cuts.back().is_some_and(|last| *last >= segment) || segment < self.first {
            return Err(Misfit::Number);
        }
        if self.cuts.len() >= MAX_SEGMENTS {
            return Err(Misfit::TooMany);
        }
        self.cuts.push_back(segment);
        Ok(())
    }

    fn part(
        &mut self,
        name: TrackName,
        segment: u32,
        number: u32,
        part: Part,
    ) -> Result<(), Misfit> {
        let at = self.index(name)?;
        let longest = self.header.as_ref().map_or(0, |header| header.part_us);
        let next = self.next(&self.tracks[at]);
        let track = &mut self.tracks[at];
        if segment != next || usize::try_from(number) != Ok(track.open.len()) {
            return Err(Misfit::Number);
        }
        if part.us == 0 || part.us > longest {
            return Err(Misfit::Duration);
        }
        let shortest = shortest(longest);
        if track.open.last().is_some_and(|last| last.us < shortest) {
            return Err(Misfit::Short(shortest));
        }
        if track.open.len() >= MAX_PARTS {
            return Err(Misfit::TooMany);
        }
        let before = track.open.last().and_then(|last| last.place);
        let free = before.map_or(0, |last| last.at + last.bytes);
        let fits = |place: Place| place.at == free && (1..=MAX_PART_BYTES).contains(&place.bytes);
        if !part.place.is_none_or(fits) {
            return Err(Misfit::Place);
        }
        if track.init_of(segment).is_none() {
            return Err(Misfit::Init);
        }
        track.open.push(part);
        Ok(())
    }

    fn segment(&mut self, name: TrackName, number: u32, listed: &Listed) -> Result<(), Misfit> {
        let at = self.index(name)?;
        let target = self.header.as_ref().map_or(0, |header| header.target_s);
        let next = self.next(&self.tracks[at]);
        let track = &mut self.tracks[at];
        if number != next {
            return Err(Misfit::Number);
        }
        if listed.us == 0 || listed.us > MAX_SEGMENT_US || target_s(listed.us) > target {
            return Err(Misfit::Duration);
        }
        if track.segments.len() >= MAX_SEGMENTS {
            return Err(Misfit::TooMany);
        }
        if track.init_of(number).is_none() {
            return Err(Misfit::Init);
        }
        let parts = std::mem::take(&mut track.open);
        track.segments.push_back(Listed { parts, ..*listed });
        let old = track.segments.iter_mut().rev().nth(PARTS_FOR as usize);
        if let Some(old) = old {
            old.parts = Vec::new();
        }
        Ok(())
    }

    fn drop_before(&mut self, before: u32) -> Result<(), Misfit> {
        let kept = self.tracks.iter().all(|track| before < self.next(track));
        if before < self.first || !kept {
            return Err(Misfit::Number);
        }
        let gone = (before - self.first) as usize;
        for track in &mut self.tracks {
            track.segments.drain(..gone);
            while track.inits.get(1).is_some_and(|(from, _)| *from <= before) {
                track.inits.remove(0);
            }
            if let Some((from, _)) = track.inits.first_mut() {
                *from = (*from).max(before);
            }
        }
        while self.cuts.front().is_some_and(|cut| *cut < before) {
            self.cuts.pop_front();
            self.cuts_gone += 1;
        }
        self.first = before;
        Ok(())
    }

    fn index(&self, name: TrackName) -> Result<usize, Misfit> {
        let found = self.tracks.iter().position(|track| track.name == name);
        found.ok_or(Misfit::Track)
    }
}

impl Track {
    /// The init segment that describes this segment.
    pub fn init_of(&self, segment: u32) -> Option<MediaFile> {
        let fits = |(from, _): &&(u32, u32)| *from <= segment;
        let (_, init) = self.inits.iter().rev().find(fits)?;
        Some(init_file(self.name, *init))
    }
}

/// A track's init segment of this number.
pub const fn init_file(track: TrackName, number: u32) -> MediaFile {
    match number {
        0 => MediaFile::Init(track),
        number => MediaFile::Reinit(track, number),
    }
}

/// The name of a segment's file until it is whole. Hidden, so it is never served as a whole.
pub fn growing(segment: MediaFile) -> String {
    format!(".{segment}.part")
}

/// A part that is followed by another in its segment is so long at least (RFC 8216bis §4.4.3.7).
pub const fn shortest(part_us: u64) -> u64 {
    part_us - part_us / 100 * 15
}

#[cfg(test)]
pub(super) mod tests;
