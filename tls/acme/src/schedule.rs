//! When to ask for a certificate: pure arithmetic on seconds since 1970.

use crate::{certificate::Facts, error::Kind, store::Failure};

/// A certificate is renewed when a third of its lifetime is left: 30 of 90 days, 2 of 6.
const LEFT: i64 = 3;
/// After a directory that did not answer: soon, as it costs nobody anything.
const AWAY: Pauses = Pauses {
    first: 2,
    longest: 3600,
};
/// After a refusal: authorities count those (Let's Encrypt: five an hour for each name).
const REFUSED: Pauses = Pauses {
    first: 300,
    longest: 6 * 3600,
};
/// After a start that follows a refusal. Who has mended something and starts anew is heard at
/// once; a server that is started over and over by its manager asks no more than once a minute.
const AFTER_START: i64 = 60;

struct Pauses {
    first: i64,
    longest: i64,
}

/// When `facts` have to be replaced.
pub(crate) fn due(facts: &Facts) -> i64 {
    facts.ends - (facts.ends - facts.begins).max(0) / LEFT
}

/// How long to wait after so many failures in a row.
pub(crate) fn pause(kind: Kind, in_a_row: u32) -> i64 {
    let pauses = match kind {
        Kind::Away => AWAY,
        Kind::Refused | Kind::Here => REFUSED,
    };
    let doublings = in_a_row.saturating_sub(1).min(20);
    (pauses.first << doublings).min(pauses.longest)
}

/// When to ask next. `facts`: of the certificate there is, if it is for all our names.
pub(crate) fn next(facts: Option<&Facts>, failure: Option<&Failure>, now: i64) -> i64 {
    let wanted = facts.map_or(now, due);
    // A clock that went back must not make a failure last: no pause is longer than the longest.
    let after = failure.map_or(wanted, |failure| {
        failure.next.as_second().min(now + REFUSED.longest)
    });
    wanted.max(after)
}

/// When to ask next, right after a start.
pub(crate) fn next_after_start(failure: &Failure, now: i64) -> i64 {
    let at = failure.at.as_second();
    match failure.kind {
        Kind::Away | Kind::Here => now,
        Kind::Refused => (at + AFTER_START).clamp(now, now + AFTER_START),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const DAY: i64 = 24 * 3600;

    fn facts(begins: i64, ends: i64) -> Facts {
        Facts {
            names: Vec::new(),
            begins,
            ends,
        }
    }

    fn failure(kind: Kind, at: i64, next: i64) -> Failure {
        let time = |second| Timestamp::from_second(second).expect("a time");
        Failure {
            kind,
            at: time(at),
            next: time(next),
            in_a_row: 1,
            words: String::new(),
        }
    }

    #[test]
    fn a_third_of_the_lifetime_is_left_at_renewal() {
        assert_eq!(due(&facts(0, 90 * DAY)), 60 * DAY);
        assert_eq!(due(&facts(0, 6 * DAY)), 4 * DAY);
        assert_eq!(due(&facts(100, 109)), 106);
        // Nonsense is renewed at its end, not before its beginning.
        assert_eq!(due(&facts(100, 50)), 50);
    }

    #[test]
    fn pauses_grow_and_end_growing() {
        let away: Vec<_> = [1, 2, 3, 12, 13, 400]
            .map(|row| pause(Kind::Away, row))
            .into();
        assert_eq!(away, [2, 4, 8, 3600, 3600, 3600]);
        let refused: Vec<_> = [1, 2, 3, 8, 400]
            .map(|row| pause(Kind::Refused, row))
            .into();
        assert_eq!(refused, [300, 600, 1200, 6 * 3600, 6 * 3600]);
    }

    #[test]
    fn a_refusal_is_no_reason_to_ask_sooner_or_never() {
        let valid = facts(0, 90 * DAY);
        assert_eq!(next(None, None, 77), 77);
        assert_eq!(next(Some(&valid), None, DAY), 60 * DAY);
        let now = 61 * DAY;
        let failed = failure(Kind::Refused, now, now + 300);
        assert_eq!(next(Some(&valid), Some(&failed), now), now + 300);
        // Set back by two days, the clock would have us wait that long.
        let back = now - 2 * DAY;
        assert_eq!(next(None, Some(&failed), back), back + 6 * 3600);
    }

    #[test]
    fn a_start_asks_at_once_but_not_over_and_over() {
        let refused = failure(Kind::Refused, 1000, 9000);
        assert_eq!(next_after_start(&refused, 1001), 1060);
        assert_eq!(next_after_start(&refused, 2000), 2000);
        // The clock was set back in between.
        assert_eq!(next_after_start(&refused, 10), 70);
        let away = failure(Kind::Away, 1000, 9000);
        assert_eq!(next_after_start(&away, 1001), 1001);
    }
}
