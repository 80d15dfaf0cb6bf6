//! How long something took, in whole seconds, as a histogram.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Upper ends of the buckets. The node tells whole seconds, so nothing shorter says anything; what
/// was paid while the server was down is late by as much.
const WITHIN_S: [u64; 7] = [1, 2, 5, 15, 60, 600, 3600];

/// See the module's head.
#[derive(Debug, Default)]
pub struct Delays {
    /// Of each bucket what no shorter one has, and what is longer than all.
    counts: [AtomicU64; WITHIN_S.len() + 1],
    sum: AtomicU64,
}

/// What was counted so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// How many took so many seconds at the most.
    pub(super) within: Vec<(u64, u64)>,
    pub(super) count: u64,
    pub(super) sum: u64,
}

impl Delays {
    pub fn add(&self, seconds: u64) {
        let bucket = WITHIN_S.iter().position(|within| seconds <= *within);
        self.counts[bucket.unwrap_or(WITHIN_S.len())].fetch_add(1, Relaxed);
        self.sum.fetch_add(seconds, Relaxed);
    }

    pub(super) fn seen(&self) -> Seen {
        let mut count = 0;
        let mut within = Vec::with_capacity(WITHIN_S.len());
        for (end, own) in WITHIN_S.iter().zip(&self.counts) {
            count += own.load(Relaxed);
            within.push((*end, count));
        }
        Seen {
            within,
            count: count + self.counts[WITHIN_S.len()].load(Relaxed),
            sum: self.sum.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_took_no_longer() {
        let delays = Delays::default();
        for seconds in [0, 1, 2, 60, 61, 90_000] {
            delays.add(seconds);
        }
        let seen = delays.seen();
        assert_eq!(
            seen.within,
            [
                (1, 2),
                (2, 3),
                (5, 3),
                (15, 3),
                (60, 4),
                (600, 5),
                (3600, 5)
            ]
        );
        assert_eq!((seen.count, seen.sum), (6, 90_124));
    }
}
