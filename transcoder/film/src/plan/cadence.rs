//! How often frames come, and how often they are to come in encoded rungs.
//!
//! Players and encoders like one steady rate between 24 and 60. A film that has one keeps its own
//! time stamps to the tick; any other gets a grid.

use super::clock::Clock;
use super::facts::Video;

/// Rates that displays and players know.
const USUAL: [(u32, u32); 8] = [
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
];
const SLOWEST: f64 = 23.9;
const FASTEST: f64 = 60.1;
/// Of a hundred gaps between frames, so many may be odd: a frame lost here and there.
const MOST_ODD_PERCENT: usize = 2;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cadence {
    /// As declared or measured.
    rate: (u32, u32),
    /// Frames a second when most of them come as usual.
    usual: f64,
    pub irregular: bool,
}

impl Cadence {
    pub fn of(video: &Video) -> Self {
        let mut gaps: Vec<i64> = video
            .frames
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect();
        gaps.sort_unstable();
        let middle = gaps.get(gaps.len() / 2).copied().unwrap_or(0).max(1);
        let odd = gaps
            .iter()
            .filter(|gap| **gap * 2 < middle || **gap * 2 > middle * 3);
        let odd = odd.count();
        // The quick stretches of a film decide: none of its frames is to be lost.
        let quick = gaps.get(gaps.len() / 10).copied().unwrap_or(0).max(1);
        #[allow(clippy::cast_precision_loss, reason = "a gap is far below 2^53 ticks")]
        let usual = f64::from(video.clock.timescale) / quick as f64;
        Self {
            rate: video.frame_rate,
            usual,
            irregular: odd > 1 + gaps.len() * MOST_ODD_PERCENT / 100,
        }
    }

    pub fn found(self) -> f64 {
        f64::from(self.rate.0) / f64::from(self.rate.1.max(1))
    }

    pub fn is_fast(self) -> bool {
        self.found() > FASTEST
    }

    /// The steady rate that frames are to be set to. None: they stay as they are.
    pub fn grid(self) -> Option<(u32, u32)> {
        if self.irregular {
            return Some(nearest(self.usual.min(60.0)));
        }
        let (numerator, denominator) = self.rate;
        if self.is_fast() {
            let every = (2..=10).find(|n| self.found() / f64::from(*n) <= FASTEST)?;
            return Some((numerator, denominator * every));
        }
        if self.found() < SLOWEST {
            let times = (2..=60).find(|n| self.found() * f64::from(*n) >= SLOWEST)?;
            return Some((numerator * times, denominator));
        }
        None
    }
}

/// The usual rate that is meant, or the next one above: no frame is to be lost.
fn nearest(rate: f64) -> (u32, u32) {
    let off = |(numerator, denominator): (u32, u32)| {
        f64::from(numerator) / f64::from(denominator) / rate - 1.0
    };
    let by_distance = |a: &(u32, u32), b: &(u32, u32)| off(*a).abs().total_cmp(&off(*b).abs());
    let meant = USUAL
        .iter()
        .copied()
        .filter(|usual| off(*usual).abs() <= 0.02);
    let above = USUAL.iter().copied().find(|usual| off(*usual) > 0.0);
    meant.min_by(by_distance).or(above).unwrap_or((60, 1))
}

/// A grid of so many frames a second over a film.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    pub clock: Clock,
    /// Frames in all.
    pub count: i64,
}

impl Grid {
    pub fn new(rate: (u32, u32), duration_us: u64) -> Option<Self> {
        let clock = Clock::of_time_base(i32::try_from(rate.1).ok()?, i32::try_from(rate.0).ok()?)?;
        let ticks = clock.of_us(duration_us);
        let step = clock.ticks(1).max(1);
        Some(Self {
            clock,
            count: ((ticks + step / 2) / step).max(1),
        })
    }

    /// When each frame is shown, in microseconds.
    pub fn frames_us(self) -> Vec<u64> {
        (0..self.count)
            .map(|frame| self.clock.us(self.clock.ticks(frame)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cadence(rate: (u32, u32), usual: f64, irregular: bool) -> Cadence {
        Cadence {
            rate,
            usual,
            irregular,
        }
    }

    #[test]
    fn rates_end_between_24_and_60() {
        for (rate, expected) in [
            ((24_000, 1001), None),
            ((25, 1), None),
            ((60_000, 1001), None),
            ((120, 1), Some((120, 2))),
            ((144, 1), Some((144, 3))),
            ((90, 1), Some((90, 2))),
            ((15, 1), Some((30, 1))),
            ((12, 1), Some((24, 1))),
            ((1, 1), Some((24, 1))),
        ] {
            let grid = cadence(rate, 25.0, false).grid();
            assert_eq!(grid, expected, "{rate:?}");
        }
    }

    #[test]
    fn changing_rates_become_a_usual_one() {
        for (usual, expected) in [
            (29.97, (30_000, 1001)),
            (30.3, (30, 1)),
            (14.0, (24_000, 1001)),
            (48.0, (50, 1)),
            (1000.0, (60, 1)),
        ] {
            let grid = cadence((17, 1), usual, true).grid();
            assert_eq!(grid, Some(expected), "{usual}");
        }
    }

    #[test]
    fn a_grid_covers_the_film() {
        let grid = Grid::new((30_000, 1001), 1_001_000).expect("a grid");
        assert_eq!(grid.count, 30);
        assert_eq!(grid.frames_us()[1], 33_367);
        assert_eq!(grid.clock.timescale, 30_000);
    }
}
