//! How many devices play one purchase at once: the newest win.
//!
//! In memory, by purchase: which playings (a browser's tab, a player) have a place, oldest first.
//! A playing says which one it is by a number of its own, so no address is looked at. A place is
//! kept as long as the playing's last grant lasts. After a restart nobody has a place, everything
//! that plays goes on, and each renewal takes its place again.

use std::collections::HashMap;

use parking_lot::RwLock;

use crate::core::{grant::Session, order::Subject, time::Timestamp};

/// Purchases looked at in one go, when those that nobody plays any more are cleared away.
const SWEEP_FROM: usize = 1024;

/// All places are taken by newer playings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("playing on as many other devices as it may")]
pub struct Elsewhere;

/// One playing's place.
#[derive(Debug, Clone, Copy)]
struct Place {
    session: Session,
    ends: Timestamp,
}

/// See the module's head.
#[derive(Debug)]
pub struct Sessions {
    /// Places of one purchase.
    most: usize,
    purchases: RwLock<Purchases>,
}

#[derive(Debug, Default)]
struct Purchases {
    places: HashMap<Subject, Vec<Place>>,
    sweep_at: usize,
}

impl Sessions {
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            purchases: RwLock::default(),
        }
    }

    /// A new playing, whose oldest rival gives way if there are too many.
    pub fn begin(&self, subject: Subject, session: Session, ends: Timestamp, now: Timestamp) {
        let mut purchases = self.purchases.write();
        purchases.sweep(now);
        let places = purchases.places.entry(subject).or_default();
        places.retain(|place| now < place.ends && place.session != session);
        while places.len() >= self.most {
            places.remove(0);
        }
        places.push(Place { session, ends });
    }

    /// A playing that goes on keeps its place, or takes a free one.
    pub fn renew(
        &self,
        subject: Subject,
        session: Session,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<(), Elsewhere> {
        let mut purchases = self.purchases.write();
        purchases.sweep(now);
        let places = purchases.places.entry(subject).or_default();
        places.retain(|place| now < place.ends);
        if let Some(place) = places.iter_mut().find(|place| place.session == session) {
            // Never shorter: an older grant of it may still be out.
            place.ends = place.ends.max(ends);
            return Ok(());
        }
        if places.len() >= self.most {
            return Err(Elsewhere);
        }
        places.push(Place { session, ends });
        Ok(())
    }

    /// Whether newer playings have taken all places. One that is not known is let on as long as
    /// there is room: it may have begun before a restart.
    pub fn is_out(&self, subject: Subject, session: Session, now: Timestamp) -> bool {
        let purchases = self.purchases.read();
        let Some(places) = purchases.places.get(&subject) else {
            return false;
        };
        let mut playing = places.iter().filter(|place| now < place.ends);
        let known = playing.clone().any(|place| place.session == session);
        !known && playing.nth(self.most - 1).is_some()
    }

    /// How many play.
    pub fn playing(&self, now: Timestamp) -> usize {
        let purchases = self.purchases.read();
        let places = purchases.places.values().flatten();
        places.filter(|place| now < place.ends).count()
    }

    #[cfg(test)]
    fn purchases(&self) -> usize {
        self.purchases.read().places.len()
    }
}

impl Purchases {
    /// Forgets purchases that nobody plays any more, each time their number has doubled.
    fn sweep(&mut self, now: Timestamp) {
        if self.places.len() < self.sweep_at.max(SWEEP_FROM) {
            return;
        }
        self.places
            .retain(|_, places| places.iter().any(|place| now < place.ends));
        self.sweep_at = self.places.len() * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUGHT: Subject = Subject::from_bytes([1; 8]);
    const LIFE: u64 = 600;

    const fn session(number: u8) -> Session {
        Session::from_bytes([number; 8])
    }

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    fn begin(sessions: &Sessions, number: u8, now: u64) {
        sessions.begin(BOUGHT, session(number), at(now + LIFE), at(now));
    }

    fn renew(sessions: &Sessions, number: u8, now: u64) -> Result<(), Elsewhere> {
        sessions.renew(BOUGHT, session(number), at(now + LIFE), at(now))
    }

    fn out(sessions: &Sessions, now: u64) -> Vec<u8> {
        (1..10)
            .filter(|number| sessions.is_out(BOUGHT, session(*number), at(now)))
            .collect()
    }

    #[test]
    fn the_newest_win_and_the_oldest_is_out() {
        let sessions = Sessions::new(2);
        begin(&sessions, 1, 0);
        begin(&sessions, 2, 1);
        assert_eq!(out(&sessions, 1), [3, 4, 5, 6, 7, 8, 9]);
        // Renewing is no beginning.
        assert_eq!(renew(&sessions, 1, 2), Ok(()));
        begin(&sessions, 3, 3);
        assert_eq!(renew(&sessions, 1, 4), Err(Elsewhere));
        assert!(sessions.is_out(BOUGHT, session(1), at(4)));
        assert_eq!(renew(&sessions, 2, 4), Ok(()));
        assert_eq!(renew(&sessions, 3, 4), Ok(()));
        // Taking it back: as a new playing, and now the second is the oldest.
        begin(&sessions, 4, 5);
        assert_eq!(renew(&sessions, 2, 6), Err(Elsewhere));
        let other = Subject::from_bytes([2; 8]);
        assert!(
            !sessions.is_out(other, session(1), at(4)),
            "another purchase"
        );
    }

    #[test]
    fn a_place_ends_with_its_grant() {
        let sessions = Sessions::new(1);
        begin(&sessions, 1, 0);
        assert_eq!(renew(&sessions, 2, LIFE - 1), Err(Elsewhere));
        assert!(sessions.is_out(BOUGHT, session(2), at(LIFE - 1)));
        assert!(out(&sessions, LIFE).is_empty());
        assert_eq!(renew(&sessions, 2, LIFE), Ok(()));
        assert_eq!(renew(&sessions, 1, LIFE), Err(Elsewhere));
    }

    #[test]
    fn a_shorter_grant_takes_no_place_away() {
        let sessions = Sessions::new(1);
        sessions.begin(BOUGHT, session(1), at(21_600), at(0));
        assert_eq!(renew(&sessions, 1, 10), Ok(()));
        assert_eq!(renew(&sessions, 2, 10_000), Err(Elsewhere));
    }

    #[test]
    fn after_a_restart_whatever_plays_goes_on() {
        let sessions = Sessions::new(2);
        assert!(out(&sessions, 0).is_empty());
        assert_eq!(renew(&sessions, 1, 0), Ok(()));
        assert!(out(&sessions, 0).is_empty(), "there is room for one more");
        assert_eq!(renew(&sessions, 2, 1), Ok(()));
        assert_eq!(renew(&sessions, 3, 2), Err(Elsewhere));
    }

    #[test]
    fn what_nobody_plays_is_forgotten() {
        let sessions = Sessions::new(2);
        for number in 0..100_000_u64 {
            let subject = Subject::from_bytes(number.to_be_bytes());
            sessions.begin(subject, session(1), at(number + LIFE), at(number));
        }
        assert!(sessions.purchases() <= SWEEP_FROM * 2);
    }
}
