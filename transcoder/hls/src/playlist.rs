//! Multivariant and media playlists (RFC 8216, version 7).
//!
//! Owns the model, its rendering, a strict parser for what it renders, and the bit rates that a
//! multivariant playlist declares. Owns no file: the caller reads and writes.
//!
//! Time is in whole microseconds everywhere. A segment's duration is the difference of two rounded
//! boundaries, so the sum of all `EXTINF` equals the film's length and never drifts.

mod bandwidth;
mod media;
mod multivariant;
mod parse;

pub use bandwidth::{Bitrate, SegmentSize, bitrate};
pub use media::{Kind, MAX_SEGMENT_US, MAX_SEGMENTS, MediaPlaylist, Segment, target_s};
pub use multivariant::{AudioRendition, CaptionRendition, FrameRate, Multivariant, Variant};
pub use parse::{Fault, ParseError, parse_media};
