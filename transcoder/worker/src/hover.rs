//! A few seconds for the storefront: segments of the smallest rung out of the free part, one after
//! the other in one file. No pixel is encoded for it, and nothing that is sold is given away.

use satreel_film::fault::Fault;
use satreel_film::fmp4::restart;
use satreel_film::plan::Plan;
use satreel_hls::naming::{MediaFile, TrackName};

use super::store::Store;

/// As long as somebody hovers.
const WANTED_US: u64 = 6_000_000;
const LARGEST: usize = 4 << 20;

/// Nothing is written for a title without a free part.
pub(super) fn write(plan: &Plan, store: &Store) -> Result<(), Fault> {
    let Some(rung) = plan.rungs.last() else {
        return Ok(());
    };
    let track: TrackName = rung.name.parse().map_err(Fault::damaged)?;
    let Some(mut clip) = store.read(MediaFile::Init(track)) else {
        return Ok(());
    };
    let numbers = choose(&plan.boundaries_us, u64::from(plan.preview_s) * 1_000_000);
    let mut base = None;
    for (place, number) in (0..).zip(numbers.clone()) {
        let segment = store.read(MediaFile::Segment(track, number));
        let moved = segment.and_then(|segment| restart(segment, place, &mut base));
        let Some(segment) = moved else { return Ok(()) };
        clip.extend_from_slice(&segment);
    }
    if numbers.is_empty() || clip.len() > LARGEST {
        return Ok(());
    }
    store.write(MediaFile::Hover, &clip)
}

/// From the middle of the free part: beginnings are often dark.
fn choose(boundaries_us: &[u64], free_us: u64) -> std::ops::Range<u32> {
    let free = boundaries_us
        .partition_point(|end| *end <= free_us)
        .saturating_sub(1);
    let start_of = |number: usize| boundaries_us.get(number).copied().unwrap_or(0);
    let mut first = free / 2;
    // With what follows too short, begin earlier.
    while first > 0 && start_of(free) - start_of(first) < WANTED_US {
        first -= 1;
    }
    let mut end = first;
    while end < free && start_of(end) - start_of(first) < WANTED_US {
        end += 1;
    }
    let number = |number: usize| u32::try_from(number).unwrap_or(0);
    number(first)..number(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_lie_in_the_free_part() {
        let short: Vec<u64> = (0..=10).map(|n| n * 2_000_000).collect();
        for (free_s, expected) in [(0, 0..0), (1, 0..0), (2, 0..1), (6, 0..3), (14, 3..6)] {
            assert_eq!(choose(&short, free_s * 1_000_000), expected, "{free_s}");
        }
        let long = [
            0, 2_000_000, 4_000_000, 6_000_000, 12_000_000, 18_000_000, 24_000_000,
        ];
        assert_eq!(choose(&long, 18_000_000), 2..4);
        assert_eq!(choose(&[], 5), 0..0);
    }
}
