//! Whether a publisher's picture can be passed on, and how large it is.

use satreel_film::fmp4::sps;

use super::refusal::Refusal;

const WIDEST: u32 = 4096;
const HIGHEST: u32 = 2304;

/// Width and height in pixels, of the SPS in an `AVCDecoderConfigurationRecord`.
pub(crate) fn size(record: &[u8]) -> Result<(u32, u32), Refusal> {
    let found = sps::read(record).ok_or(Refusal::DamagedHeader)?;
    if !found.eight_bit_420 {
        return Err(Refusal::PixelFormat);
    }
    let (width, height) = (found.width, found.height);
    if width == 0 || height == 0 {
        return Err(Refusal::DamagedHeader);
    }
    if width > WIDEST || height > HIGHEST {
        return Err(Refusal::Size);
    }
    Ok((width, height))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// x264's for 320 × 180 at 30 frames a second, High.
    pub(crate) const RECORD: &[u8] = &[
        0x01, 0x64, 0x00, 0x0D, 0xFF, 0xE1, 0x00, 0x1A, 0x67, 0x64, 0x00, 0x0D, 0xAC, 0xD9, 0x41,
        0x41, 0x9F, 0x9F, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xC0,
        0xF1, 0x42, 0x99, 0x60, 0x01, 0x00, 0x06, 0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0, 0xFD, 0xF8,
        0xF8, 0x00,
    ];

    /// A record of no more than its size, in Baseline.
    pub(crate) fn record_of(width: u32, height: u32) -> Vec<u8> {
        let (columns, rows) = (width.div_ceil(16), height.div_ceil(16));
        let cropped = [(columns * 16 - width) / 2, (rows * 16 - height) / 2];
        let mut bits = Vec::new();
        let unsigned = |bits: &mut Vec<u32>, value: u32| {
            let length = (value + 1).ilog2();
            bits.extend((0..length).map(|_| 0));
            bits.extend((0..=length).rev().map(|bit| (value + 1) >> bit & 1));
        };
        for value in [0, 0, 2, 1] {
            unsigned(&mut bits, value);
        }
        bits.push(0);
        unsigned(&mut bits, columns - 1);
        unsigned(&mut bits, rows - 1);
        bits.extend([1, 1, 1]);
        for value in [0, cropped[0], 0, cropped[1]] {
            unsigned(&mut bits, value);
        }
        bits.extend([0, 1]);
        let bytes = bits.chunks(8).map(|byte| {
            let byte = (0..8).fold(0, |sum, at| sum << 1 | byte.get(at).copied().unwrap_or(0));
            u8::try_from(byte).expect("eight bits")
        });
        let unit: Vec<u8> = [0x67, 66, 0xC0, 30].into_iter().chain(bytes).collect();
        let mut record = vec![1, 66, 0xC0, 30, 0xFF, 0xE1, 0];
        record.push(u8::try_from(unit.len()).expect("it is short"));
        record.extend(unit);
        record.extend([1, 0, 1, 0x68]);
        record
    }

    #[test]
    fn a_picture_has_a_size() {
        assert_eq!(size(&record_of(640, 360)), Ok((640, 360)));
        assert_eq!(size(RECORD), Ok((320, 180)));
        for length in 0..20 {
            assert_eq!(
                size(&RECORD[..length]),
                Err(Refusal::DamagedHeader),
                "{length}"
            );
        }
    }
}
