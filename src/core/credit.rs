//! What an outage gives back: a rent lasts so many hours of broadcast, so the time in which nothing
//! came does not count.

use super::time::Timestamp;

/// A time in which nothing came, its end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// In their order, and none beside or inside another.
pub fn merged(outages: impl IntoIterator<Item = Outage>) -> Vec<Outage> {
    let mut all: Vec<_> = outages.into_iter().collect();
    all.retain(|outage| outage.from < outage.to);
    all.sort_unstable_by_key(|outage| outage.from);
    all.dedup_by(|next, before| {
        let joins = next.from <= before.to;
        if joins {
            before.to = before.to.max(next.to);
        }
        joins
    });
    all
}

/// The seconds that outages ([`merged`]) add to a rent. One that is running when the rent would have
/// ended moves that end, and whatever falls into the time so won counts as well; what was lost
/// before the payment was nobody's yet.
pub fn credit_s(paid_at: Timestamp, end: Timestamp, outages: &[Outage]) -> u64 {
    let first = outages.partition_point(|outage| outage.to <= paid_at);
    let mut credit_s = 0_u64;
    for outage in &outages[first..] {
        if outage.from >= end.plus_seconds(credit_s) {
            break;
        }
        let lost = outage.to.seconds_since(outage.from.max(paid_at));
        credit_s = credit_s.saturating_add(lost);
    }
    credit_s
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAID_AT: u64 = 100;

    fn outage(from: u64, to: u64) -> Outage {
        Outage {
            from: Timestamp::from_unix(from),
            to: Timestamp::from_unix(to),
        }
    }

    fn credit(rent_s: u64, outages: impl IntoIterator<Item = (u64, u64)>) -> u64 {
        let outages = outages.into_iter().map(|(from, to)| outage(from, to));
        let end = Timestamp::from_unix(PAID_AT + rent_s);
        credit_s(Timestamp::from_unix(PAID_AT), end, &merged(outages))
    }

    #[test]
    fn what_was_lost_is_added() {
        for (outages, added, why) in [
            (vec![], 0, "nothing was lost"),
            (vec![(120, 130)], 10, "inside"),
            (vec![(50, 100)], 0, "before the payment"),
            (vec![(50, 110)], 10, "paid for in the middle of it"),
            (vec![(195, 220)], 25, "runs when the time would have ended"),
            (vec![(200, 220)], 0, "begins when the time is over"),
            (
                vec![(120, 150), (210, 220), (239, 241), (242, 300)],
                42,
                "later ones in the time won",
            ),
            (
                vec![(120, 150), (130, 160), (160, 170)],
                50,
                "two at once are one",
            ),
            (vec![(150, 140)], 0, "none at all"),
        ] {
            assert_eq!(credit(100, outages), added, "{why}");
        }
    }

    /// Counted second by second: how far one has to go for so many seconds of broadcast.
    fn counted(rent_s: u64, outages: &[(u64, u64)]) -> u64 {
        let is_lost = |at| outages.iter().any(|(from, to)| (*from..*to).contains(&at));
        let (mut at, mut seen) = (PAID_AT, 0);
        while seen < rent_s {
            seen += u64::from(!is_lost(at));
            at += 1;
        }
        at - PAID_AT - rent_s
    }

    proptest! {
        #[test]
        fn who_rents_an_hour_sees_an_hour(
            rent_s in 1..300_u64,
            outages in proptest::collection::vec((0..700_u64, 0..60_u64), 0..12),
        ) {
            let outages: Vec<_> = outages.into_iter().map(|(from, s)| (from, from + s)).collect();
            prop_assert_eq!(credit(rent_s, outages.clone()), counted(rent_s, &outages));
        }

        #[test]
        fn another_outage_takes_nothing_away(
            rent_s in 1..300_u64,
            outages in proptest::collection::vec((0..700_u64, 0..60_u64), 1..12),
        ) {
            let all: Vec<_> = outages.into_iter().map(|(from, s)| (from, from + s)).collect();
            let but_one = credit(rent_s, all[1..].to_vec());
            let lost: u64 = all.iter().map(|(from, to)| to - from).sum();
            prop_assert!((but_one..=lost).contains(&credit(rent_s, all)));
        }
    }
}
