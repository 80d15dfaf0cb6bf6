//! A sequence parameter set (ITU-T H.264 §7.3.2.1 and Annex E): what a picture is, without decoding
//! one.

/// What the first SPS of an `AVCDecoderConfigurationRecord` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sps {
    /// In pixels, as shown: what encoders pad to whole blocks is cut off.
    pub width: u32,
    pub height: u32,
    /// 4:2:0 with 8 bits a sample.
    pub eight_bit_420: bool,
    /// No picture is made of two fields.
    pub frames_only: bool,
    /// A pixel's width and height. None: nobody says.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Primaries, transfer and matrix (ITU-T H.273). None: nobody says.
    pub colours: Option<[u32; 3]>,
}

/// None: there is no SPS, or it cannot be read.
pub fn read(record: &[u8]) -> Option<Sps> {
    let plain = unescape(unit(record)?);
    parse(&mut Bits {
        bytes: &plain,
        at: 8,
    })
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

fn parse(bits: &mut Bits<'_>) -> Option<Sps> {
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.unsigned()?;
    let samples = Samples::read(bits, profile)?;
    bits.unsigned()?;
    skip_picture_order(bits)?;
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
    let (mut across, mut down) = (0, 0);
    if bits.take(1)? == 1 {
        let [left, right, top, bottom] = [
            bits.unsigned()?,
            bits.unsigned()?,
            bits.unsigned()?,
            bits.unsigned()?,
        ];
        let (wide, high) = samples.cropped_by();
        across = left.checked_add(right)?.checked_mul(wide)?;
        down = top.checked_add(bottom)?.checked_mul(high * fields)?;
    }
    // What comes last is often cut off or absent; the picture can be shown without.
    let usability = (bits.take(1) == Some(1)).then(|| usability(bits)).flatten();
    let (pixel_aspect, colours) = usability.unwrap_or_default();
    Some(Sps {
        width: width.checked_sub(across)?,
        height: height.checked_sub(down)?,
        eight_bit_420: samples.eight_bit_420(),
        frames_only: frames_only == 1,
        pixel_aspect,
        colours,
    })
}

/// How a picture is sampled (§7.4.2.1.1).
struct Samples {
    chroma: u32,
    separate: bool,
    /// More than 8 bits of brightness, and of colour.
    deeper: [u32; 2],
}

impl Samples {
    fn read(bits: &mut Bits<'_>, profile: u32) -> Option<Self> {
        let mut samples = Self {
            chroma: 1,
            separate: false,
            deeper: [0, 0],
        };
        if !matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128) {
            return Some(samples);
        }
        samples.chroma = bits.unsigned()?;
        if samples.chroma == 3 {
            samples.separate = bits.take(1)? == 1;
        }
        samples.deeper = [bits.unsigned()?, bits.unsigned()?];
        bits.take(1)?;
        if bits.take(1)? == 1 {
            let lists = if samples.chroma == 3 { 12 } else { 8 };
            for list in 0..lists {
                if bits.take(1)? == 1 {
                    skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        Some(samples)
    }

    fn eight_bit_420(&self) -> bool {
        self.chroma == 1 && self.deeper == [0, 0]
    }

    /// The steps that sides are cropped in (Table 6-1).
    fn cropped_by(&self) -> (u32, u32) {
        match (self.chroma, self.separate) {
            (1, _) => (2, 2),
            (2, _) => (2, 1),
            _ => (1, 1),
        }
    }
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

fn skip_picture_order(bits: &mut Bits<'_>) -> Option<()> {
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
    Some(())
}

/// A pixel's shape, and how numbers become colours.
type Usability = (Option<(u32, u32)>, Option<[u32; 3]>);

/// The beginning of the usability information (§E.1.1).
fn usability(bits: &mut Bits<'_>) -> Option<Usability> {
    const EXTENDED: u32 = 255;
    let mut aspect = None;
    if bits.take(1)? == 1 {
        aspect = match bits.take(8)? {
            EXTENDED => Some((bits.take(16)?, bits.take(16)?)),
            known => usize::try_from(known)
                .ok()
                .and_then(|known| ASPECTS.get(known).copied()),
        };
    }
    if bits.take(1)? == 1 {
        bits.take(1)?;
    }
    let mut colours = None;
    if bits.take(1)? == 1 {
        bits.take(4)?;
        if bits.take(1)? == 1 {
            colours = Some([bits.take(8)?, bits.take(8)?, bits.take(8)?]);
        }
    }
    let aspect = aspect.filter(|(width, height)| *width > 0 && *height > 0);
    Some((aspect, colours))
}

/// Table E-1.
const ASPECTS: [(u32, u32); 17] = [
    (0, 0),
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

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
mod tests {
    use super::*;

    /// x264's for 320 × 180 at 30 frames a second, High.
    const RECORD: &[u8] = &[
        0x01, 0x64, 0x00, 0x0D, 0xFF, 0xE1, 0x00, 0x1A, 0x67, 0x64, 0x00, 0x0D, 0xAC, 0xD9, 0x41,
        0x41, 0x9F, 0x9F, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xC0,
        0xF1, 0x42, 0x99, 0x60, 0x01, 0x00, 0x06, 0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0, 0xFD, 0xF8,
        0xF8, 0x00,
    ];

    #[test]
    fn a_picture_is_known_without_decoding_it() {
        let found = Sps {
            width: 320,
            height: 180,
            eight_bit_420: true,
            frames_only: true,
            pixel_aspect: Some((1, 1)),
            colours: None,
        };
        assert_eq!(read(RECORD), Some(found));
        for length in 0..20 {
            assert_eq!(read(&RECORD[..length]), None, "{length}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            let _ = read(&bytes);
            let mut record = RECORD.to_vec();
            let end = record.len().min(12 + bytes.len());
            record[12..end].copy_from_slice(&bytes[..end - 12]);
            let _ = read(&record);
        }
    }
}
