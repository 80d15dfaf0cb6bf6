//! What a look through the whole file found: plain values that planning decides by.

use satreel_hls::captions::Cue;

use super::clock::Clock;

/// A film as scanned, packet by packet. It has a picture, a sound, or both.
#[derive(Debug, Clone)]
pub struct Facts {
    pub video: Option<Video>,
    /// The usual one first.
    pub audio: Vec<Audio>,
    pub captions: Vec<Captions>,
    /// The names of the film's parts.
    pub chapters: Vec<Cue>,
    /// When the picture begins.
    pub zero: Zero,
}

/// Words to be shown, from inside the film or from a file beside it.
#[derive(Debug, Clone)]
pub struct Captions {
    /// RFC 5646.
    pub language: Option<String>,
    pub title: Option<String>,
    /// Only what is said in a language that the film's viewers do not speak.
    pub forced: bool,
    /// In the order of their beginnings, counted from the film's zero.
    pub cues: Vec<Cue>,
}

/// The moment that every track's time counts from.
#[derive(Debug, Clone, Copy)]
pub struct Zero {
    ticks: i64,
    clock: Clock,
}

impl Zero {
    pub fn new(ticks: i64, clock: Clock) -> Self {
        Self { ticks, clock }
    }

    /// Sound without a picture begins itself; what a container dates before 0 only primes decoders.
    pub fn of_sound(start: i64, clock: Clock) -> Self {
        Self::new(start.max(0), clock)
    }

    /// In another clock's ticks.
    pub fn on(self, clock: Clock) -> i64 {
        clock.convert(self.ticks, self.clock)
    }
}

/// The picture track.
#[derive(Debug, Clone)]
pub struct Video {
    /// Its place in the file.
    pub stream: usize,
    pub codec: String,
    /// Coded size in pixels.
    pub width: u32,
    pub height: u32,
    /// A pixel's width and height.
    pub pixel_aspect: (u32, u32),
    /// Clockwise, in degrees: 0, 90, 180 or 270.
    pub rotation: u32,
    pub interlaced: bool,
    pub eight_bit_420: bool,
    pub colours: Colours,
    pub frame_rate: (u32, u32),
    pub clock: Clock,
    /// When the first frame is shown, in ticks of the file: the film's zero.
    pub start: i64,
    /// When each frame is shown, in ticks from the start, ascending.
    pub frames: Vec<i64>,
    /// Where decoding can begin, in ticks from the start, ascending.
    pub keys: Vec<i64>,
    /// The container does not say when frames are shown (AVI, H.264 in program streams): the
    /// decoder's first frame is the first of `frames`, and so on.
    pub counted: bool,
    /// When the last frame ends, in ticks from the start.
    pub end: i64,
    pub bytes: u64,
    /// Set when the track is H.264.
    pub h264: Option<H264>,
}

impl Video {
    /// The keyframe to begin with when pictures are wanted from `from` on: one more than need be,
    /// since not every keyframe stands for itself (open groups, gradual refresh).
    pub fn decode_from(&self, from: i64) -> i64 {
        let before = self.keys.partition_point(|key| *key <= from);
        let key = before.checked_sub(2).and_then(|index| self.keys.get(index));
        key.copied().unwrap_or(i64::MIN)
    }
}

/// How numbers become colours (ITU-T H.273 code points; 2: nobody says).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colours {
    pub primaries: i32,
    pub transfer: i32,
    pub matrix: i32,
}

impl Colours {
    const PQ: i32 = 16;
    const HLG: i32 = 18;
    const UNSAID: i32 = 2;
    const BT709: i32 = 1;
    const SMPTE170M: i32 = 6;

    pub fn is_hdr(self) -> bool {
        [Self::PQ, Self::HLG].contains(&self.transfer)
    }

    /// What encoded rungs declare: what the source says, what players guess for its size when it
    /// says nothing, and BT.709 once it was tone-mapped.
    #[must_use]
    pub fn of_rungs(self, short_side: u32) -> Self {
        let all = |value: i32| Self {
            primaries: value,
            transfer: value,
            matrix: value,
        };
        if self.is_hdr() {
            return all(Self::BT709);
        }
        let usual = if short_side < 720 {
            Self::SMPTE170M
        } else {
            Self::BT709
        };
        let said = |value: i32| {
            if value == Self::UNSAID || value <= 0 {
                usual
            } else {
                value
            }
        };
        Self {
            primaries: said(self.primaries),
            transfer: said(self.transfer),
            matrix: said(self.matrix),
        }
    }
}

/// What decides whether H.264 can be copied.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a finding of its own"
)]
#[derive(Debug, Clone)]
pub struct H264 {
    /// `AVCDecoderConfigurationRecord`, when the track has usable parameter sets.
    pub avcc: Option<Vec<u8>>,
    /// IDR frames, in ticks from the start, ascending.
    pub idrs: Vec<i64>,
    /// A keyframe that is no IDR: an open GOP.
    pub open_gop: bool,
    /// Frames that must be decoded but not shown (an edit list cuts into a GOP).
    pub hidden_frames: bool,
    /// Packets that do not say when they are shown, or two that say the same.
    pub unstamped: bool,
    /// How long decoding must run ahead of showing, in ticks. What containers say of decoding
    /// times is often missing or wrong; the times of showing tell it exactly.
    pub delay: i64,
    /// Another SPS in mid-film.
    pub parameters_change: bool,
}

/// The sound track.
#[derive(Debug, Clone)]
pub struct Audio {
    /// Its place in the file.
    pub stream: usize,
    pub clock: Clock,
    /// What its maker calls it.
    pub title: Option<String>,
    pub codec: String,
    pub rate: u32,
    pub channels: u32,
    /// RFC 5646.
    pub language: Option<String>,
    /// When it begins and ends, in microseconds from the film's zero (may be negative).
    pub start_us: i64,
    pub end_us: i64,
    /// The longest hole between packets, in microseconds.
    pub gap_us: u64,
    pub bytes: u64,
    /// In LUFS, when it was asked for and is not silence.
    pub loudness: Option<f64>,
    /// `AudioSpecificConfig`, when the track is plain AAC-LC.
    pub lc_config: Option<Vec<u8>>,
}
