//! Where segments begin and where keyframes are forced.
//!
//! Quick start: the first two segments last a second, since nobody can watch before one is made;
//! then two short ones, then long ones. A short film is short segments all through.
//! A preview ends on a boundary, so that all of it can be given away and nothing more.

/// A short segment and the distance of keyframes: Apple's authoring rules ask for an IDR every 2 s.
pub const SHORT_US: u64 = 2_000_000;
const LONG_US: u64 = 6_000_000;
/// The target duration may be passed by half a second at most.
pub const LONGEST_US: u64 = 6_500_000;
const SHORT_FILM_US: u64 = 60_000_000;
const RAMP_US: u64 = 3 * SHORT_US;
const FIRST_US: u64 = 1_000_000;
/// A shorter film is made before anybody comes to watch it.
const AWAITED_US: u64 = 10_000_000;
/// What would be left at the end joins its neighbour when it is shorter than this.
const SHORTEST_US: u64 = 500_000;

/// The candidates of an encoded film: the first frame at or after each 2 s, one after the first
/// second, and the last frame at or before the preview's end. `frames_us` ascends from 0.
pub fn grid(frames_us: &[u64], preview_us: Option<u64>) -> Vec<u64> {
    let mut grid = Vec::new();
    let mut next = 0;
    let awaited = frames_us.last().is_some_and(|last| *last >= AWAITED_US);
    for &frame in frames_us {
        if frame >= next {
            grid.push(frame);
            next = if awaited && frame < FIRST_US {
                FIRST_US
            } else {
                (frame / SHORT_US + 1) * SHORT_US
            };
        }
    }
    let preview = preview_us
        .map(|end| frames_us.partition_point(|frame| *frame <= end))
        .and_then(|after| frames_us.get(after.checked_sub(1)?));
    if let Some(end) = preview {
        grid.push(*end);
        grid.sort_unstable();
        grid.dedup();
    }
    grid
}

/// Chooses the starts of segments among `candidates` (ascending from 0), and adds the film's end.
pub fn boundaries(candidates: &[u64], end_us: u64, preview_us: Option<u64>) -> Vec<u64> {
    let preview = preview_us.and_then(|limit| {
        let within = |start: &&u64| **start > 0 && **start <= limit && **start < end_us;
        candidates.iter().rfind(within).copied()
    });
    let mut cuts = vec![0];
    let mut start = 0;
    loop {
        let wanted = if end_us >= AWAITED_US && start < SHORT_US {
            FIRST_US
        } else if end_us < SHORT_FILM_US || start < RAMP_US {
            SHORT_US
        } else {
            LONG_US
        };
        let preview = preview.filter(|preview| *preview > start);
        // The rest is one segment, unless the preview ends in it.
        if preview.is_none() && end_us - start <= wanted + SHORTEST_US {
            break;
        }
        let Some(cut) = nearest(candidates, start, start + wanted, end_us) else {
            break;
        };
        let cut = preview.filter(|preview| *preview < cut).unwrap_or(cut);
        cuts.push(cut);
        start = cut;
    }
    cuts.push(end_us);
    cuts
}

/// The candidate after `start` that lies nearest `wanted` and, if any does, makes no segment that
/// is too long.
fn nearest(candidates: &[u64], start: u64, wanted: u64, end_us: u64) -> Option<u64> {
    let first = candidates.partition_point(|candidate| *candidate <= start);
    let open = candidates.get(first..)?.iter().copied();
    let open = open.take_while(|candidate| *candidate < end_us);
    let mut best = None;
    for candidate in open {
        let distance = candidate.abs_diff(wanted);
        let too_long = candidate - start > LONGEST_US;
        if best.is_some_and(|(_, nearest)| too_long || distance >= nearest) {
            break;
        }
        best = Some((candidate, distance));
    }
    best.map(|(candidate, _)| candidate)
}

/// Where encoded rungs get an IDR: at every boundary, and between them at those of the candidates
/// that keep about 2 s from each other.
pub fn keyframes(candidates: &[u64], boundaries: &[u64]) -> Vec<u64> {
    let mut keys = Vec::new();
    let mut last = None;
    for &candidate in candidates {
        let next = boundaries.partition_point(|boundary| *boundary < candidate);
        let until_next = boundaries.get(next).map_or(0, |next| next - candidate);
        let since_last = last.map_or(u64::MAX, |last| candidate - last);
        if until_next == 0 || (since_last >= SHORT_US * 9 / 10 && until_next >= SHORT_US / 2) {
            keys.push(candidate);
            last = Some(candidate);
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(count: u64) -> Vec<u64> {
        (0..count).map(|n| n * 40_000).collect()
    }

    fn seconds(list: &[u64]) -> Vec<f64> {
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        list.iter().map(|us| *us as f64 / 1e6).collect()
    }

    #[test]
    fn a_long_film_starts_quickly() {
        let grid = grid(&frames(25 * 70), None);
        let cuts = boundaries(&grid, 70_000_000, None);
        assert_eq!(
            seconds(&cuts),
            [
                0.0, 1.0, 2.0, 4.0, 6.0, 12.0, 18.0, 24.0, 30.0, 36.0, 42.0, 48.0, 54.0, 60.0,
                66.0, 70.0
            ]
        );
    }

    #[test]
    fn a_short_film_has_short_segments_and_no_crumb_at_the_end() {
        let grid = grid(&frames(25 * 6 + 5), None);
        let cuts = boundaries(&grid, 6_200_000, None);
        assert_eq!(seconds(&cuts), [0.0, 2.0, 4.0, 6.2]);
    }

    #[test]
    fn keyframes_of_the_source_decide_how_quickly() {
        let sparse: Vec<u64> = (0..35).map(|n| n * 2_000_000).collect();
        let cuts = boundaries(&sparse, 70_000_000, None);
        assert_eq!(seconds(&cuts)[..6], [0.0, 2.0, 4.0, 6.0, 12.0, 18.0]);
    }

    #[test]
    fn a_preview_ends_on_a_boundary() {
        let frames = frames(25 * 90);
        let candidates = grid(&frames, Some(15_000_000));
        let cuts = boundaries(&candidates, 90_000_000, Some(15_000_000));
        assert!(cuts.contains(&15_000_000), "{cuts:?}");
        let sparse = [0, 4_000_000, 8_000_000, 12_000_000, 16_000_000];
        let cuts = boundaries(&sparse, 90_000_000, Some(10_000_000));
        assert!(cuts.contains(&8_000_000), "{cuts:?}");
    }

    #[test]
    fn dense_sources_do_not_force_every_frame() {
        let keys = keyframes(&frames(250), &[0, 2_000_000, 4_000_000, 10_000_000]);
        assert!(keys.len() <= 7, "{keys:?}");
    }

    proptest! {
        #[test]
        fn boundaries_ascend_and_are_candidates(
            mut candidates in proptest::collection::vec(0..200_000_000_u64, 0..100),
            more in 1..10_000_000_u64,
            preview in proptest::option::of(0..300_000_000_u64),
        ) {
            candidates.push(0);
            candidates.sort_unstable();
            candidates.dedup();
            let end = candidates.last().copied().unwrap_or(0) + more;
            let cuts = boundaries(&candidates, end, preview);
            prop_assert!(cuts.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(cuts.last(), Some(&end));
            prop_assert!(cuts[..cuts.len() - 1].iter().all(|cut| candidates.contains(cut)));
            let keys = keyframes(&candidates, &cuts);
            prop_assert!(cuts[..cuts.len() - 1].iter().all(|cut| keys.contains(cut)));
        }
    }
}
