//! A track's time: exact ticks instead of floating seconds.

use serde::{Deserialize, Serialize};

/// Ticks a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    pub timescale: u32,
    /// How many ticks one unit of the source's time base lasts.
    step: i64,
}

impl Clock {
    /// The clock of a source that counts in `numerator / denominator` seconds: a whole number of
    /// ticks a unit, so that no time stamp is ever rounded.
    pub fn of_time_base(numerator: i32, denominator: i32) -> Option<Self> {
        let numerator = i64::from(numerator);
        let denominator = u32::try_from(denominator).ok()?;
        if !(1..=100_000).contains(&numerator) || !(1..=100_000_000).contains(&denominator) {
            return None;
        }
        // A coarse clock (1/25 s) is made finer: players and encoders expect milliseconds.
        let finer = 1000_u32.div_ceil(denominator);
        Some(Self {
            timescale: denominator * finer,
            step: numerator * i64::from(finer),
        })
    }

    /// A clock that counts samples.
    pub const fn of_rate(rate: u32) -> Self {
        Self {
            timescale: rate,
            step: 1,
        }
    }

    pub const fn ticks(self, stamp: i64) -> i64 {
        stamp.saturating_mul(self.step)
    }

    /// Ticks as microseconds, rounded to the nearest.
    pub fn us(self, ticks: i64) -> u64 {
        let scale = i128::from(self.timescale);
        let us = (i128::from(ticks) * 1_000_000 + scale / 2).div_euclid(scale);
        u64::try_from(us.max(0)).unwrap_or(u64::MAX)
    }

    /// Microseconds as ticks, rounded to the nearest.
    pub fn of_us(self, us: u64) -> i64 {
        let ticks = (i128::from(us) * i128::from(self.timescale) + 500_000) / 1_000_000;
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }

    /// Another clock's ticks in this one's, rounded to the nearest.
    pub fn convert(self, ticks: i64, from: Self) -> i64 {
        let scale = i128::from(from.timescale);
        let converted =
            (i128::from(ticks) * i128::from(self.timescale) + scale / 2).div_euclid(scale);
        i64::try_from(converted).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_bases_become_whole_ticks() {
        for (base, timescale, step) in [
            ((1, 90_000), 90_000, 1),
            ((1, 25), 1000, 40),
            ((1001, 30_000), 30_000, 1001),
            ((1, 1000), 1000, 1),
        ] {
            let clock = Clock::of_time_base(base.0, base.1).expect("a clock");
            assert_eq!((clock.timescale, clock.step), (timescale, step));
        }
        for base in [(0, 25), (1, 0), (-1, 25), (1, i32::MAX)] {
            assert_eq!(Clock::of_time_base(base.0, base.1), None, "{base:?}");
        }
    }

    #[test]
    fn microseconds_round_to_the_nearest() {
        let clock = Clock::of_time_base(1001, 30_000).expect("a clock");
        assert_eq!(clock.us(clock.ticks(1)), 33_367);
        assert_eq!(clock.of_us(33_367), 1001);
        assert_eq!(clock.convert(48_000, Clock::of_rate(48_000)), 30_000);
    }
}
