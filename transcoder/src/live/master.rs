//! The multivariant playlist of a broadcast, and of the recording that it leaves: what its tracks
//! are, read from their init segments, and how many bits they take, measured.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::Path;

use satreel_hls::live::{Event, Window};
use satreel_hls::naming::{MediaFile, TrackName};
use satreel_hls::playlist::{
    AudioRendition, Bitrate, FrameRate, Multivariant, SegmentSize, Variant, bitrate,
};

use super::segmenter::Output;
use satreel_film::fmp4::read;

/// Until the first segment tells: players only choose among variants by it, and there is one.
const FIRST_GUESS: u64 = 6_000_000;
/// Segments among which the peak is looked for; it is kept when they go.
const RECENT: usize = 16;
/// What is stated is measured anew when it is off by more than a twentieth.
const TOLERANCE: u64 = 20;

/// What a track's playlist entry says of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described {
    pub(super) init: MediaFile,
    pub(super) track: TrackName,
    pub(super) bitrate: Bitrate,
}

/// The playlist of a picture and a sound whose init segments lie in the folder.
pub(super) fn master(
    folder: &Path,
    picture: Described,
    sound: Described,
    frame_rate: Option<FrameRate>,
) -> io::Result<String> {
    let init = |described: Described| -> io::Result<read::Init> {
        let bytes = fs::read(folder.join(described.init.to_string()))?;
        read::init(&bytes).ok_or_else(|| io::Error::other("a damaged init segment"))
    };
    let (video, audio) = (init(picture)?, init(sound)?);
    Ok(Multivariant {
        variants: vec![Variant {
            track: picture.track,
            resolution: video.size,
            frame_rate,
            codec: video.codec,
            bitrate: picture.bitrate,
        }],
        audio: vec![AudioRendition {
            track: sound.track,
            name: "Sound".to_owned(),
            language: None,
            channels: audio.channels.unwrap_or(2),
            codec: audio.codec,
            bitrate: sound.bitrate,
            default: true,
        }],
        captions: Vec::new(),
    }
    .to_string())
}

/// Frames in a second, of a picture's segments or parts.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Frames {
    count: u64,
    ticks: u64,
}

impl Frames {
    pub(super) fn of(bytes: &[u8]) -> Self {
        read::fragment(bytes).map_or_else(Self::default, |found| Self {
            count: u64::from(found.samples),
            ticks: found.duration,
        })
    }

    pub(super) fn rate(self, timescale: u32) -> Option<FrameRate> {
        let milli = self.count * u64::from(timescale) * 1000;
        Some(FrameRate {
            numerator: u32::try_from(milli.checked_div(self.ticks)?).ok()?,
            denominator: 1000,
        })
    }
}

/// One track's bits.
#[derive(Debug, Default)]
struct Rate {
    recent: VecDeque<SegmentSize>,
    peak: u64,
    bytes: u64,
    us: u64,
}

impl Rate {
    fn add(&mut self, segment: SegmentSize) {
        self.recent.push_back(segment);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        self.bytes += segment.bytes;
        self.us += segment.duration_us;
        self.peak = self.peak.max(bitrate(self.recent.make_contiguous()).peak);
    }

    fn measured(&self) -> Option<Bitrate> {
        let whole = SegmentSize {
            bytes: self.bytes,
            duration_us: self.us,
        };
        let average = bitrate(&[whole]).average;
        (self.us > 0).then_some(Bitrate {
            peak: self.peak.max(average),
            average,
        })
    }
}

/// Measures a broadcast as it is written, and knows when its playlist has to be told anew.
#[derive(Debug, Default)]
pub(super) struct Meter {
    picture: Rate,
    sound: Rate,
    frames: Frames,
    stated: Option<(Bitrate, Bitrate)>,
    is_stale: bool,
    last_bytes: u64,
}

impl Meter {
    /// Of what an earlier process left.
    pub(super) fn of(folder: &Path, window: &Window) -> Self {
        let mut meter = Self::default();
        for (at, track) in tracks(window).enumerate() {
            for (number, listed) in (window.first()..).zip(&track.segments) {
                let file = folder.join(MediaFile::Segment(track.name, number).to_string());
                let Ok(about) = fs::metadata(file) else {
                    continue;
                };
                meter.rate(at).add(SegmentSize {
                    bytes: about.len(),
                    duration_us: listed.us,
                });
            }
        }
        meter.is_stale = true;
        meter
    }

    fn rate(&mut self, at: usize) -> &mut Rate {
        if at == 0 {
            &mut self.picture
        } else {
            &mut self.sound
        }
    }

    pub(super) fn see(&mut self, output: &Output, window: &Window) {
        let place = |name: TrackName| tracks(window).position(|track| track.name == name);
        match output {
            Output::File(MediaFile::Segment(track, _) | MediaFile::Part(track, ..), bytes) => {
                self.last_bytes = bytes.len() as u64;
                if place(*track) == Some(0) && self.frames.count < 30 {
                    self.frames = Frames::of(bytes);
                }
            }
            Output::Event(Event::Segment { track, us, .. }) => {
                let segment = SegmentSize {
                    bytes: self.last_bytes,
                    duration_us: *us,
                };
                if let Some(at) = place(*track) {
                    self.rate(at).add(segment);
                }
            }
            Output::Event(Event::Init { .. }) => {
                self.frames = Frames::default();
                self.is_stale = true;
            }
            Output::File(..) | Output::Event(_) => {}
        }
    }

    /// The playlist, if the one that was told last is wrong by now. None, too, before there is
    /// something of every track to play.
    pub(super) fn due(&mut self, folder: &Path, window: &Window) -> io::Result<Option<String>> {
        let guess = Bitrate {
            peak: FIRST_GUESS,
            average: FIRST_GUESS,
        };
        let picture = self.picture.measured().unwrap_or(guess);
        let sound = self.sound.measured().unwrap_or_default();
        let is_right = self
            .stated
            .is_some_and(|stated| near(stated.0, picture) && near(stated.1, sound));
        if (is_right && !self.is_stale) || !plays(window) {
            return Ok(None);
        }
        let described = |at: usize, bitrate| {
            let track = tracks(window).nth(at)?;
            let newest = window.next(track);
            Some(Described {
                init: track.init_of(newest)?,
                track: track.name,
                bitrate,
            })
        };
        let (Some(v), Some(a)) = (described(0, picture), described(1, sound)) else {
            return Ok(None);
        };
        self.stated = Some((picture, sound));
        self.is_stale = false;
        master(
            folder,
            v,
            a,
            self.frames.rate(super::segmenter::PICTURE_SCALE),
        )
        .map(Some)
    }
}

fn near(stated: Bitrate, measured: Bitrate) -> bool {
    let near = |stated: u64, measured: u64| stated.abs_diff(measured) <= measured / TOLERANCE;
    near(stated.peak, measured.peak) && near(stated.average, measured.average)
}

fn tracks(window: &Window) -> impl Iterator<Item = &satreel_hls::live::window::Track> {
    let names = window
        .header()
        .into_iter()
        .flat_map(|header| &header.tracks);
    names.filter_map(|name| window.track(*name))
}

fn plays(window: &Window) -> bool {
    let mut all = tracks(window).peekable();
    all.peek().is_some() && all.all(|track| !track.open.is_empty() || !track.segments.is_empty())
}
