//! Which copies may go: pure, by their names and the time.

use jiff::{SignedDuration, Timestamp};

use crate::name::{Copy, Kind};

/// The copies that are older than `keep`, but never the newest of a kind, and never the newest
/// backup that has channels: after a node lost its channels, that one is all that is left of them.
pub fn expired(copies: &[Copy], now: Timestamp, keep: SignedDuration) -> Vec<Copy> {
    let newest = |of: &dyn Fn(&&Copy) -> bool| copies.iter().filter(of).max().copied();
    let kept = [
        newest(&|copy| copy.kind == Kind::Channels),
        newest(&|copy| copy.kind == Kind::Channels && !copy.empty),
        newest(&|copy| copy.kind == Kind::Site),
    ];
    copies
        .iter()
        .filter(|copy| now.duration_since(copy.at) > keep && !kept.contains(&Some(**copy)))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    fn copy(kind: Kind, day: i64, empty: bool) -> Copy {
        let at = Timestamp::from_second(day * DAY).expect("a time");
        Copy { kind, at, empty }
    }

    fn gone(copies: &[Copy], today: i64) -> Vec<i64> {
        let now = Timestamp::from_second(today * DAY).expect("a time");
        let keep = SignedDuration::from_hours(30 * 24);
        let mut gone: Vec<i64> = expired(copies, now, keep)
            .iter()
            .map(|copy| copy.at.as_second() / DAY)
            .collect();
        gone.sort_unstable();
        gone
    }

    #[test]
    fn thirty_days_are_kept_and_the_newest_always() {
        let copies: Vec<_> = (0..40)
            .map(|day| copy(Kind::Channels, day, false))
            .collect();
        assert_eq!(gone(&copies, 39), (0..9).collect::<Vec<_>>());
        assert_eq!(gone(&copies, 1000), (0..39).collect::<Vec<_>>());
        assert_eq!(gone(&copies[..1], 1000), [0; 0]);
        assert_eq!(gone(&copies, -1000), [0; 0], "a clock that went back");
    }

    #[test]
    fn the_last_backup_with_channels_stays_beside_empty_ones() {
        let mut copies = vec![
            copy(Kind::Channels, 0, false),
            copy(Kind::Channels, 1, false),
        ];
        copies.extend((2..6).map(|day| copy(Kind::Channels, day, true)));
        assert_eq!(gone(&copies, 1000), [0, 2, 3, 4]);
    }

    #[test]
    fn kinds_are_counted_apart() {
        let copies = [
            copy(Kind::Channels, 0, false),
            copy(Kind::Site, 5, false),
            copy(Kind::Site, 6, false),
        ];
        assert_eq!(gone(&copies, 1000), [5]);
    }
}
