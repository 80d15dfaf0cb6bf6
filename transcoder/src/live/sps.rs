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

    #[test]
    fn a_picture_has_a_size() {
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
