//! Captions: cues out of SRT, WebVTT and ASS text, and WebVTT segments for players (W3C WebVTT;
//! RFC 8216 §3.5).
//!
//! Owns parsing and rendering. What strangers wrote is bounded, and only italic, bold and underlined
//! letters survive of their markup: whatever else a player might understand never reaches it.

mod markup;
mod parse;
mod render;

pub use markup::{ass_text, plain_text};
pub use parse::{Fault, parse};
pub use render::{document, segment};

/// Most cues of one track: one a second for more than a day.
pub const MOST_CUES: usize = 100_000;
/// Longest text of one cue, in bytes as rendered.
pub const LONGEST_TEXT: usize = 4096;

/// Words that are shown for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    pub start_us: u64,
    /// After `start_us`.
    pub end_us: u64,
    /// WebVTT cue text: clean, never empty, no empty line in it.
    pub text: String,
}
