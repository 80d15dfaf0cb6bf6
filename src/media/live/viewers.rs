//! How many watch: playings that asked for a playlist lately. Counts sessions, knows no persons.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::core::{grant::Session, time::Timestamp};

/// Somebody who has not asked for so long is gone. A player asks every few seconds at the least, but
/// one that is held back by its browser asks once a minute.
const LATELY_S: u64 = 30;
/// More are not counted one by one.
const MOST: usize = 100_000;

/// See the module's head.
#[derive(Debug, Default)]
pub(super) struct Viewers(Mutex<HashMap<Session, Timestamp>>);

impl Viewers {
    pub(super) fn note(&self, session: Session, now: Timestamp) {
        let mut seen = self.0.lock();
        if seen.len() < MOST || seen.contains_key(&session) {
            seen.insert(session, now);
        }
    }

    pub(super) fn count(&self, now: Timestamp) -> usize {
        let mut seen = self.0.lock();
        seen.retain(|_, at| now < at.plus_seconds(LATELY_S));
        seen.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stays_away_is_not_counted() {
        let viewers = Viewers::default();
        let at = Timestamp::from_unix;
        for (session, second) in [(1, 0), (2, 10), (1, 20)] {
            viewers.note(Session::from_bytes([session; 8]), at(second));
        }
        assert_eq!(viewers.count(at(39)), 2);
        assert_eq!(viewers.count(at(40)), 1);
        assert_eq!(viewers.count(at(50)), 0);
    }
}
