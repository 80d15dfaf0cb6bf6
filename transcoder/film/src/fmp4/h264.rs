//! H.264 byte streams (ITU-T H.264 Annex B) and the length-prefixed form that MP4 holds
//! (ISO/IEC 14496-15 §5.3).

const SLICE_IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;

/// How a track's packets separate their NAL units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    StartCodes,
    /// A big-endian length of so many bytes before each unit.
    Lengths(usize),
}

/// Parameter sets out of a codec's extra data, in either form: the record for the init segment
/// (always with four-byte lengths) and how packets are framed. None when they cannot be used.
pub fn configuration(extra: &[u8]) -> Option<(Vec<u8>, Framing)> {
    if let [1, _, _, _, lengths, _, ..] = extra {
        let framing = Framing::Lengths(usize::from(lengths & 3) + 1);
        let mut record = extra.to_vec();
        record[4] |= 3;
        return Some((record, framing));
    }
    let units = units(extra, Framing::StartCodes);
    Some((record(&units)?, Framing::StartCodes))
}

/// An `AVCDecoderConfigurationRecord` of exactly one SPS and one PPS or more.
fn record(units: &[&[u8]]) -> Option<Vec<u8>> {
    let of_kind = |kind: u8| units.iter().filter(move |unit| unit_kind(unit) == kind);
    let sps = of_kind(SPS).next()?;
    let [_, profile, constraints, level, ..] = **sps else {
        return None;
    };
    let mut record = vec![1, profile, constraints, level, 0xFF, 0xE1];
    record.extend(u16::try_from(sps.len()).ok()?.to_be_bytes());
    record.extend_from_slice(sps);
    record.push(
        u8::try_from(of_kind(PPS).count())
            .ok()
            .filter(|count| *count > 0)?,
    );
    for pps in of_kind(PPS) {
        record.extend(u16::try_from(pps.len()).ok()?.to_be_bytes());
        record.extend_from_slice(pps);
    }
    // High profiles tell their chroma format and bit depths: 4:2:0, 8 bits, no SPS extension.
    if profile == 100 {
        record.extend([0xFD, 0xF8, 0xF8, 0]);
    }
    Some(record)
}

/// A record of the parameter sets that a packet brings along. None: it brings no usable ones.
pub fn parameter_sets(packet: &[u8], framing: Framing) -> Option<Vec<u8>> {
    record(&units(packet, framing))
}

/// A packet with four-byte lengths; parameter sets and delimiters, which the init segment holds or
/// nobody needs, are left out.
pub fn to_lengths(packet: &[u8], framing: Framing) -> Vec<u8> {
    let mut out = Vec::with_capacity(packet.len() + 16);
    for unit in units(packet, framing) {
        if [SPS, PPS, DELIMITER].contains(&unit_kind(unit)) {
            continue;
        }
        let Ok(length) = u32::try_from(unit.len()) else {
            continue;
        };
        out.extend(length.to_be_bytes());
        out.extend_from_slice(unit);
    }
    out
}

/// What a keyframe packet holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyframe {
    pub idr: bool,
    /// A parameter set that is not in the record: the film changes its parameters.
    pub foreign_sps: bool,
}

pub fn look_at_keyframe(packet: &[u8], framing: Framing, avcc: &[u8]) -> Keyframe {
    let mut found = Keyframe {
        idr: false,
        foreign_sps: false,
    };
    for unit in units(packet, framing) {
        match unit_kind(unit) {
            SLICE_IDR => found.idr = true,
            SPS => found.foreign_sps |= !contains(avcc, unit),
            _ => {}
        }
    }
    found
}

fn contains(record: &[u8], unit: &[u8]) -> bool {
    !unit.is_empty() && record.windows(unit.len()).any(|window| window == unit)
}

fn unit_kind(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |byte| byte & 0x1F)
}

fn units(packet: &[u8], framing: Framing) -> Vec<&[u8]> {
    match framing {
        Framing::StartCodes => start_code_units(packet),
        Framing::Lengths(width) => length_units(packet, width),
    }
}

fn length_units(mut packet: &[u8], width: usize) -> Vec<&[u8]> {
    let mut units = Vec::new();
    while let Some((length, rest)) = packet.split_at_checked(width) {
        let length = length
            .iter()
            .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        // A length beyond the packet is damage: what is there counts as the unit.
        let (unit, rest) = rest.split_at(length.min(rest.len()));
        if !unit.is_empty() {
            units.push(unit);
        }
        packet = rest;
    }
    units
}

fn start_code_units(stream: &[u8]) -> Vec<&[u8]> {
    let mut units = Vec::new();
    let mut rest = after_start_code(stream);
    while let Some(current) = rest {
        let next = after_start_code(current);
        let end = next.map_or(current.len(), |next| current.len() - next.len() - 3);
        // Trailing zeros belong to the next start code or to nothing.
        let unit = current[..end].trim_end_with_zeros();
        if !unit.is_empty() {
            units.push(unit);
        }
        rest = next;
    }
    units
}

trait TrimZeros {
    fn trim_end_with_zeros(&self) -> &Self;
}

impl TrimZeros for [u8] {
    fn trim_end_with_zeros(&self) -> &Self {
        let end = self
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        &self[..end]
    }
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::find(stream, &[0, 0, 1])?;
    Some(&stream[at + 3..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS_UNIT: [u8; 5] = [0x67, 0x64, 0, 0x1F, 0xAC];
    const PPS_UNIT: [u8; 3] = [0x68, 0xEB, 0xE3];

    fn stream(units: &[&[u8]]) -> Vec<u8> {
        units
            .iter()
            .flat_map(|unit| [&[0, 0, 0, 1][..], unit].concat())
            .collect()
    }

    #[test]
    fn start_codes_become_lengths() {
        let packet = stream(&[
            &[0x09, 0x10],
            &SPS_UNIT,
            &PPS_UNIT,
            &[0x65, 1, 2],
            &[0x41, 9],
        ]);
        let lengths = to_lengths(&packet, Framing::StartCodes);
        assert_eq!(lengths, [0, 0, 0, 3, 0x65, 1, 2, 0, 0, 0, 2, 0x41, 9]);
        assert_eq!(to_lengths(&lengths, Framing::Lengths(4)), lengths);
    }

    #[test]
    fn a_record_is_made_of_parameter_sets() {
        let (record, framing) = configuration(&stream(&[&SPS_UNIT, &PPS_UNIT])).expect("a record");
        assert_eq!(framing, Framing::StartCodes);
        assert_eq!(record[..6], [1, 0x64, 0, 0x1F, 0xFF, 0xE1]);
        assert!(contains(&record, &SPS_UNIT) && contains(&record, &PPS_UNIT));
        assert_eq!(
            configuration(&record),
            Some((record.clone(), Framing::Lengths(4)))
        );
        assert_eq!(configuration(&stream(&[&SPS_UNIT])), None);
    }

    #[test]
    fn keyframes_are_told_from_recovery_points() {
        let (avcc, _) = configuration(&stream(&[&SPS_UNIT, &PPS_UNIT])).expect("a record");
        let look = |units: &[&[u8]]| look_at_keyframe(&stream(units), Framing::StartCodes, &avcc);
        assert!(look(&[&SPS_UNIT, &[0x65, 1]]).idr);
        assert!(!look(&[&[0x06, 6, 1], &[0x41, 1]]).idr);
        assert!(!look(&[&SPS_UNIT]).foreign_sps);
        assert!(look(&[&[0x67, 0x4D, 0, 0x1E]]).foreign_sps);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = configuration(&bytes);
            for framing in [Framing::StartCodes, Framing::Lengths(1), Framing::Lengths(4)] {
                let _ = to_lengths(&bytes, framing);
                let _ = look_at_keyframe(&bytes, framing, &bytes);
            }
        }
    }
}
