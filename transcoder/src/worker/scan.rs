//! Looks through the whole file once, without decoding: every time stamp, size and keyframe.
//!
//! One pass over the packets costs about a hundredth of the film's length and makes the plan
//! exact: durations that containers promise are often wrong.

use ffmpeg::codec::Id;
use ffmpeg::codec::packet::side_data::Type as SideData;
use ffmpeg::format::context::Input;
use ffmpeg::format::stream::{Disposition, Stream};
use ffmpeg::media;
use ffmpeg::{Packet, Rational};
use ffmpeg_next as ffmpeg;

use super::input::Packets;
use super::{Report, peek};
use crate::fault::Fault;
use crate::fmp4::h264::{self, Framing};
use crate::plan::clock::Clock;
use crate::plan::facts::{Audio, Facts, H264, Video};

/// Most frames of a film: 24 hours at 120 a second would be 10 million.
const MOST_FRAMES: usize = 12_000_000;

/// Which streams of the file are used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streams {
    pub(super) video: usize,
    pub(super) audio: Option<usize>,
}

/// Finds the tracks to use, then reads every packet.
pub(super) fn scan(input: &mut Input, report: &mut Report) -> Result<(Streams, Facts), Fault> {
    let streams = choose(input)?;
    let mut video = VideoScan::new(&stream(input, streams.video)?)?;
    let mut audio = match streams.audio {
        Some(index) => AudioScan::new(&stream(input, index)?),
        None => None,
    };
    let promised = Promise::of(input, &streams)?;
    let mut packets = Packets::default();
    while let Some(packet) = packets.next(input)? {
        if packet.stream() == streams.video {
            video.see(&packet)?;
        } else if Some(packet.stream()) == streams.audio
            && let Some(audio) = &mut audio
        {
            audio.see(&packet);
        }
        report.looking();
    }
    promised.check(&video)?;
    let video = video.finish()?;
    let audio = audio.and_then(|audio| audio.finish(&video));
    let streams = Streams {
        audio: streams.audio.filter(|_| audio.is_some()),
        ..streams
    };
    Ok((streams, Facts { video, audio }))
}

pub(super) fn stream(input: &Input, index: usize) -> Result<Stream<'_>, Fault> {
    input.stream(index).ok_or(Fault::NoVideo)
}

fn choose(input: &Input) -> Result<Streams, Fault> {
    let streams = input.streams();
    let is_film = |stream: &Stream<'_>| {
        stream.parameters().medium() == media::Type::Video
            && !stream.disposition().contains(Disposition::ATTACHED_PIC)
    };
    let best = streams.best(media::Type::Video).filter(is_film);
    let video = best
        .or_else(|| input.streams().find(is_film))
        .ok_or(Fault::NoVideo)?;
    let audio = input.streams().best(media::Type::Audio);
    Ok(Streams {
        video: video.index(),
        audio: audio.map(|stream| stream.index()),
    })
}

/// What the header promises, to tell a file that was cut short.
struct Promise {
    frames: i64,
    indexed: bool,
}

impl Promise {
    fn of(input: &Input, streams: &Streams) -> Result<Self, Fault> {
        Ok(Self {
            frames: stream(input, streams.video)?.frames(),
            indexed: input.format().name().starts_with("mov"),
        })
    }

    fn check(&self, video: &VideoScan) -> Result<(), Fault> {
        let found = i64::try_from(video.packets).unwrap_or(i64::MAX);
        if self.indexed && found < self.frames - 1 - self.frames / 200 {
            return Err(Fault::damaged(format!(
                "only {found} of {} frames are there",
                self.frames
            )));
        }
        Ok(())
    }
}

#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a finding of its own"
)]
struct VideoScan {
    parameters: peek::Picture,
    codec: String,
    rotation: u32,
    frame_rate: Rational,
    clock: Clock,
    stamps: Vec<i64>,
    last: (i64, i64),
    last_dts: Option<i64>,
    idrs: Vec<i64>,
    bytes: u64,
    packets: usize,
    /// Set for H.264 with usable parameter sets.
    avc: Option<(Vec<u8>, Framing)>,
    is_h264: bool,
    open_gop: bool,
    hidden: bool,
    unstamped: bool,
    parameters_change: bool,
}

impl VideoScan {
    fn new(stream: &Stream<'_>) -> Result<Self, Fault> {
        let codec_parameters = stream.parameters();
        let parameters = peek::picture(&codec_parameters);
        let id = codec_parameters.id();
        let base = stream.time_base();
        let clock = Clock::of_time_base(base.numerator(), base.denominator())
            .ok_or_else(|| Fault::damaged("its clock makes no sense"))?;
        let is_h264 = id == Id::H264;
        Ok(Self {
            codec: codec_name(id),
            rotation: rotation(stream),
            frame_rate: frame_rate(stream),
            clock,
            stamps: Vec::new(),
            last: (i64::MIN, 0),
            last_dts: None,
            idrs: Vec::new(),
            bytes: 0,
            packets: 0,
            avc: is_h264
                .then(|| h264::configuration(&parameters.extra))
                .flatten(),
            is_h264,
            open_gop: false,
            hidden: false,
            unstamped: false,
            parameters_change: false,
            parameters,
        })
    }

    fn see(&mut self, packet: &Packet) -> Result<(), Fault> {
        self.packets += 1;
        self.bytes += packet.size() as u64;
        if self.stamps.len() >= MOST_FRAMES {
            return Err(Fault::TooLarge {
                detail: "too many frames".to_owned(),
            });
        }
        self.unstamped |=
            packet.pts().is_none() || packet.dts().is_none() || packet.dts() <= self.last_dts;
        self.last_dts = packet.dts().or(self.last_dts);
        let Some(stamp) = packet.pts().or(packet.dts()) else {
            return Ok(());
        };
        if peek::is_hidden(packet) {
            self.hidden = true;
            return Ok(());
        }
        let ticks = self.clock.ticks(stamp);
        self.stamps.push(ticks);
        if ticks >= self.last.0 {
            self.last = (ticks, self.clock.ticks(packet.duration()));
        }
        if packet.is_key() {
            self.see_keyframe(packet, ticks);
        } else if self.idrs.last().is_some_and(|idr| ticks < *idr) {
            self.open_gop = true;
        }
        Ok(())
    }

    fn see_keyframe(&mut self, packet: &Packet, ticks: i64) {
        let Some((avcc, framing)) = &self.avc else {
            return;
        };
        let found = h264::look_at_keyframe(packet.data().unwrap_or_default(), *framing, avcc);
        self.parameters_change |= found.foreign_sps;
        if found.idr {
            self.idrs.push(ticks);
        } else {
            self.open_gop = true;
        }
    }

    fn finish(mut self) -> Result<Video, Fault> {
        self.stamps.sort_unstable();
        self.stamps.dedup();
        let (Some(start), Some(last)) = (self.stamps.first().copied(), self.stamps.last()) else {
            return Err(Fault::damaged("it holds no picture"));
        };
        let span = last - start;
        let frames: Vec<i64> = self.stamps.iter().map(|stamp| stamp - start).collect();
        let usual = i64::try_from(frames.len() - 1).map_or(0, |gaps| span / gaps.max(1));
        let usual = if usual > 0 {
            usual
        } else {
            i64::from(self.clock.timescale) / 25
        };
        // A last frame of no or of absurd length lasts as long as the others do.
        let last_lasts = if (1..=usual * 20).contains(&self.last.1) {
            self.last.1
        } else {
            usual
        };
        let idrs = self.idrs.iter().map(|idr| idr - start).collect();
        Ok(Video {
            codec: self.codec,
            width: self.parameters.width,
            height: self.parameters.height,
            pixel_aspect: self.parameters.pixel_aspect,
            rotation: self.rotation,
            interlaced: self.parameters.interlaced,
            eight_bit_420: self.parameters.eight_bit_420,
            frame_rate: sane_rate(self.frame_rate, usual, self.clock),
            clock: self.clock,
            start,
            end: span + last_lasts,
            frames,
            bytes: self.bytes,
            h264: self.is_h264.then_some(H264 {
                avcc: self.avc.map(|(avcc, _)| avcc),
                idrs,
                open_gop: self.open_gop,
                hidden_frames: self.hidden,
                unstamped: self.unstamped,
                parameters_change: self.parameters_change,
            }),
        })
    }
}

struct AudioScan {
    parameters: peek::Sound,
    codec: String,
    language: Option<String>,
    clock: Clock,
    start: Option<i64>,
    end: i64,
    gap: i64,
    bytes: u64,
}

impl AudioScan {
    fn new(stream: &Stream<'_>) -> Option<Self> {
        let parameters = stream.parameters();
        let base = stream.time_base();
        let clock = Clock::of_time_base(base.numerator(), base.denominator())?;
        let sound = peek::sound(&parameters);
        if sound.rate == 0 || sound.channels == 0 {
            return None;
        }
        Some(Self {
            parameters: sound,
            codec: codec_name(parameters.id()),
            language: stream.metadata().get("language").and_then(language_tag),
            clock,
            start: None,
            end: i64::MIN,
            gap: 0,
            bytes: 0,
        })
    }

    fn see(&mut self, packet: &Packet) {
        let Some(stamp) = packet.pts().or(packet.dts()) else {
            return;
        };
        let ticks = self.clock.ticks(stamp);
        self.bytes += packet.size() as u64;
        if self.start.is_none() {
            self.start = Some(ticks);
        } else {
            self.gap = self.gap.max((ticks - self.end).abs());
        }
        self.end = ticks + self.clock.ticks(packet.duration());
    }

    fn finish(self, video: &Video) -> Option<Audio> {
        let start = self.start?;
        let from_zero = |ticks: i64| {
            let us = |ticks: i64, clock: Clock| {
                i128::from(ticks) * 1_000_000 / i128::from(clock.timescale)
            };
            let us = us(ticks, self.clock) - us(video.start, video.clock);
            i64::try_from(us).unwrap_or(i64::MAX)
        };
        let plain = self.codec == "aac"
            && self.parameters.low_complexity
            && self.parameters.extra.len() >= 2
            && self.parameters.extra[0] >> 3 == 2;
        Some(Audio {
            start_us: from_zero(start),
            end_us: from_zero(self.end),
            gap_us: self.clock.us(self.gap),
            codec: self.codec,
            rate: self.parameters.rate,
            channels: self.parameters.channels,
            language: self.language,
            bytes: self.bytes,
            lc_config: plain.then_some(self.parameters.extra),
        })
    }
}

fn codec_name(id: Id) -> String {
    id.name().to_owned()
}

/// Clockwise degrees out of the display matrix (ISO/IEC 14496-12 §6.2.2), to the nearest quarter.
fn rotation(stream: &Stream<'_>) -> u32 {
    let matrix = stream
        .side_data()
        .find(|data| data.kind() == SideData::DisplayMatrix);
    let Some(matrix) = matrix else { return 0 };
    let cell = |index: usize| {
        let bytes = matrix.data().get(index * 4..index * 4 + 4)?;
        Some(f64::from(i32::from_ne_bytes(bytes.try_into().ok()?)))
    };
    let (Some(a), Some(b)) = (cell(0), cell(1)) else {
        return 0;
    };
    let degrees = b.atan2(a).to_degrees();
    #[allow(clippy::cast_possible_truncation, reason = "between -2 and 2")]
    let quarters = (degrees / 90.0).round() as i32;
    quarters.rem_euclid(4).unsigned_abs() * 90
}

fn frame_rate(stream: &Stream<'_>) -> Rational {
    let average = stream.avg_frame_rate();
    if average.numerator() > 0 && average.denominator() > 0 {
        average
    } else {
        stream.rate()
    }
}

/// The declared rate when it is possible at all, else the measured one.
fn sane_rate(declared: Rational, frame_ticks: i64, clock: Clock) -> (u32, u32) {
    let pair = |numerator: i32, denominator: i32| {
        Some((
            u32::try_from(numerator).ok()?,
            u32::try_from(denominator).ok()?,
        ))
    };
    let declared = pair(declared.numerator(), declared.denominator());
    let possible = |(numerator, denominator): &(u32, u32)| {
        *denominator > 0
            && *numerator >= *denominator
            && *numerator <= denominator.saturating_mul(240)
    };
    declared.filter(possible).unwrap_or((
        clock.timescale,
        u32::try_from(frame_ticks.max(1)).unwrap_or(u32::MAX),
    ))
}

/// Containers tell three letters (ISO 639-2); playlists want the shortest tag (RFC 5646 §2.2.1).
fn language_tag(language: &str) -> Option<String> {
    const SHORT: [(&str, &str); 26] = [
        ("ara", "ar"),
        ("ces", "cs"),
        ("cze", "cs"),
        ("dan", "da"),
        ("deu", "de"),
        ("ger", "de"),
        ("ell", "el"),
        ("eng", "en"),
        ("fin", "fi"),
        ("fra", "fr"),
        ("fre", "fr"),
        ("heb", "he"),
        ("hin", "hi"),
        ("hun", "hu"),
        ("ita", "it"),
        ("jpn", "ja"),
        ("kor", "ko"),
        ("nld", "nl"),
        ("nor", "no"),
        ("pol", "pl"),
        ("por", "pt"),
        ("rus", "ru"),
        ("spa", "es"),
        ("swe", "sv"),
        ("tur", "tr"),
        ("zho", "zh"),
    ];
    if language == "und" || !(2..=3).contains(&language.len()) {
        return None;
    }
    if !language.bytes().all(|letter| letter.is_ascii_lowercase()) {
        return None;
    }
    let short = SHORT.iter().find(|(long, _)| *long == language);
    Some(short.map_or(language, |(_, short)| short).to_owned())
}
