//! `journal`: a broadcast's events, one JSON line each, appended; now and then another file takes its
//! place that begins with a checkpoint ([`super::checkpoint`]) and says the same in fewer lines.
//!
//! A line without its newline is one that is still being written: it does not count yet.

use serde::{Deserialize, Serialize};

use crate::naming::TrackName;

/// How far behind the viewers are, and what that asks of them and of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Parts of 200 to 333 ms: about a second behind.
    #[default]
    Fast,
    /// Parts of a second, as Apple recommends: about four seconds behind.
    Standard,
    /// No parts: whole segments only.
    Plain,
}

/// The first line: what holds for the whole broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub mode: Mode,
    /// No part is longer. Of no meaning in plain mode.
    pub part_us: u64,
    /// No segment, rounded, is longer: one number for all tracks.
    pub target_s: u64,
    pub tracks: Vec<TrackName>,
    /// Players are told of one segment before the first, which never was: they may begin while the first is
    /// still being made. Playlists count from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lead: bool,
}

/// The first line of a journal that begins with a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// Bytes of all that was ever written before: whoever has read so many knows what it says.
    pub at: u64,
    /// Bytes of the lines that follow and belong to it.
    pub bytes: u64,
    /// The first segment listed, and the discontinuities that no longer are.
    pub first: u32,
    pub cuts_gone: u64,
}

/// Where a part lies in the file of its segment, which grows ([`super::window::growing`]) until it is
/// whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its first byte.
    pub at: u64,
    pub bytes: u64,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Since(Since),
    Begin(Header),
    /// From this segment on, the track's samples are described by its init segment of this number.
    Init {
        track: TrackName,
        segment: u32,
        init: u32,
    },
    /// This segment, in every track, does not follow from the one before.
    Cut {
        segment: u32,
    },
    /// A part is there.
    Part {
        track: TrackName,
        segment: u32,
        part: u32,
        us: u64,
        /// It begins with a keyframe.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        key: bool,
        /// None: it is a file of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
    },
    /// A segment is there, and all its parts were.
    Segment {
        track: TrackName,
        segment: u32,
        us: u64,
        /// When its first frame came in: milliseconds since 1970.
        at_ms: u64,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        key: bool,
    },
    /// Segments before this one are no longer listed.
    Drop {
        before: u32,
    },
    /// Nothing will follow.
    End {},
}

/// A line that is none of ours.
#[derive(Debug, thiserror::Error)]
#[error("no event of a broadcast: {0}")]
pub struct BadLine(#[from] serde_json::Error);

impl Event {
    /// The line, with its end.
    pub fn line(&self) -> String {
        // Numbers and names only: they can always be written.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    pub fn parse(line: &str) -> Result<Self, BadLine> {
        Ok(serde_json::from_str(line)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_the_journal() {
        let track: TrackName = "v".parse().expect("a track");
        let events = [
            Event::Since(Since {
                at: 9,
                bytes: 8,
                first: 7,
                cuts_gone: 6,
            }),
            Event::Begin(Header {
                mode: Mode::Fast,
                part_us: 200_000,
                target_s: 6,
                tracks: vec![track],
                lead: false,
            }),
            Event::Init {
                track,
                segment: 0,
                init: 0,
            },
            Event::Cut { segment: 4 },
            Event::Part {
                track,
                segment: 4,
                part: 0,
                us: 200_000,
                key: true,
                place: None,
            },
            Event::Part {
                track,
                segment: 4,
                part: 1,
                us: 200_000,
                key: false,
                place: Some(Place { at: 8, bytes: 9 }),
            },
            Event::Segment {
                track,
                segment: 4,
                us: 2_000_000,
                at_ms: 5,
                key: false,
            },
            Event::Drop { before: 2 },
            Event::End {},
        ];
        for event in events {
            let line = event.line();
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(Event::parse(&line).expect("a line"), event);
        }
        let part = Event::Part {
            track,
            segment: 4,
            part: 0,
            us: 7,
            key: false,
            place: None,
        }
        .line();
        assert_eq!(
            part,
            "{\"part\":{\"track\":\"v\",\"segment\":4,\"part\":0,\"us\":7}}\n"
        );
    }
}
