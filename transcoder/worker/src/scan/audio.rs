//! A sound track, packet by packet.

use ffmpeg::Packet;
use ffmpeg::codec::decoder;
use ffmpeg::format::stream::Stream;
use ffmpeg_next as ffmpeg;
use satreel_film::adts;
use satreel_film::plan::clock::Clock;
use satreel_film::plan::facts::{Audio, Zero};
use satreel_film::plan::language;

use super::tidy;
use crate::peek;

pub(super) struct AudioScan {
    stream: usize,
    parameters: peek::Sound,
    codec: String,
    language: Option<String>,
    title: Option<String>,
    clock: Clock,
    start: Option<i64>,
    end: i64,
    gap: i64,
    bytes: u64,
    framed: Framed,
}

/// What the headers of a track's own frames say, where its container does not.
enum Framed {
    Unseen,
    All([u8; 2]),
    /// Some differ, or are none.
    No,
}

impl Framed {
    fn see(&mut self, packet: &[u8]) {
        let found = adts::read(packet).map(|frame| frame.config);
        *self = match (&self, found) {
            (Self::Unseen, Some(config)) => Self::All(config),
            (Self::All(known), Some(config)) if *known == config => Self::All(config),
            _ => Self::No,
        };
    }
}

impl AudioScan {
    /// None: nothing that could be played.
    pub(super) fn new(stream: &Stream<'_>) -> Option<Self> {
        let parameters = stream.parameters();
        let base = stream.time_base();
        let clock = Clock::of_time_base(base.numerator(), base.denominator())?;
        let sound = peek::sound(&parameters);
        if sound.rate == 0 || sound.channels == 0 {
            return None;
        }
        Some(Self {
            stream: stream.index(),
            parameters: sound,
            codec: parameters.id().name().to_owned(),
            language: stream.metadata().get("language").and_then(language::tag),
            title: stream.metadata().get("title").and_then(tidy),
            clock,
            start: None,
            end: i64::MIN,
            gap: 0,
            bytes: 0,
            framed: Framed::Unseen,
        })
    }

    pub(super) fn stream(&self) -> usize {
        self.stream
    }

    /// When it begins. None: no packet of it has come.
    pub(super) fn start(&self) -> Option<(i64, Clock)> {
        Some((self.start?, self.clock))
    }

    pub(super) fn see(&mut self, packet: &Packet) {
        let Some(stamp) = packet.pts().or(packet.dts()) else {
            return;
        };
        if self.parameters.extra.is_empty() {
            self.framed.see(packet.data().unwrap_or_default());
        }
        let ticks = self.clock.ticks(stamp);
        self.bytes += packet.size() as u64;
        if self.start.is_none() {
            // What a decoder drops at once only primes it.
            let primes = Clock::of_rate(self.parameters.rate.max(1));
            self.start = Some(ticks + self.clock.convert(peek::skipped(packet), primes));
        } else {
            self.gap = self.gap.max((ticks - self.end).abs());
        }
        self.end = ticks + self.clock.ticks(packet.duration());
    }

    pub(super) fn finish(self, zero: Zero) -> Option<Audio> {
        let start = self.start?;
        let from_zero = |ticks: i64| {
            let us = i128::from(ticks - zero.on(self.clock)) * 1_000_000;
            i64::try_from(us / i128::from(self.clock.timescale)).unwrap_or(i64::MAX)
        };
        let lc_config = self.lc_config();
        Some(Audio {
            stream: self.stream,
            clock: self.clock,
            start_us: from_zero(start),
            end_us: from_zero(self.end),
            gap_us: self.clock.us(self.gap),
            codec: self.codec,
            rate: self.parameters.rate,
            channels: self.parameters.channels,
            language: self.language,
            title: self.title,
            bytes: self.bytes,
            loudness: None,
            lc_config,
        })
    }

    /// `AudioSpecificConfig` of plain AAC-LC.
    fn lc_config(&self) -> Option<Vec<u8>> {
        if self.codec != "aac" || !self.parameters.low_complexity {
            return None;
        }
        let extra = &self.parameters.extra;
        match (extra.as_slice(), &self.framed) {
            ([], Framed::All(config)) => Some(config.to_vec()),
            ([first, _, ..], _) if first >> 3 == 2 => Some(extra.clone()),
            _ => None,
        }
    }
}

/// Whether anything here can play it.
pub(super) fn is_known(stream: &Stream<'_>) -> bool {
    decoder::find(stream.parameters().id()).is_some()
}
