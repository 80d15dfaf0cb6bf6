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

use super::ladder::Listed;
use super::segmenter::Output;
use satreel_film::fmp4::read;
use satreel_film::plan::ladder::Size;

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

/// The playlist of pictures, largest first, and a sound whose init segments lie in the folder. A
/// rung's size may be another one than its init segment's, for as long as it is the top's.
pub(super) fn master(
    folder: &Path,
    pictures: &[(Described, Option<Size>)],
    sound: Described,
    frame_rate: Option<FrameRate>,
) -> io::Result<String> {
    let init = |described: Described| -> io::Result<read::Init> {
        let bytes = fs::read(folder.join(described.init.to_string()))?;
        read::init(&bytes).ok_or_else(|| io::Error::other("a damaged init segment"))
    };
    let audio = init(sound)?;
    let variant = |(picture, size): &(Described, Option<Size>)| -> io::Result<Variant> {
        let video = init(*picture)?;
        Ok(Variant {
            track: picture.track,
            resolution: size.map(|size| (size.width, size.height)).or(video.size),
            frame_rate,
            codec: video.codec,
            bitrate: picture.bitrate,
        })
    };
    Ok(Multivariant {
        variants: pictures.iter().map(variant).collect::<io::Result<_>>()?,
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

    fn add(&mut self, bytes: &[u8]) {
        let more = Self::of(bytes);
        self.count += more.count;
        self.ticks += more.ticks;
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
    /// In the order of the tracks.
    rates: Vec<Rate>,
    frames: Frames,
    stated: Vec<(TrackName, Bitrate)>,
    is_stale: bool,
    /// None: the file is the top's, and says nothing of the track.
    last_bytes: Option<u64>,
}

impl Meter {
    /// Of what an earlier process left.
    pub(super) fn of(folder: &Path, window: &Window) -> Self {
        let mut meter = Self::default();
        for (at, track) in tracks(window).take(2).enumerate() {
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
        if self.rates.len() <= at {
            self.rates.resize_with(at + 1, Rate::default);
        }
        &mut self.rates[at]
    }

    fn measured(&self, at: usize) -> Option<Bitrate> {
        self.rates.get(at).and_then(Rate::measured)
    }

    pub(super) fn see(&mut self, output: &Output, window: &Window) {
        let place = |name: TrackName| tracks(window).position(|track| track.name == name);
        match output {
            Output::File(MediaFile::Segment(track, _) | MediaFile::Part(track, ..), bytes)
            | Output::Grow(MediaFile::Segment(track, _), bytes) => {
                self.last_bytes = Some(bytes.len() as u64);
                if place(*track) == Some(0) && self.frames.count < 30 {
                    self.frames.add(bytes);
                }
            }
            Output::Whole(_, bytes) => self.last_bytes = Some(*bytes),
            Output::Link { .. } => self.last_bytes = None,
            Output::Event(Event::Segment { track, us, .. }) => {
                if let (Some(at), Some(bytes)) = (place(*track), self.last_bytes) {
                    self.rate(at).add(SegmentSize {
                        bytes,
                        duration_us: *us,
                    });
                }
            }
            Output::Event(Event::Init { track, .. }) => {
                if place(*track) == Some(0) {
                    self.frames = Frames::default();
                }
                self.is_stale = true;
            }
            Output::File(..) | Output::Grow(..) | Output::Event(_) | Output::Picture(_) => {}
        }
    }

    /// The playlist, if the one that was told last is wrong by now. None, too, before there is
    /// something of every track to play. `rungs`: those that are to be listed.
    pub(super) fn due(
        &mut self,
        folder: &Path,
        window: &Window,
        rungs: &[Listed],
    ) -> io::Result<Option<String>> {
        if !plays(window) {
            return Ok(None);
        }
        let mut pictures = Vec::new();
        let mut sound = None;
        for (at, track) in tracks(window).enumerate() {
            let rung = rungs.iter().find(|rung| rung.track == track.name);
            if at > 1 && rung.is_none() {
                continue;
            }
            let guess = rung.map_or(FIRST_GUESS, |rung| u64::from(rung.max_rate));
            let guess = Bitrate {
                peak: guess,
                average: guess,
            };
            let bitrate = self.measured(at);
            let newest = window.next(track);
            let Some(init) = track.init_of(newest) else {
                return Ok(None);
            };
            let described = |bitrate| Described {
                init,
                track: track.name,
                bitrate,
            };
            if at == 1 {
                sound = Some(described(bitrate.unwrap_or_default()));
            } else {
                let picture = described(bitrate.unwrap_or(guess));
                pictures.push((picture, rung.map(|rung| rung.size)));
            }
        }
        let Some(sound) = sound else {
            return Ok(None);
        };
        let all = pictures.iter().map(|(picture, _)| picture).chain([&sound]);
        let now: Vec<_> = all.map(|track| (track.track, track.bitrate)).collect();
        if !self.is_stale && are_near(&self.stated, &now) {
            return Ok(None);
        }
        self.stated = now;
        self.is_stale = false;
        let frames = self.frames.rate(super::segmenter::PICTURE_SCALE);
        master(folder, &pictures, sound, frames).map(Some)
    }
}

fn are_near(stated: &[(TrackName, Bitrate)], measured: &[(TrackName, Bitrate)]) -> bool {
    let mut pairs = stated.iter().zip(measured);
    stated.len() == measured.len() && pairs.all(|(a, b)| a.0 == b.0 && near(a.1, b.1))
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
