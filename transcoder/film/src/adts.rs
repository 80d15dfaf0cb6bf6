//! AAC as transport streams carry it: each frame behind a header of its own (ISO/IEC 13818-7 §6.2),
//! where MP4 says the same once.

const LOW_COMPLEXITY: u8 = 1;
/// Rates that the index can name.
const RATES: u8 = 13;

/// One frame of plain AAC-LC and what its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The same as an `AudioSpecificConfig` (ISO/IEC 14496-3 §1.6.2.1).
    pub config: [u8; 2],
    /// What is left without the header.
    pub data: &'a [u8],
}

/// None: the packet is anything else than exactly one such frame, mono or stereo.
pub fn read(packet: &[u8]) -> Option<Frame<'_>> {
    let (header, _) = packet.split_first_chunk::<7>()?;
    let [sync, flags, kind, sizes, middle, low, blocks] = *header;
    // Twelve set bits and layer 0; the last bit says that no checksum follows.
    if sync != 0xFF || flags & 0xF6 != 0xF0 {
        return None;
    }
    let (profile, rate) = (kind >> 6, kind >> 2 & 0xF);
    let channels = (kind & 1) << 2 | sizes >> 6;
    let length = usize::from(sizes & 3) << 11 | usize::from(middle) << 3 | usize::from(low >> 5);
    let plain = profile == LOW_COMPLEXITY && rate < RATES && (1..=2).contains(&channels);
    let more_blocks = blocks & 3;
    let alone = length == packet.len() && more_blocks == 0;
    let skipped = if flags & 1 == 1 { 7 } else { 9 };
    let data = packet.get(skipped..).filter(|data| !data.is_empty())?;
    (plain && alone).then_some(Frame {
        config: [2 << 3 | rate >> 1, rate << 7 | channels << 3],
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 48 kHz stereo: a header for this payload.
    fn packet(payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len() + 7).expect("a short one");
        let mut packet = vec![
            0xFF,
            0xF1,
            0x4C,
            0x80,
            length >> 3,
            length << 5 | 0x1F,
            0xFC,
        ];
        packet.extend_from_slice(payload);
        packet
    }

    #[test]
    fn a_frame_loses_its_header_and_keeps_what_it_said() {
        let whole = packet(&[0x21, 0x10, 0x05]);
        let frame = read(&whole).expect("a frame");
        assert_eq!(frame.config, [0x11, 0x90]);
        assert_eq!(frame.data, [0x21, 0x10, 0x05]);
        let mut checked = packet(&[0xAB, 0xCD, 0x21]);
        checked[1] = 0xF0;
        assert_eq!(read(&checked).expect("a frame").data, [0x21]);
    }

    #[test]
    fn other_packets_are_no_frames() {
        let whole = packet(&[0x21, 0x10, 0x05]);
        let changed = |at: usize, value: u8| {
            let mut changed = whole.clone();
            changed[at] = value;
            changed
        };
        let header = packet(&[]);
        let two = [whole.clone(), whole.clone()].concat();
        for (why, packet) in [
            ("no frame", b"\x21\x10\x05 raw AAC".to_vec()),
            ("MP3", changed(1, 0xFB)),
            ("Main profile", changed(2, 0x0C)),
            ("a rate that is none", changed(2, 0x74)),
            ("six channels", changed(2, 0x4D)),
            ("two blocks", changed(6, 0xFD)),
            ("two frames", two),
            ("cut off", whole[..8].to_vec()),
            ("a header alone", header),
        ] {
            assert_eq!(read(&packet), None, "{why}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            let _ = read(&bytes);
        }
    }
}
