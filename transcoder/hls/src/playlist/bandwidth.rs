//! The bit rates of a track as a multivariant playlist declares them (RFC 8216 §4.1, §4.3.4.2).

use super::media::round_to_seconds;

/// A segment as measured on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentSize {
    pub bytes: u64,
    pub duration_us: u64,
}

/// Bits a second, rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bitrate {
    pub peak: u64,
    pub average: u64,
}

impl std::ops::Add for Bitrate {
    type Output = Self;

    /// Two tracks played together.
    fn add(self, other: Self) -> Self {
        Self {
            peak: self.peak.saturating_add(other.peak),
            average: self.average.saturating_add(other.average),
        }
    }
}

/// Measures a track. The peak is the largest rate of any contiguous set of segments that lasts
/// between 0.5 and 1.5 target durations; a track too short for one such set counts as a whole.
pub fn bitrate(segments: &[SegmentSize]) -> Bitrate {
    let longest = segments.iter().map(|s| s.duration_us).max().unwrap_or(0);
    let target_us = round_to_seconds(longest).max(1) * 1_000_000;
    let average = rate(segments);
    let peak = (0..segments.len())
        .filter_map(|first| peak_from(&segments[first..], target_us))
        .max()
        .unwrap_or(average);
    Bitrate {
        // A lone short segment at the end may be in no set: the average is a floor for the peak.
        peak: peak.max(average),
        average,
    }
}

/// The largest rate of a set that begins with the first segment.
fn peak_from(segments: &[SegmentSize], target_us: u64) -> Option<u64> {
    let mut sum = SegmentSize {
        bytes: 0,
        duration_us: 0,
    };
    let mut peak = None;
    for segment in segments {
        sum.bytes += segment.bytes;
        sum.duration_us += segment.duration_us;
        if sum.duration_us * 2 > target_us * 3 {
            break;
        }
        if sum.duration_us * 2 >= target_us {
            peak = peak.max(Some(rate(&[sum])));
        }
    }
    peak
}

fn rate(segments: &[SegmentSize]) -> u64 {
    let bits = segments
        .iter()
        .map(|s| u128::from(s.bytes) * 8)
        .sum::<u128>();
    let us: u128 = segments.iter().map(|s| u128::from(s.duration_us)).sum();
    u64::try_from((bits * 1_000_000).div_ceil(us.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(list: &[(u64, u64)]) -> Vec<SegmentSize> {
        list.iter()
            .map(|&(bytes, ms)| SegmentSize {
                bytes,
                duration_us: ms * 1000,
            })
            .collect()
    }

    #[test]
    fn peaks_are_of_sets_near_the_target_duration() {
        for (segments, peak, average) in [
            (sizes(&[]), 0, 0),
            (sizes(&[(1000, 1000)]), 8000, 8000),
            (sizes(&[(6000, 6000), (12_000, 6000)]), 16_000, 12_000),
            // The dense 2 s start counts only together with its neighbours.
            (
                sizes(&[(8000, 2000), (1000, 2000), (6000, 6000)]),
                18_000,
                12_000,
            ),
        ] {
            let found = bitrate(&segments);
            assert_eq!(found, Bitrate { peak, average }, "{segments:?}");
        }
    }
}
