//! The few words of a sequence parameter set (ITU-T H.264 §7.3.2.1) that decide whether a picture
//! can be passed on, and how large it is.

use super::refusal::Refusal;

const WIDEST: u32 = 4096;
const HIGHEST: u32 = 2304;

/// Width and height in pixels, of the SPS in an `AVCDecoderConfigurationRecord`.
pub(crate) fn size(record: &[u8]) -> Result<(u32, u32), Refusal> {
    let sps = unit(record).ok_or(Refusal::DamagedHeader)?;
    let plain = unescape(sps);
    let mut bits = Bits {
        bytes: &plain,
        at: 8,
    };
    let found = read(&mut bits).ok_or(Refusal::DamagedHeader)??;
    let (width, height) = found;
    if width == 0 || height == 0 {
        return Err(Refusal::DamagedHeader);
    }
    if width > WIDEST || height > HIGHEST {
        return Err(Refusal::Size);
    }
    Ok(found)
}

fn unit(record: &[u8]) -> Option<&[u8]> {
    let (length, rest) = record.get(6..)?.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

/// Without the bytes that keep start codes out (§7.4.1).
fn unescape(unit: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for byte in unit {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

fn read(bits: &mut Bits<'_>) -> Option<Result<(u32, u32), Refusal>> {
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.unsigned()?;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128) {
        let chroma = bits.unsigned()?;
        if chroma != 1 || bits.unsigned()? != 0 || bits.unsigned()? != 0 {
            return Some(Err(Refusal::PixelFormat));
        }
        bits.take(1)?;
        if bits.take(1)? == 1 {
            for list in 0..8 {
                if bits.take(1)? == 1 {
                    skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.unsigned()?;
    match bits.unsigned()? {
        0 => {
            bits.unsigned()?;
        }
        1 => {
            bits.take(1)?;
            bits.unsigned()?;
            bits.unsigned()?;
            let cycle = bits.unsigned()?;
            for _ in 0..cycle.min(255) {
                bits.unsigned()?;
            }
        }
        _ => {}
    }
    bits.unsigned()?;
    bits.take(1)?;
    let width = bits.unsigned()?.checked_add(1)?.checked_mul(16)?;
    let rows = bits.unsigned()?.checked_add(1)?.checked_mul(16)?;
    let frames_only = bits.take(1)?;
    if frames_only == 0 {
        bits.take(1)?;
    }
    let fields = 2 - frames_only;
    let height = rows.checked_mul(fields)?;
    bits.take(1)?;
    if bits.take(1)? == 0 {
        return Some(Ok((width, height)));
    }
    let [left, right, top, bottom] = [
        bits.unsigned()?,
        bits.unsigned()?,
        bits.unsigned()?,
        bits.unsigned()?,
    ];
    let across = left.checked_add(right)?.checked_mul(2)?;
    let down = top.checked_add(bottom)?.checked_mul(2 * fields)?;
    Some(Ok((width.checked_sub(across)?, height.checked_sub(down)?)))
}

/// §7.3.2.1.1.1.
fn skip_scaling_list(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.signed()?).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// Exponential-Golomb (§9.1).
    fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
        }
        if zeros > 31 {
            return None;
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }

    fn signed(&mut self) -> Option<i64> {
        let code = i64::from(self.unsigned()?);
        Some(if code % 2 == 0 {
            -(code / 2)
        } else {
            code / 2 + 1
        })
    }
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

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            let _ = size(&bytes);
            let mut record = RECORD.to_vec();
            let end = record.len().min(12 + bytes.len());
            record[12..end].copy_from_slice(&bytes[..end - 12]);
            let _ = size(&record);
        }
    }
}
