//! Signs of life for the service manager. They come from the loop that `run` is, and only while the
//! keeper of broadcasts turns too: a supervisor that hangs anywhere is started anew.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use satreel_service::State;

/// Whoever has not turned for so long hangs. Each turns once a second, and waits for a disk.
const STILL: Duration = Duration::from_secs(30);

/// When a thread turned last.
#[derive(Debug, Clone)]
pub(crate) struct Pulse(Arc<Mutex<Instant>>);

impl Pulse {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    pub(crate) fn beat(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn is_still(&self, now: Instant) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.saturating_duration_since(last) > STILL
    }
}

/// What the manager wants to hear, and from whom.
#[derive(Debug)]
pub(crate) struct Life {
    /// None: nobody watches.
    every: Option<Duration>,
    told: Option<Instant>,
    others: Vec<Pulse>,
}

impl Life {
    /// As the manager wants it.
    pub(crate) fn new(others: Vec<Pulse>) -> Self {
        Self::every(satreel_service::watchdog(), others)
    }

    fn every(every: Option<Duration>, others: Vec<Pulse>) -> Self {
        Self {
            every,
            told: None,
            others,
        }
    }

    /// Says that we live, if that is so and it is time.
    pub(crate) fn turn(&mut self, now: Instant) {
        if self.is_due(now) {
            satreel_service::tell(State::Alive);
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let Some(every) = self.every else {
            return false;
        };
        let is_time = |told| now.saturating_duration_since(told) >= every;
        let is_due =
            self.told.is_none_or(is_time) && !self.others.iter().any(|one| one.is_still(now));
        if is_due {
            self.told = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_still_is_not_said_to_live() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let (one, other) = (Pulse::new(start), Pulse::new(start));
        let mut life = Life::every(
            Some(Duration::from_secs(10)),
            vec![one.clone(), other.clone()],
        );
        assert!(life.is_due(at(0)));
        assert!(!life.is_due(at(9)));
        assert!(life.is_due(at(10)));
        one.beat(at(25));
        assert!(life.is_due(at(30)));
        // The other one has not turned since the start.
        for second in [31, 41, 60, 600] {
            one.beat(at(second));
            assert!(!life.is_due(at(second)), "{second}");
        }
        other.beat(at(601));
        one.beat(at(601));
        assert!(life.is_due(at(601)));
    }

    #[test]
    fn nobody_is_told_who_does_not_watch() {
        let now = Instant::now();
        assert!(!Life::every(None, Vec::new()).is_due(now));
    }
}
