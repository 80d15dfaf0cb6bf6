//! What of a publisher's messages goes on air: nothing before the first IDR frame with its
//! parameter sets, nothing in a wrong format, nothing whose clock has gone astray.

use satreel_film::fmp4::h264::{self, Framing};

use super::aac::SoundFormat;
use super::flv::{self, Picture, Sound};
use super::refusal::Refusal;
use super::sps;

/// A step of the publisher's clock that is no frame's length any more.
const LONGEST_STEP_MS: i64 = 2_000;
/// Sound this far from the picture belongs to another time.
const FARTHEST_SOUND_MS: i64 = 5_000;
/// No encoder holds a frame back for longer.
const LONGEST_DELAY_MS: i32 = 3_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PictureFormat {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// `AVCDecoderConfigurationRecord` with lengths of four bytes.
    pub(crate) record: Vec<u8>,
}

/// One frame, with times in milliseconds of the publisher's unwrapped clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) decoded_ms: i64,
    pub(crate) later_ms: i32,
    pub(crate) key: bool,
    pub(crate) data: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Passed {
    PictureFormat(PictureFormat),
    SoundFormat(SoundFormat),
    /// The next picture, a keyframe, does not follow from what was before.
    Cut,
    Picture(Frame),
    Sound(Frame),
}

/// One publisher's.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    clock: Clock,
    framing: Option<Framing>,
    record: Vec<u8>,
    sound: Option<SoundFormat>,
    /// When the last frame of the picture that went on air was decoded.
    last_ms: Option<i64>,
    /// Frames that did not go on air.
    pub(crate) dropped: u64,
}

impl Gate {
    pub(crate) fn picture(
        &mut self,
        time: u32,
        body: &[u8],
        out: &mut Vec<Passed>,
    ) -> Result<(), Refusal> {
        match flv::picture(body)? {
            Picture::Nothing => Ok(()),
            Picture::Format(extra) => self.format(extra, out),
            Picture::Frame {
                key,
                later_ms,
                data,
            } => {
                let now = self.clock.unwrap(time);
                self.frame(now, key, later_ms, data, out)
            }
        }
    }

    pub(crate) fn sound(
        &mut self,
        time: u32,
        body: &[u8],
        out: &mut Vec<Passed>,
    ) -> Result<(), Refusal> {
        match flv::sound(body)? {
            Sound::Nothing => {}
            Sound::Format(config) => {
                let format = SoundFormat::parse(config)?;
                if self.sound.as_ref() != Some(&format) {
                    self.sound = Some(format.clone());
                    out.push(Passed::SoundFormat(format));
                }
            }
            Sound::Frame(data) => {
                let now = self.clock.unwrap(time);
                let near = self
                    .last_ms
                    .is_some_and(|last| now.abs_diff(last) <= FARTHEST_SOUND_MS.unsigned_abs());
                if near && self.sound.is_some() {
                    out.push(Passed::Sound(Frame {
                        decoded_ms: now,
                        later_ms: 0,
                        key: true,
                        data: data.to_vec(),
                    }));
                }
            }
        }
        Ok(())
    }

    fn format(&mut self, extra: &[u8], out: &mut Vec<Passed>) -> Result<(), Refusal> {
        let (record, framing) = h264::configuration(extra).ok_or(Refusal::DamagedHeader)?;
        self.framing = Some(framing);
        self.set_record(record, out)
    }

    fn set_record(&mut self, record: Vec<u8>, out: &mut Vec<Passed>) -> Result<(), Refusal> {
        if record == self.record {
            return Ok(());
        }
        let (width, height) = sps::size(&record)?;
        self.record.clone_from(&record);
        out.push(Passed::PictureFormat(PictureFormat {
            width,
            height,
            record,
        }));
        if self.last_ms.take().is_some() {
            out.push(Passed::Cut);
        }
        Ok(())
    }

    fn frame(
        &mut self,
        now: i64,
        key: bool,
        later_ms: i32,
        data: &[u8],
        out: &mut Vec<Passed>,
    ) -> Result<(), Refusal> {
        let Some(framing) = self.framing else {
            self.dropped += 1;
            return Ok(());
        };
        let mut is_idr = false;
        if key {
            let found = h264::look_at_keyframe(data, framing, &self.record);
            is_idr = found.idr;
            if found.foreign_sps
                && let Some(record) = h264::parameter_sets(data, framing)
            {
                self.set_record(record, out)?;
            }
        }
        if self
            .last_ms
            .is_some_and(|last| !(0..=LONGEST_STEP_MS).contains(&(now - last)))
        {
            self.last_ms = None;
            out.push(Passed::Cut);
        }
        let data = h264::to_lengths(data, framing);
        if (self.last_ms.is_none() && !is_idr) || data.is_empty() {
            self.dropped += 1;
            return Ok(());
        }
        self.last_ms = Some(now);
        out.push(Passed::Picture(Frame {
            decoded_ms: now,
            later_ms: later_ms.clamp(0, LONGEST_DELAY_MS),
            key: is_idr,
            data,
        }));
        Ok(())
    }
}

/// A 32-bit clock in milliseconds that wraps after 49 days and 17 hours. FFmpeg's has 31 bits and
/// wraps after half of that.
#[derive(Debug, Default)]
struct Clock {
    /// As it came, and as it is meant.
    last: Option<(u32, i64)>,
}

impl Clock {
    fn unwrap(&mut self, time: u32) -> i64 {
        const HALF: i64 = 1 << 31;
        /// So near to half of its range no step is but one that wraps.
        const NEAR: i64 = 60_000;
        let now = match self.last {
            None => i64::from(time),
            Some((before, meant)) => {
                let step = i64::from(time.wrapping_sub(before).cast_signed());
                meant
                    + match step {
                        back if back < NEAR - HALF => back + HALF,
                        forth if forth > HALF - NEAR => forth - HALF,
                        step => step,
                    }
            }
        };
        self.last = Some((time, now));
        now
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::sps::tests::RECORD;
    use super::*;

    pub(crate) fn format() -> Vec<u8> {
        [b"\x17\0\0\0\0", RECORD].concat()
    }

    pub(crate) fn picture(key: bool) -> Vec<u8> {
        let mut body = if key { vec![0x17] } else { vec![0x27] };
        body.extend([1, 0, 0, 0, 0, 0, 0, 2, if key { 0x65 } else { 0x41 }, 9]);
        body
    }

    fn shape(gate: &mut Gate, tags: &[(u32, Vec<u8>)]) -> String {
        let mut out = Vec::new();
        for (time, body) in tags {
            gate.picture(*time, body, &mut out).expect("H.264");
        }
        let letter = |passed: &Passed| match passed {
            Passed::PictureFormat(_) => "F".to_owned(),
            Passed::SoundFormat(_) => "f".to_owned(),
            Passed::Cut => "|".to_owned(),
            Passed::Picture(frame) => {
                format!("{}{}", if frame.key { "K" } else { "p" }, frame.decoded_ms)
            }
            Passed::Sound(_) => "s".to_owned(),
        };
        out.iter().map(letter).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn nothing_goes_on_air_before_a_keyframe_with_its_parameters() {
        let mut gate = Gate::default();
        let tags = [
            (0, picture(true)),
            (33, format()),
            (66, picture(false)),
            (100, picture(true)),
            (133, picture(false)),
            (133, format()),
        ];
        assert_eq!(shape(&mut gate, &tags), "F K100 p133");
        assert_eq!(gate.dropped, 2);
    }

    #[test]
    fn a_clock_that_wraps_goes_on_and_one_that_jumps_is_a_cut() {
        let mut gate = Gate::default();
        let near = u32::MAX - 20;
        let wrapped = near.wrapping_add(33);
        let tags = [
            (0, format()),
            (near, picture(true)),
            (wrapped, picture(false)),
        ];
        assert_eq!(
            shape(&mut gate, &tags),
            format!("F K{near} p{}", u64::from(near) + 33)
        );
        let back = [
            (5, picture(false)),
            (wrapped + 9000, picture(false)),
            (wrapped + 9033, picture(true)),
        ];
        let later = u64::from(near) + 33 + 9033;
        assert_eq!(shape(&mut gate, &back), format!("| K{later}"));
    }

    #[test]
    fn a_clock_of_31_bits_wraps_too_and_goes_on_for_ever() {
        let mut clock = Clock::default();
        let mut expected = (1_i64 << 31) - 40;
        for step in 0..3_i64 {
            assert_eq!(clock.unwrap(0x7FFF_FFD8), expected, "{step}");
            // Sound and picture straddle it.
            for late in [30, 10, 50] {
                let time = u32::try_from((0x7FFF_FFD8_i64 + late) & 0x7FFF_FFFF).expect("31 bits");
                assert_eq!(clock.unwrap(time), expected + late);
            }
            // On through all of it, by steps that are none of a frame's.
            for minutes in 1..=35 {
                let time = u32::try_from(minutes * 61_000_000).expect("31 bits");
                clock.unwrap(time);
            }
            expected += 1 << 31;
        }
    }

    #[test]
    fn a_new_picture_size_is_a_cut_at_its_keyframe() {
        let mut gate = Gate::default();
        assert_eq!(
            shape(&mut gate, &[(0, format()), (0, picture(true))]),
            "F K0"
        );
        let mut other = format();
        *other.last_mut().expect("bytes") ^= 1;
        let tags = [(33, other), (33, picture(false)), (66, picture(true))];
        assert_eq!(shape(&mut gate, &tags), "F | K66");
    }

    proptest::proptest! {
        #[test]
        fn times_that_pass_are_in_order(steps in proptest::collection::vec((proptest::num::u32::ANY, proptest::bool::ANY), 0..50)) {
            let mut gate = Gate::default();
            let mut out = Vec::new();
            gate.picture(0, &format(), &mut out).expect("H.264");
            for (time, key) in steps {
                gate.picture(time, &picture(key), &mut out).expect("H.264");
            }
            let mut last: Option<i64> = None;
            for passed in out {
                match passed {
                    Passed::Cut => last = None,
                    Passed::Picture(frame) => {
                        proptest::prop_assert!(last.is_some_and(|last| (0..=2000).contains(&(frame.decoded_ms - last))) || frame.key);
                        last = Some(frame.decoded_ms);
                    }
                    _ => {}
                }
            }
        }
    }
}
