//! Reads fragmented MP4 (ISO/IEC 14496-12) as far as a checker needs it: how long, how large, where
//! keyframes are. Whatever the bytes say, it neither panics nor believes a length.

use std::borrow::Cow;

use super::Sample;

/// What an init segment says of its track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    pub timescale: u32,
    /// RFC 6381.
    pub codec: String,
    /// Width and height of a picture track.
    pub size: Option<(u32, u32)>,
    /// Of a sound track.
    pub channels: Option<u32>,
}

/// What a media segment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    pub decode_time: u64,
    /// The sum of all samples' durations.
    pub duration: u64,
    pub samples: u32,
    /// Whether the first sample can be decoded without any before it.
    pub independent: bool,
    /// When keyframes are decoded, from the segment's start.
    pub keys: Vec<u64>,
    /// Whether the samples' sizes add up to the data.
    pub sizes_fit: bool,
}

/// None: it is no init segment of one track.
pub fn init(bytes: &[u8]) -> Option<Init> {
    let media = find(bytes, &[b"moov", b"trak", b"mdia"])?;
    let header = find(media, &[b"mdhd"])?;
    let at = if header.first() == Some(&1) { 20 } else { 12 };
    let entries = find(media, &[b"minf", b"stbl", b"stsd"])?.get(8..)?;
    let (kind, entry, _) = next(entries)?;
    let (codec, size, channels) = match &kind {
        b"avc1" => {
            let record = find(entry.get(78..)?, &[b"avcC"])?.get(1..4)?;
            let digits = record.iter().map(|byte| format!("{byte:02x}"));
            let codec = digits.fold("avc1.".to_owned(), |text, byte| text + &byte);
            let size = (number(entry, 24, 2)?, number(entry, 26, 2)?);
            (codec, Some(size), None)
        }
        b"mp4a" => {
            let esds = find(entry.get(28..)?, &[b"esds"])?;
            // Decoder-specific information: its tag, its length, then the object type's five bits.
            let at = esds
                .windows(2)
                .position(|pair| pair[0] == 5 && pair[1] >= 2)?;
            let codec = format!("mp4a.40.{}", esds.get(at + 2)? >> 3);
            (codec, None, Some(number(entry, 16, 2)?))
        }
        _ => return None,
    };
    let timescale = number(header, at, 4).filter(|scale| *scale > 0)?;
    Some(Init {
        timescale,
        codec,
        size,
        channels,
    })
}

/// A segment's samples as they were written: when the first is decoded, all of them, their data.
/// A segment may have been written in pieces, each beginning where the one before it ends. None: it
/// is no media segment of one track with one run of samples a piece.
pub fn samples(bytes: &[u8]) -> Option<(u64, Vec<Sample>, Cow<'_, [u8]>)> {
    let (begins, mut samples, data, mut rest) = piece(bytes)?;
    let mut data = Cow::Borrowed(data);
    let mut ends = begins.wrapping_add(lasts(&samples));
    while !rest.is_empty() {
        let (decoded, more, its, behind) = piece(rest)?;
        if decoded != ends {
            return None;
        }
        ends = ends.wrapping_add(lasts(&more));
        samples.extend(more);
        data.to_mut().extend_from_slice(its);
        rest = behind;
    }
    Some((begins, samples, data))
}

fn lasts(samples: &[Sample]) -> u64 {
    samples.iter().map(|one| u64::from(one.duration)).sum()
}

/// When the first sample is decoded, the samples, their data, and what lies behind them.
type Piece<'a> = (u64, Vec<Sample>, &'a [u8], &'a [u8]);

fn piece(bytes: &[u8]) -> Option<Piece<'_>> {
    const EVERY: u32 = 0x0F01;
    let traf = find(bytes, &[b"moof", b"traf"])?;
    let decode_time = find(traf, &[b"tfdt"])?.get(4..12)?;
    let run = find(traf, &[b"trun"])?;
    if number(run, 0, 4)? & 0x00FF_FFFF != EVERY {
        return None;
    }
    let count = usize::try_from(number(run, 4, 4)?).ok()?;
    let table = run.get(12..)?.get(..count.checked_mul(16)?)?;
    let samples = table.chunks_exact(16).map(|sample| {
        Some(Sample {
            duration: number(sample, 0, 4)?,
            size: number(sample, 4, 4)?,
            // Bit 16 of the flags: it depends on others (§8.8.3.1).
            key: number(sample, 8, 4)? & 0x0001_0000 == 0,
            composition: number(sample, 12, 4)?.cast_signed(),
        })
    });
    let (data, rest) = split(bytes, *b"mdat")?;
    Some((
        u64::from_be_bytes(decode_time.try_into().ok()?),
        samples.collect::<Option<_>>()?,
        data,
        rest,
    ))
}

/// The first box of its kind, and what lies behind it.
fn split(mut bytes: &[u8], wanted: [u8; 4]) -> Option<(&[u8], &[u8])> {
    loop {
        let (kind, body, rest) = next(bytes)?;
        if kind == wanted {
            return Some((body, rest));
        }
        bytes = rest;
    }
}

/// None: it is no media segment of one track with one run of samples.
pub fn fragment(bytes: &[u8]) -> Option<Fragment> {
    let (decode_time, samples, data) = samples(bytes)?;
    let mut found = Fragment {
        decode_time,
        duration: 0,
        samples: u32::try_from(samples.len()).ok()?,
        independent: samples.first().is_some_and(|first| first.key),
        keys: Vec::new(),
        sizes_fit: false,
    };
    let mut bytes = 0_u64;
    for sample in samples {
        if sample.key {
            found.keys.push(found.duration);
        }
        found.duration += u64::from(sample.duration);
        bytes += u64::from(sample.size);
    }
    found.sizes_fit = bytes == data.len() as u64;
    Some(found)
}

/// The body of the box at the end of a path, each the first of its kind.
pub(super) fn find<'a>(mut bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    let (wanted, deeper) = path.split_first()?;
    loop {
        let (kind, body, rest) = next(bytes)?;
        if kind == **wanted {
            return if deeper.is_empty() {
                Some(body)
            } else {
                find(body, deeper)
            };
        }
        bytes = rest;
    }
}

/// The first box: its kind, its body, and what follows it.
fn next(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let length = usize::try_from(number(bytes, 0, 4)?).ok()?;
    let kind = bytes.get(4..8)?.try_into().ok()?;
    Some((kind, bytes.get(8..length)?, bytes.get(length..)?))
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    Some(
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Media, init_segment, media_segment};
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let video = Media::H264 {
            width: 640,
            height: 360,
            avcc: vec![1, 0x64, 0, 0x1F, 0xFF],
        };
        let expected = Init {
            timescale: 12_800,
            codec: "avc1.64001f".to_owned(),
            size: Some((640, 360)),
            channels: None,
        };
        assert_eq!(init(&init_segment(&video, 12_800, 1024)), Some(expected));
        let audio = Media::Aac {
            rate: 48_000,
            channels: 2,
            config: vec![0x11, 0x90],
        };
        let found = init(&init_segment(&audio, 48_000, 0)).expect("an init segment");
        assert_eq!(
            (found.codec.as_str(), found.size, found.channels),
            ("mp4a.40.2", None, Some(2))
        );

        let sample = |key: bool| Sample {
            size: 2,
            duration: 10,
            composition: 0,
            key,
        };
        let samples = [sample(true), sample(false), sample(true)];
        let found = fragment(&media_segment(0, 99, &samples, b"abcdef")).expect("a segment");
        assert_eq!(
            (found.decode_time, found.duration, found.samples),
            (99, 30, 3)
        );
        assert_eq!(found.keys, [0, 20]);
        assert!(found.independent && found.sizes_fit);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(
            mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
            at in 0..400_usize,
        ) {
            let _ = (init(&bytes), fragment(&bytes));
            let sample = Sample { size: 2, duration: 10, composition: 0, key: true };
            let mut whole = media_segment(0, 99, &[sample], b"ab");
            let end = (at + bytes.len()).min(whole.len());
            if at < end {
                bytes.truncate(end - at);
                whole[at..end].copy_from_slice(&bytes);
            }
            let _ = (init(&whole), fragment(&whole));
        }
    }
}
