//! Cuts one track's packets into segments at the plan's boundaries and writes them.

use satreel_hls::naming::{MediaFile, TrackName};
use satreel_hls::playlist::{Bitrate, MediaPlaylist, SegmentSize, bitrate};

use super::store::Store;
use crate::fault::Fault;
use crate::fmp4::{Media, Sample, init_segment, media_segment};
use crate::plan::clock::Clock;

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

/// A track whose files are all written.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) name: TrackName,
    pub(super) playlist: MediaPlaylist,
    pub(super) codec: String,
    pub(super) bitrate: Bitrate,
}

impl Track {
    pub(super) fn begin(
        name: &str,
        media: Media,
        clock: Clock,
        starts: Vec<i64>,
        store: Store,
    ) -> Result<Self, Fault> {
        let name: TrackName = name.parse().map_err(Fault::damaged)?;
        Ok(Self {
            name,
            clock,
            store,
            media,
            starts,
            delay: None,
            open: Segment::default(),
            last_decode: 0,
            written: Vec::new(),
        })
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
        self.store
            .write(MediaFile::Segment(self.name, number), &bytes)?;
        self.written.push(Written {
            begins: segment.begins,
            bytes: bytes.len() as u64,
        });
        Ok(())
    }

    /// Writes the last segment. `end` is when the track's last frame has been shown.
    pub(super) fn finish(mut self, end: i64) -> Result<Finished, Fault> {
        self.close()?;
        if self.written.len() != self.starts.len() {
            return Err(Fault::damaged(format!(
                "track {} has {} of {} segments",
                self.name,
                self.written.len(),
                self.starts.len()
            )));
        }
        let begins = self
            .written
            .iter()
            .skip(1)
            .map(|segment| self.clock.us(segment.begins));
        let boundaries: Vec<u64> = std::iter::once(0)
            .chain(begins)
            .chain([self.clock.us(end)])
            .collect();
        let playlist = MediaPlaylist::vod(self.name, &boundaries);
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
        Ok(Finished {
            name: self.name,
            playlist,
            codec: self.media.codec(),
            bitrate: bitrate(&sizes),
        })
    }
}

fn ticks(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}
