//! AAC as a publisher announces it: `AudioSpecificConfig` (ISO/IEC 14496-3 §1.6.2.1), and frames of
//! silence for where nothing comes.

use super::refusal::Refusal;

/// Samples of one frame.
pub(crate) const FRAME: u64 = 1024;
const LC: u8 = 2;
/// A lower rate's frames are too long for parts of 200 ms.
const RATES: [u32; 5] = [96_000, 88_200, 64_000, 48_000, 44_100];
/// One frame of AAC-LC in which nothing sounds: a single channel element, or a channel pair.
const QUIET_MONO: &[u8] = &[0x00, 0xC8, 0x00, 0x80, 0x23, 0x80];
const QUIET_STEREO: &[u8] = &[0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SoundFormat {
    pub(crate) rate: u32,
    pub(crate) channels: u32,
    pub(crate) config: Vec<u8>,
}

impl SoundFormat {
    /// What a broadcast without sound is given, so that it has the same tracks as any other.
    pub(crate) fn silent() -> Self {
        Self {
            rate: 48_000,
            channels: 2,
            config: vec![0x11, 0x90],
        }
    }

    pub(crate) fn parse(config: &[u8]) -> Result<Self, Refusal> {
        let [first, second, ..] = *config else {
            return Err(Refusal::DamagedHeader);
        };
        if first >> 3 != LC {
            return Err(Refusal::AacProfile);
        }
        let rate = usize::from((first & 7) << 1 | second >> 7);
        let rate = *RATES.get(rate).ok_or(Refusal::SampleRate)?;
        let channels = u32::from(second >> 3 & 0xF);
        if !(1..=2).contains(&channels) {
            return Err(Refusal::Channels);
        }
        Ok(Self {
            rate,
            channels,
            // What follows may announce extensions that the frames then need not have.
            config: vec![first, second],
        })
    }

    pub(crate) fn quiet(&self) -> &'static [u8] {
        if self.channels == 1 {
            QUIET_MONO
        } else {
            QUIET_STEREO
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_announce_is_read() {
        for (config, expected) in [
            (&[0x11, 0x90][..], Ok((48_000, 2))),
            (&[0x12, 0x10, 0x56, 0xE5, 0x00], Ok((44_100, 2))),
            (&[0x11, 0x88], Ok((48_000, 1))),
            (&[0x2B, 0x11, 0x88, 0x00], Err(Refusal::AacProfile)),
            (&[0x11, 0xB0], Err(Refusal::Channels)),
            (&[0x12, 0x90], Err(Refusal::SampleRate)),
            (&[0x11], Err(Refusal::DamagedHeader)),
        ] {
            let found = SoundFormat::parse(config).map(|format| (format.rate, format.channels));
            assert_eq!(found, expected, "{config:02x?}");
        }
        assert_eq!(SoundFormat::parse(&[0x11, 0x90]), Ok(SoundFormat::silent()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..8)) {
            let _ = SoundFormat::parse(&bytes);
        }
    }
}
