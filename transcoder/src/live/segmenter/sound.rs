//! The sound's part: as far as the picture is and no farther, silence where there is none, segments
//! that end with the picture's.

use super::{Output, PER_MS, PICTURE_SCALE, Segmenter};
use crate::live::aac;

/// Sound may be so much later than the picture before silence takes its place …
const LATEST_SOUND: u64 = 700 * PER_MS;
/// … and then it is this much later.
const FILL_UP_TO: u64 = 300 * PER_MS;

impl Segmenter {
    /// Lets sound through as far as the picture is, and silence where there is none.
    pub(super) fn hear(&mut self, out: &mut Vec<Output>) {
        let Some(anchor) = self.anchor else {
            return;
        };
        while let Some(frame) = self.waiting.front() {
            let Some(tick) = anchor.tick(frame.decoded_ms) else {
                self.waiting.pop_front();
                continue;
            };
            if tick >= self.picture.end || !self.may_sound() {
                break;
            }
            if let Some(frame) = self.waiting.pop_front() {
                self.sound_at(tick, &frame.data, out);
            }
        }
        let heard = self.sound.end_in(PICTURE_SCALE);
        let behind = self.picture.end.saturating_sub(heard);
        let mute = self.sound_format.is_none();
        if mute {
            self.fill(self.picture.end, out);
        } else if behind > LATEST_SOUND {
            self.fill(self.picture.end - FILL_UP_TO, out);
        }
        self.close_sounds(out);
    }

    /// One frame, where it belongs: sound that lies a whole frame off is moved by silence or left
    /// out, less than that is the publisher's rounding.
    fn sound_at(&mut self, tick: u64, data: &[u8], out: &mut Vec<Output>) {
        let at = tick * u64::from(self.sound.scale) / u64::from(PICTURE_SCALE);
        // Behind a cut nothing has to follow without a gap.
        if !self.is_heard && at > self.sound.end && at - self.sound.end < aac::FRAME {
            self.sound.end = at;
        }
        if at + aac::FRAME <= self.sound.end {
            return;
        }
        while at >= self.sound.end + aac::FRAME {
            self.sound_frame(None, out);
        }
        self.sound_frame(Some(data), out);
    }

    pub(super) fn fill(&mut self, up_to: u64, out: &mut Vec<Output>) {
        while self.sound.end_in(PICTURE_SCALE) < up_to && self.may_sound() {
            self.sound_frame(None, out);
        }
    }

    /// No segment has a part of its sound listed before one of its picture: whoever takes up a
    /// broken broadcast can make silence, but no picture.
    fn may_sound(&self) -> bool {
        let is_first = self.sound.number == self.picture.number && !self.picture.has_parts();
        let part = self.sound_part();
        !is_first || self.sound.part_lasts() + 2 * aac::FRAME <= part
    }

    /// The longest part, in the sound's ticks.
    pub(super) fn sound_part(&self) -> u64 {
        self.part_ticks()
            .saturating_mul(u64::from(self.sound.scale))
            / u64::from(PICTURE_SCALE)
    }

    pub(super) fn sound_frame(&mut self, data: Option<&[u8]>, out: &mut Vec<Output>) {
        // A segment ends with the first frame that begins beyond its picture.
        self.close_sounds(out);
        let part = self.sound_part();
        let data = data.unwrap_or(self.sounds_as.quiet());
        self.sound.append(data, aac::FRAME, None, true, u64::MAX);
        self.is_heard = true;
        if self.sound.part_lasts() + aac::FRAME > part {
            self.close_part(false, out);
        }
    }

    /// Ends the sound's segments whose picture has ended and whose sound is whole.
    pub(super) fn close_sounds(&mut self, out: &mut Vec<Output>) {
        while let Some((end, began_ms)) = self.ends.front().copied() {
            if self.sound.end_in(PICTURE_SCALE) < end || self.sound.is_untouched() {
                return;
            }
            self.ends.pop_front();
            self.close_part(false, out);
            self.close_segment(false, began_ms, out);
        }
    }
}
