//! The picture track, packet by packet.

use ffmpeg::codec::Id;
use ffmpeg::codec::packet::side_data::Type as SideData;
use ffmpeg::format::stream::Stream;
use ffmpeg::{Packet, Rational};
use ffmpeg_next as ffmpeg;
use satreel_film::fault::Fault;
use satreel_film::fmp4::h264::{self, Framing};
use satreel_film::plan::clock::Clock;
use satreel_film::plan::facts::{H264, Video};

use crate::peek;

/// Most frames of a film: 24 hours at 120 a second would be 10 million.
const MOST_FRAMES: usize = 12_000_000;

#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a finding of its own"
)]
pub(super) struct VideoScan {
    stream: usize,
    parameters: peek::Picture,
    codec: String,
    rotation: u32,
    frame_rate: Rational,
    clock: Clock,
    stamps: Vec<i64>,
    last: (i64, i64),
    idrs: Vec<i64>,
    keys: Vec<i64>,
    bytes: u64,
    pub(super) packets: usize,
    /// Packets that show a frame, and those of them that say when.
    shown: usize,
    stamped: usize,
    /// Set for H.264 with usable parameter sets.
    avc: Option<(Vec<u8>, Framing)>,
    is_h264: bool,
    open_gop: bool,
    hidden: bool,
    unstamped: bool,
    parameters_change: bool,
}

impl VideoScan {
    pub(super) fn new(stream: &Stream<'_>) -> Result<Self, Fault> {
        let codec_parameters = stream.parameters();
        let parameters = peek::picture(stream);
        let id = codec_parameters.id();
        let base = stream.time_base();
        let clock = Clock::of_time_base(base.numerator(), base.denominator())
            .ok_or_else(|| Fault::damaged("its clock makes no sense"))?;
        let is_h264 = id == Id::H264;
        Ok(Self {
            stream: stream.index(),
            codec: id.name().to_owned(),
            rotation: rotation(stream),
            frame_rate: frame_rate(stream),
            clock,
            stamps: Vec::new(),
            last: (i64::MIN, 0),
            idrs: Vec::new(),
            keys: Vec::new(),
            bytes: 0,
            packets: 0,
            shown: 0,
            stamped: 0,
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

    pub(super) fn stream(&self) -> usize {
        self.stream
    }

    pub(super) fn see(&mut self, packet: &Packet) -> Result<(), Fault> {
        self.packets += 1;
        self.bytes += packet.size() as u64;
        if self.stamps.len() >= MOST_FRAMES {
            return Err(Fault::TooLarge {
                detail: "too many frames".to_owned(),
            });
        }
        self.unstamped |= packet.pts().is_none();
        self.stamped += usize::from(packet.pts().is_some());
        if peek::is_hidden(packet) {
            self.hidden = true;
            return Ok(());
        }
        self.shown += 1;
        let Some(stamp) = packet.pts().or(packet.dts()) else {
            return Ok(());
        };
        let ticks = self.clock.ticks(stamp);
        self.stamps.push(ticks);
        if ticks >= self.last.0 {
            self.last = (ticks, self.clock.ticks(packet.duration()));
        }
        if packet.is_key() {
            self.keys.push(ticks);
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

    /// Frames that the container only counts, at the rate that it declares.
    fn evenly(&self) -> Result<Vec<i64>, Fault> {
        let rate = self.frame_rate;
        let count = i64::try_from(self.shown).unwrap_or(i64::MAX);
        let step = i64::from(self.clock.timescale) * i64::from(rate.denominator());
        if rate.numerator() <= 0 || step <= 0 {
            return Err(Fault::damaged("nothing tells when its frames are shown"));
        }
        Ok((0..count)
            .map(|frame| frame * step / i64::from(rate.numerator()))
            .collect())
    }

    /// Puts the stamps in the order of showing; gives how far decoding must run ahead of it.
    fn order(&mut self) -> i64 {
        let decoded = self.stamps.clone();
        self.stamps.sort_unstable();
        let ahead = self.stamps.iter().zip(&decoded);
        let delay = ahead.map(|(shown, own)| shown - own).max().unwrap_or(0);
        self.stamps.dedup();
        self.unstamped |= self.stamps.len() < decoded.len();
        delay
    }

    pub(super) fn finish(mut self) -> Result<Video, Fault> {
        let delay = self.order();
        let (Some(start), Some(last)) = (self.stamps.first().copied(), self.stamps.last()) else {
            return Err(Fault::damaged("it holds no picture"));
        };
        let span = last - start;
        let mut frames: Vec<i64> = self.stamps.iter().map(|stamp| stamp - start).collect();
        let counted = self.stamped == 0 || frames.len() < self.shown;
        if frames.len() < self.shown {
            frames = self.evenly()?;
        }
        let span = frames.last().map_or(span, |last| span.max(*last));
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
        let mut keys: Vec<i64> = self.keys.iter().map(|key| key - start).collect();
        keys.sort_unstable();
        let idrs = self.idrs.iter().map(|idr| idr - start).collect();
        Ok(Video {
            stream: self.stream,
            codec: self.codec,
            width: self.parameters.width,
            height: self.parameters.height,
            pixel_aspect: self.parameters.pixel_aspect,
            rotation: self.rotation,
            interlaced: self.parameters.interlaced,
            eight_bit_420: self.parameters.eight_bit_420,
            colours: self.parameters.colours,
            frame_rate: sane_rate(self.frame_rate, usual, self.clock),
            clock: self.clock,
            start,
            end: span + last_lasts,
            frames,
            keys,
            counted,
            bytes: self.bytes,
            h264: self.is_h264.then_some(H264 {
                avcc: self.avc.map(|(avcc, _)| avcc),
                idrs,
                open_gop: self.open_gop,
                hidden_frames: self.hidden,
                unstamped: self.unstamped,
                delay,
                parameters_change: self.parameters_change,
            }),
        })
    }
}

fn rotation(stream: &Stream<'_>) -> u32 {
    let matrix = stream
        .side_data()
        .find(|data| data.kind() == SideData::DisplayMatrix);
    matrix.map_or(0, |matrix| quarter_turns(matrix.data()))
}

/// Clockwise degrees out of a display matrix (ISO/IEC 14496-12 §6.2.2), to the nearest quarter.
pub(crate) fn quarter_turns(matrix: &[u8]) -> u32 {
    let cell = |index: usize| {
        let bytes = matrix.get(index * 4..index * 4 + 4)?;
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
