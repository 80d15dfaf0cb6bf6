//! A text track, packet by packet: each packet is a cue.

use ffmpeg::codec::Id;
use ffmpeg::format::stream::{Disposition, Stream};
use ffmpeg::{Packet, media};
use ffmpeg_next as ffmpeg;

use satreel_film::plan::clock::Clock;
use satreel_film::plan::facts::{Captions, Zero};
use satreel_film::plan::language;
use satreel_hls::captions::{Cue, MOST_CUES, ass_text, plain_text};

use super::tidy;

/// How long words stay whose end nobody tells.
const USUAL_US: u64 = 5_000_000;
const LARGEST_PACKET: usize = 64 * 1024;

pub(super) struct WordScan {
    stream: usize,
    kind: Kind,
    language: Option<String>,
    title: Option<String>,
    forced: bool,
    clock: Clock,
    /// Start and end in ticks of the file, and the words.
    cues: Vec<(i64, i64, String)>,
}

/// How packets hold their words.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain,
    Ass,
    /// Two bytes of length before the words (3GPP TS 26.245 §5.17).
    Timed,
}

impl WordScan {
    /// None: no text (pictures of letters cannot be read here).
    pub(super) fn new(stream: &Stream<'_>) -> Option<Self> {
        let parameters = stream.parameters();
        if parameters.medium() != media::Type::Subtitle {
            return None;
        }
        let kind = match parameters.id() {
            Id::SUBRIP | Id::WEBVTT | Id::TEXT => Kind::Plain,
            Id::ASS | Id::SSA => Kind::Ass,
            Id::MOV_TEXT => Kind::Timed,
            _ => return None,
        };
        let base = stream.time_base();
        Some(Self {
            stream: stream.index(),
            kind,
            language: stream.metadata().get("language").and_then(language::tag),
            title: stream.metadata().get("title").and_then(tidy),
            forced: stream.disposition().contains(Disposition::FORCED),
            clock: Clock::of_time_base(base.numerator(), base.denominator())?,
            cues: Vec::new(),
        })
    }

    pub(super) fn stream(&self) -> usize {
        self.stream
    }

    pub(super) fn see(&mut self, packet: &Packet) {
        let bytes = packet.data().unwrap_or_default();
        let Some(start) = packet.pts().or(packet.dts()) else {
            return;
        };
        if self.cues.len() >= MOST_CUES || bytes.len() > LARGEST_PACKET {
            return;
        }
        let words = self.kind.words(bytes);
        if !words.is_empty() {
            let end = start.saturating_add(packet.duration().max(0));
            self.cues
                .push((self.clock.ticks(start), self.clock.ticks(end), words));
        }
    }

    /// None: a track without a word.
    pub(super) fn finish(self, zero: Zero) -> Option<Captions> {
        let (clock, zero) = (self.clock, zero.on(self.clock));
        let mut cues: Vec<Cue> = Vec::new();
        for (start, end, text) in self.cues {
            let start_us = clock.us(start - zero);
            let end_us = if end > start {
                clock.us(end - zero)
            } else {
                start_us + USUAL_US
            };
            if start >= zero && end_us > start_us {
                cues.push(Cue {
                    start_us,
                    end_us,
                    text,
                });
            }
        }
        cues.sort_by_key(|cue| cue.start_us);
        (!cues.is_empty()).then_some(Captions {
            language: self.language,
            title: self.title,
            forced: self.forced,
            cues,
        })
    }
}

impl Kind {
    fn words(self, bytes: &[u8]) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match self {
            Self::Plain => plain_text(&text(bytes)),
            Self::Ass => ass_text(&text(bytes)),
            Self::Timed => {
                let [high, low, rest @ ..] = bytes else {
                    return String::new();
                };
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                plain_text(&text(rest.get(..length).unwrap_or(rest)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_by_their_kind() {
        for (kind, bytes, expected) in [
            (Kind::Plain, &b"<b>Hello</b>"[..], "<b>Hello</b>"),
            (Kind::Ass, b"0,0,Default,,0,0,0,,Hello", "Hello"),
            (Kind::Timed, b"\0\x05Hello\0\0\0\x10styl", "Hello"),
            (Kind::Timed, b"\0\xFFHi", "Hi"),
            (Kind::Timed, b"\0\0", ""),
            (Kind::Timed, b"\0", ""),
        ] {
            assert_eq!(kind.words(bytes), expected, "{bytes:?}");
        }
    }
}
