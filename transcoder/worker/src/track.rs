//! Cuts one track's packets into segments at the plan's boundaries and writes them.
//!
//! After each segment the track's playlist lists it, so that it can be played while the next one is
//! made, and so that a try that broke off is gone on with: what a playlist lists is on disk.

use satreel_film::fault::Fault;
use satreel_film::fmp4::{Media, Sample, edit_of, init_segment, media_segment};
use satreel_film::plan::Plan;
use satreel_film::plan::clock::Clock;
use satreel_hls::naming::{MediaFile, TrackName};
use satreel_hls::playlist::{MediaPlaylist, SegmentSize, bitrate, parse_media};

use super::board::{Board, Ready};
use super::store::Store;

/// By which plan, into which folder, under whose eyes tracks are cut.
pub(super) struct Cut {
    pub(super) plan: Plan,
    pub(super) store: Store,
    pub(super) board: Board,
}

/// A track that is being written.
#[derive(Debug)]
pub(super) struct Track {
    name: TrackName,
    clock: Clock,
    store: Store,
    media: Media,
    /// Where segments are to begin.
    starts: Vec<i64>,
    /// From the first frame's decoding to its showing. None before the first frame.
    delay: Option<i64>,
    open: Segment,
    last_decode: i64,
    written: Vec<Written>,
    /// So many segments are left of an earlier try.
    kept: usize,
    board: Board,
    target_s: u64,
}

/// Where frames begin when segments are left of an earlier try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// At the film's start: what is there is counted, not written again.
    Start,
    /// After what is there.
    Kept,
}

/// The segment that grows.
#[derive(Debug, Default)]
struct Segment {
    begins: i64,
    decode_time: i64,
    samples: Vec<Sample>,
    data: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Written {
    begins: i64,
    bytes: u64,
}

/// One frame in decoding order; times in the track's ticks from the film's zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) data: &'a [u8],
    pub(super) shown: i64,
    /// Ascending; below 0 when the first frames wait for others.
    pub(super) decoded: i64,
    pub(super) duration: i64,
    pub(super) key: bool,
}

impl Track {
    pub(super) fn begin(
        name: &str,
        media: Media,
        clock: Clock,
        cut: &Cut,
        from: From,
    ) -> Result<Self, Fault> {
        let name: TrackName = name.parse().map_err(Fault::damaged)?;
        let starts = cut.plan.starts(clock);
        let kept = Kept::find(name, clock, &starts, &cut.store);
        let (delay, written) = match from {
            From::Kept if !kept.segments.is_empty() => (Some(kept.delay), kept.segments.clone()),
            From::Kept | From::Start => (None, Vec::new()),
        };
        Ok(Self {
            name,
            clock,
            store: cut.store.clone(),
            media,
            starts,
            delay,
            open: Segment::default(),
            last_decode: 0,
            written,
            kept: kept.segments.len(),
            board: cut.board.clone(),
            target_s: cut.plan.target_s(),
        })
    }

    /// When the first frame is shown that is still wanted. None: every segment is there.
    pub(super) fn wants_from(&self) -> Option<i64> {
        self.starts.get(self.written.len()).copied()
    }

    /// How many segments are written or were there.
    pub(super) fn segments(&self) -> usize {
        self.written.len().max(self.kept)
    }

    /// The first frame's delay. The init segment tells it as an edit, so that decoding times begin
    /// at 0 and the picture does too.
    fn delay(&mut self, first: &Frame<'_>) -> Result<i64, Fault> {
        if let Some(delay) = self.delay {
            return Ok(delay);
        }
        let delay = (first.shown - first.decoded).max(0);
        let init = init_segment(&self.media, self.clock.timescale, ticks(delay));
        self.store.write(MediaFile::Init(self.name), &init)?;
        Ok(*self.delay.insert(delay))
    }

    /// Takes the next frame; a segment that it does not belong to any more is written.
    pub(super) fn push(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        let decoded = (frame.decoded + self.delay(&frame)?).max(0);
        if let Some(last) = self.open.samples.last_mut() {
            last.duration = ticks(decoded - self.last_decode);
            let due = self.starts.get(self.written.len() + 1);
            if frame.key && due.is_some_and(|due| frame.shown >= *due) {
                self.close()?;
                self.show_so_far(frame.shown)?;
            }
        }
        if self.open.samples.is_empty() {
            self.open.decode_time = decoded;
            self.open.begins = frame.shown;
        }
        self.open.samples.push(Sample {
            size: ticks(i64::try_from(frame.data.len()).unwrap_or(i64::MAX)),
            duration: ticks(frame.duration),
            composition: i32::try_from(frame.shown - frame.decoded).unwrap_or(0),
            key: frame.key,
        });
        self.open.data.extend_from_slice(frame.data);
        self.last_decode = decoded;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let segment = std::mem::take(&mut self.open);
        if segment.samples.is_empty() {
            return Ok(());
        }
        let number = u32::try_from(self.written.len()).map_err(Fault::damaged)?;
        let decode_time = u64::try_from(segment.decode_time).unwrap_or(0);
        let bytes = media_segment(number, decode_time, &segment.samples, &segment.data);
        if self.written.len() >= self.kept {
            self.store
                .write(MediaFile::Segment(self.name, number), &bytes)?;
        }
        self.written.push(Written {
            begins: segment.begins,
            bytes: bytes.len() as u64,
        });
        Ok(())
    }

    /// Lists what is there. The playlist of an earlier try is never made shorter.
    fn show_so_far(&self, until: i64) -> Result<(), Fault> {
        if self.written.len() < self.kept {
            return self.board.note(self.ready(until));
        }
        let playlist = self.playlist(until).growing(self.target_s).to_string();
        let file = MediaFile::Playlist(self.name);
        self.store.write_soon(file, playlist.as_bytes())?;
        self.board.note(self.ready(until))
    }

    /// Ends for now, at the next boundary: all frames before it have come.
    pub(super) fn pause(mut self) -> Result<(), Fault> {
        self.close()?;
        match self.wants_from() {
            Some(until) if !self.written.is_empty() => self.show_so_far(until),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes the last segment. `end` is when the track's last frame has been shown.
    pub(super) fn finish(mut self, end: i64) -> Result<Ready, Fault> {
        self.close()?;
        if self.written.len() != self.starts.len() {
            return Err(Fault::damaged(format!(
                "track {} has {} of {} segments",
                self.name,
                self.written.len(),
                self.starts.len()
            )));
        }
        let playlist = MediaPlaylist {
            target_s: self.target_s,
            ..self.playlist(end)
        };
        let text = playlist.to_string();
        self.store
            .write(MediaFile::Playlist(self.name), text.as_bytes())?;
        let ready = self.ready(end);
        self.board.note(ready.clone())?;
        Ok(ready)
    }

    fn playlist(&self, until: i64) -> MediaPlaylist {
        let begins = self.written.iter().skip(1);
        let begins = begins.map(|segment| self.clock.us(segment.begins));
        let boundaries: Vec<u64> = std::iter::once(0)
            .chain(begins)
            .chain([self.clock.us(until)])
            .collect();
        MediaPlaylist::vod(self.name, &boundaries)
    }

    fn ready(&self, until: i64) -> Ready {
        let playlist = self.playlist(until);
        let lasting = playlist.segments.iter().map(|segment| segment.duration_us);
        let sizes: Vec<SegmentSize> = self
            .written
            .iter()
            .zip(lasting)
            .map(|(segment, duration_us)| SegmentSize {
                bytes: segment.bytes,
                duration_us,
            })
            .collect();
        Ready {
            name: self.name,
            codec: self.media.codec(),
            bitrate: bitrate(&sizes),
        }
    }
}

/// What an earlier try left of a track.
#[derive(Debug, Default)]
struct Kept {
    segments: Vec<Written>,
    /// As its init segment says.
    delay: i64,
}

impl Kept {
    /// As far as playlist and files agree with the plan.
    fn find(name: TrackName, clock: Clock, starts: &[i64], store: &Store) -> Self {
        let text = store.read(MediaFile::Playlist(name));
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        let playlist = text.and_then(|text| parse_media(&text).ok());
        let init = store.read(MediaFile::Init(name));
        let (Some(playlist), Some(init)) = (playlist, init) else {
            return Self::default();
        };
        let mut begins_us = 0;
        let mut segments = Vec::new();
        for (number, segment) in (0..).zip(&playlist.segments).take(starts.len()) {
            let Some(bytes) = store.bytes(MediaFile::Segment(name, number)) else {
                break;
            };
            segments.push(Written {
                begins: clock.of_us(begins_us),
                bytes,
            });
            begins_us += segment.duration_us;
        }
        Self {
            segments,
            delay: edit_of(&init).map_or(0, i64::from),
        }
    }
}

fn ticks(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}
