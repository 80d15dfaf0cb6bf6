//! Fragmented MP4 as CMAF and HLS want it (ISO/IEC 14496-12 §8.8, RFC 8216 §3.3).
//!
//! Pure: samples in, bytes out. Own boxes instead of libavformat's muxer, because here nothing may
//! move a time stamp. Every track begins at zero; one that reorders frames says by a single edit how
//! far its first frame is delayed, which browsers, Apple's players and libavformat all read alike
//! (negative composition offsets, the other way, libavformat shows late).

mod boxes;
pub mod h264;
mod init;
pub mod read;
pub mod sps;

use boxes::Boxes;
pub use init::{Media, edit_of, init_segment, movie};

const IS_SYNC: u32 = 0x0200_0000;
const IS_DEPENDENT: u32 = 0x0101_0000;

/// One frame in decoding order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub size: u32,
    pub duration: u32,
    /// When it is shown minus when it is decoded, in ticks.
    pub composition: i32,
    pub key: bool,
}

/// One media segment: `styp`, `moof`, `mdat`. `decode_time` is that of the first sample.
pub fn media_segment(number: u32, decode_time: u64, samples: &[Sample], data: &[u8]) -> Vec<u8> {
    fragment(1, number, decode_time, samples, data)
}

/// The same in a file of several tracks, which are numbered from 1 ([`movie`]).
pub fn fragment(
    track: u32,
    number: u32,
    decode_time: u64,
    samples: &[Sample],
    data: &[u8],
) -> Vec<u8> {
    let mut out = Boxes::default();
    out.boxed(b"styp", |styp| {
        styp.bytes(b"msdh").u32(0).bytes(b"msdhmsixcmfs");
    });
    let moof = out.len();
    let mut offset_at = 0;
    out.boxed(b"moof", |moof| {
        moof.full(b"mfhd", 0, 0, |mfhd| {
            mfhd.u32(number.saturating_add(1));
        });
        moof.boxed(b"traf", |traf| {
            // default-base-is-moof
            traf.full(b"tfhd", 0, 0x02_0000, |tfhd| {
                tfhd.u32(track);
            });
            traf.full(b"tfdt", 1, 0, |tfdt| {
                tfdt.u64(decode_time);
            });
            // Version 1: signed offsets. Duration, size, flags and offset of each sample.
            traf.full(b"trun", 1, 0x0F01, |trun| {
                trun.u32(u32::try_from(samples.len()).unwrap_or(u32::MAX));
                offset_at = trun.len();
                trun.u32(0);
                for sample in samples {
                    let flags = if sample.key { IS_SYNC } else { IS_DEPENDENT };
                    trun.u32(sample.duration)
                        .u32(sample.size)
                        .u32(flags)
                        .i32(sample.composition);
                }
            });
        });
    });
    out.patch(offset_at, out.len() - moof + 8);
    out.boxed(b"mdat", |mdat| {
        mdat.bytes(data);
    });
    out.into_bytes()
}

/// Segments of ours that follow one another, as one. None: one of them is none of ours.
pub fn join(number: u32, segments: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut all = (0, Vec::new(), Vec::new());
    for (place, bytes) in segments.iter().enumerate() {
        let (decode_time, samples, data) = read::samples(bytes)?;
        if place == 0 {
            all.0 = decode_time;
        }
        all.1.extend(samples);
        all.2.extend_from_slice(&data);
    }
    Some(media_segment(number, all.0, &all.1, &all.2))
}

/// A segment of ours moved to another place: the first one given begins at 0, the others keep
/// their distance to it. None: it is none of ours.
pub fn restart(mut segment: Vec<u8>, place: u32, base: &mut Option<u64>) -> Option<Vec<u8>> {
    let at = memchr::memmem::find(&segment, b"mfhd")? + 8;
    segment
        .get_mut(at..at + 4)?
        .copy_from_slice(&(place + 1).to_be_bytes());
    let at = memchr::memmem::find(&segment, b"tfdt")? + 8;
    let time = segment.get_mut(at..at + 8)?;
    let decoded = u64::from_be_bytes(time.try_into().ok()?);
    let base = *base.get_or_insert(decoded);
    time.copy_from_slice(&decoded.checked_sub(base)?.to_be_bytes());
    Some(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segments_data_lies_where_it_says() {
        let sample = Sample {
            size: 3,
            duration: 512,
            composition: -512,
            key: true,
        };
        let bytes = media_segment(0, 7, &[sample], b"abc");
        assert_eq!(&bytes[bytes.len() - 3..], b"abc");
        let moof = bytes.windows(4).position(|w| w == b"moof").expect("moof") - 4;
        let trun = bytes.windows(4).position(|w| w == b"trun").expect("trun");
        let offset = u32::from_be_bytes(bytes[trun + 12..trun + 16].try_into().expect("4 bytes"));
        assert_eq!(moof + offset as usize, bytes.len() - 3);
    }

    #[test]
    fn pieces_are_read_as_what_they_are_pieces_of() {
        let sample = |key| Sample {
            size: 2,
            duration: 10,
            composition: 0,
            key,
        };
        let mut bytes = media_segment(0, 70, &[sample(true), sample(false)], b"abcd");
        let first = bytes.clone();
        bytes.extend(media_segment(1, 90, &[sample(false)], b"ef"));
        let (begins, samples, data) = read::samples(&bytes).expect("a segment");
        assert_eq!((begins, samples.len(), &data[..]), (70, 3, &b"abcdef"[..]));
        let found = read::fragment(&bytes).expect("a segment");
        assert!(found.sizes_fit && found.independent && found.duration == 30);
        let mut apart = first;
        apart.extend(media_segment(1, 91, &[sample(false)], b"ef"));
        assert_eq!(read::samples(&apart), None, "a gap");
        assert_eq!(read::samples(&bytes[..bytes.len() - 1]), None, "cut off");
    }

    #[test]
    fn parts_are_joined_to_what_they_are_parts_of() {
        let sample = |size, key| Sample {
            size,
            duration: 10,
            composition: -3,
            key,
        };
        let parts = [
            media_segment(0, 70, &[sample(1, true), sample(2, false)], b"abb"),
            media_segment(1, 90, &[sample(3, false)], b"ccc"),
        ];
        let samples = [sample(1, true), sample(2, false), sample(3, false)];
        let whole = media_segment(4, 70, &samples, b"abbccc");
        assert_eq!(join(4, &parts), Some(whole));
        assert_eq!(join(4, &[b"moof".to_vec()]), None);
    }

    #[test]
    fn segments_can_begin_anew() {
        let sample = Sample {
            size: 1,
            duration: 10,
            composition: 0,
            key: true,
        };
        let mut base = None;
        for (place, decode_time) in [(0, 70), (1, 80)] {
            let moved = media_segment(7 + place, decode_time, &[sample], b"x");
            let moved = restart(moved, place, &mut base).expect("ours");
            let wanted = media_segment(place, decode_time - 70, &[sample], b"x");
            assert_eq!(moved, wanted);
        }
        assert_eq!(restart(b"tfdt".to_vec(), 0, &mut None), None);
    }
}
