//! How long to wait after a fault: twice as long each time, and never quite as long as somebody
//! else who had the same fault.

use std::time::Duration;

/// Counts the faults since something last went well.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    faults: u32,
}

impl Backoff {
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            faults: 0,
        }
    }

    pub fn went_well(&mut self) {
        self.faults = 0;
    }

    /// The wait after one more fault: between half of what is due and all of it.
    pub fn next(&mut self) -> Duration {
        let due = self.first.saturating_mul(1 << self.faults.min(16));
        self.faults = self.faults.saturating_add(1);
        let half = due.min(self.longest) / 2;
        let chance = getrandom::u32().unwrap_or_default();
        half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_begin_anew() {
        let (first, longest) = (Duration::from_secs(2), Duration::from_mins(1));
        let mut backoff = Backoff::new(first, longest);
        for due in [2, 4, 8, 16, 32, 60, 60, 60] {
            let wait = backoff.next();
            let due = Duration::from_secs(due);
            assert!(wait >= due / 2 && wait <= due, "{wait:?} of {due:?}");
        }
        for _ in 0..100 {
            assert!(backoff.next() <= longest);
        }
        backoff.went_well();
        assert!(backoff.next() <= first);
    }
}
