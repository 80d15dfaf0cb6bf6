//! How long to wait before trying again: twice as long each time, never all at once.

use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) struct Backoff {
    next: Duration,
    first: Duration,
    most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(200), Duration::from_secs(30))
    }
}

impl Backoff {
    pub(super) const fn new(first: Duration, most: Duration) -> Self {
        Self {
            next: first,
            first,
            most,
        }
    }

    /// What went well for this long counts as mended.
    pub(super) const fn mended_after(&self) -> Duration {
        self.most
    }

    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }

    /// Between half and all of the present step.
    pub(super) fn wait(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.most);
        let mut chance = [0; 2];
        // Without randomness the full step is as good.
        let chance = match getrandom::fill(&mut chance) {
            Ok(()) => u32::from(u16::from_ne_bytes(chance)),
            Err(_) => u32::from(u16::MAX),
        };
        step / 2 + step / 2 * chance / u32::from(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_its_limit() {
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::new(second, 5 * second);
        for step in [1, 2, 4, 5, 5] {
            let wait = backoff.wait();
            assert!(
                wait >= step * second / 2 && wait <= step * second,
                "{step}: {wait:?}"
            );
        }
        backoff.reset();
        assert!(backoff.wait() <= second);
    }
}
