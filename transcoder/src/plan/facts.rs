//! What a look through the whole file found: plain values that planning decides by.

use super::clock::Clock;

/// A film as scanned, packet by packet.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) video: Video,
    pub(crate) audio: Option<Audio>,
}

/// The picture track.
#[derive(Debug, Clone)]
pub(crate) struct Video {
    pub(crate) codec: String,
    /// Coded size in pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// A pixel's width and height.
    pub(crate) pixel_aspect: (u32, u32),
    /// Clockwise, in degrees: 0, 90, 180 or 270.
    pub(crate) rotation: u32,
    pub(crate) interlaced: bool,
    pub(crate) eight_bit_420: bool,
    pub(crate) frame_rate: (u32, u32),
    pub(crate) clock: Clock,
    /// When the first frame is shown, in ticks of the file: the film's zero.
    pub(crate) start: i64,
    /// When each frame is shown, in ticks from the start, ascending.
    pub(crate) frames: Vec<i64>,
    /// When the last frame ends, in ticks from the start.
    pub(crate) end: i64,
    pub(crate) bytes: u64,
    /// Set when the track is H.264.
    pub(crate) h264: Option<H264>,
}

/// What decides whether H.264 can be copied.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a finding of its own"
)]
#[derive(Debug, Clone)]
pub(crate) struct H264 {
    /// `AVCDecoderConfigurationRecord`, when the track has usable parameter sets.
    pub(crate) avcc: Option<Vec<u8>>,
    /// IDR frames, in ticks from the start, ascending.
    pub(crate) idrs: Vec<i64>,
    /// A keyframe that is no IDR: an open GOP.
    pub(crate) open_gop: bool,
    /// Frames that must be decoded but not shown (an edit list cuts into a GOP).
    pub(crate) hidden_frames: bool,
    /// Packets without both time stamps, or decoding times that do not ascend.
    pub(crate) unstamped: bool,
    /// Another SPS in mid-film.
    pub(crate) parameters_change: bool,
}

/// The sound track.
#[derive(Debug, Clone)]
pub(crate) struct Audio {
    pub(crate) codec: String,
    pub(crate) rate: u32,
    pub(crate) channels: u32,
    /// RFC 5646.
    pub(crate) language: Option<String>,
    /// When it begins and ends, in microseconds from the film's zero (may be negative).
    pub(crate) start_us: i64,
    pub(crate) end_us: i64,
    /// The longest hole between packets, in microseconds.
    pub(crate) gap_us: u64,
    pub(crate) bytes: u64,
    /// `AudioSpecificConfig`, when the track is plain AAC-LC.
    pub(crate) lc_config: Option<Vec<u8>>,
}
