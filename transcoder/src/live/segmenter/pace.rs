//! How long a frame lasts: the publisher's milliseconds, smoothed. What FLV says of it is not asked.

use super::PER_MS;

/// Frames that the estimate remembers.
const MEMORY: u64 = 16;
const SLOWEST: u64 = 1_000 * PER_MS;
const FASTEST: u64 = 4 * PER_MS;

#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// In ticks.
    pub(super) frame: u64,
    last: Option<u64>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            frame: 3_000,
            last: None,
        }
    }
}

impl Pace {
    /// Of these decoding times in milliseconds.
    pub(super) fn of(times_ms: &[i64]) -> Self {
        let lasts = match (times_ms.first(), times_ms.last()) {
            (Some(first), Some(last)) => last.abs_diff(*first) * PER_MS,
            _ => 0,
        };
        let steps = times_ms.len().saturating_sub(1).max(1) as u64;
        Self {
            frame: (lasts / steps).clamp(FASTEST, SLOWEST),
            last: None,
        }
    }

    pub(super) fn see(&mut self, decoded: u64) {
        if let Some(last) = self.last {
            // A dropped frame or a burst says nothing of the pace.
            let step = decoded.saturating_sub(last);
            if step > self.frame / 2 && step < self.frame * 3 / 2 {
                self.frame = (self.frame * (MEMORY - 1) + step + MEMORY / 2) / MEMORY;
            }
        }
        self.last = Some(decoded);
    }

    pub(super) fn restart(&mut self) {
        self.last = None;
    }

    /// The part target: as many whole frames as come nearest to what is wished, and two
    /// milliseconds for the publisher's rounding. Never much shorter than wished: parts of sound
    /// must fit, too, and come in steps of 23 ms.
    pub(super) fn part_us(&self, wished_ms: u64) -> u64 {
        let wished = wished_ms * PER_MS;
        let nearest = ((wished + self.frame / 2) / self.frame).max(1);
        let frames = if nearest * self.frame * 20 < wished * 17 {
            nearest + 1
        } else {
            nearest
        };
        frames * self.frame * 1000 / PER_MS + 2_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_frames() {
        for (rate, wished, expected_ms) in [
            (30, 200, 202),
            (25, 200, 202),
            (24, 200, 210),
            (60, 200, 202),
            (30, 333, 335),
            (30, 1000, 1002),
            (2, 200, 502),
            (7, 200, 288),
        ] {
            let times: Vec<i64> = (0..=rate).map(|frame| frame * 1000 / rate).collect();
            let part_ms = (Pace::of(&times).part_us(wished) + 500) / 1000;
            assert!(part_ms.abs_diff(expected_ms) <= 1, "{rate}: {part_ms}");
        }
    }
}
