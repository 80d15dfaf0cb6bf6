//! With which frames the open parts will be whole, by the publisher's clock: until then nobody has
//! to look at what comes.

use super::{Anchor, PER_MS, PICTURE_SCALE, Segmenter};
use crate::live::aac;
use crate::live::rest::Due;
use satreel_hls::live::Mode;

impl Segmenter {
    pub(crate) fn due(&self) -> Due {
        let Some(anchor) = self.anchor.filter(|_| self.wishes.mode != Mode::Plain) else {
            return Due::default();
        };
        Due {
            picture: Some(anchor.publisher_ms(self.picture_due())),
            sound: self.sound_due().map(|tick| anchor.publisher_ms(tick)),
        }
    }

    /// When the frame is decoded that fills the part or, being a keyframe, ends the segment.
    fn picture_due(&self) -> u64 {
        let (part, frame) = (self.part_ticks(), self.pace.frame.max(1));
        let left = (1..=self.picture.room(part) / frame)
            .find(|frames| self.picture.is_full_with(part, frame, frames * frame))
            .unwrap_or(1);
        let fills = self.picture.end + (left - 1) * frame;
        // A keyframe is expected where the last segment had one.
        match self.picture.end - self.picture.segment_lasts() + self.usual {
            key if self.usual > 0 && key + frame / 2 >= self.picture.end => fills.min(key),
            _ => fills,
        }
    }

    /// The same of the sound, as far as it comes; None: silence is written.
    fn sound_due(&self) -> Option<u64> {
        self.sound_format.as_ref()?;
        let room = self.sound_part().saturating_sub(self.sound.part_lasts());
        let frames = (room / aac::FRAME).max(1);
        let fills = self.sound.end + (frames - 1) * aac::FRAME;
        let fills = fills * u64::from(PICTURE_SCALE) / u64::from(self.sound.scale);
        let frame = aac::FRAME * u64::from(PICTURE_SCALE) / u64::from(self.sound.scale);
        let ends = self.ends.front().map(|(end, _)| end.saturating_sub(frame));
        Some(ends.map_or(fills, |ends| fills.min(ends)))
    }
}

impl Anchor {
    fn publisher_ms(&self, tick: u64) -> i64 {
        let since = tick.saturating_sub(self.tick) / PER_MS;
        self.publisher_ms + since.cast_signed()
    }
}
