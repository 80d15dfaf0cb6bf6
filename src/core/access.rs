//! The access token: what a viewer owns.
//!
//! Two kinds with bodies of 26 bytes:
//!
//! ```text
//! access = scope kind 1 (1 title, 2 site, 3 tag) | scope id 8 | tier 1 | expires, unix seconds 8 (0: never) | subject 8
//! rental = scope kind 1                          | scope id 8 | tier 1 | paid, unix seconds 5 | hours 3     | subject 8
//! ```
//!
//! A time that was bought is sealed as a rental, since what an outage took can only be given back
//! ([`super::credit`]) to whom it was taken from: who had paid by then.

use super::{
    envelope::{self, Kind},
    ids::VideoId,
    keyring::Keyring,
    offer::{Tier, TierKind, tier_code, tier_of_code},
    order::Subject,
    tag::TagId,
    time::Timestamp,
};

const BODY: usize = 26;
/// What fits into a rental's five and three bytes.
const MOST_PAID_AT: u64 = (1 << 40) - 1;
const MOST_HOURS: u32 = (1 << 24) - 1;

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Title(VideoId),
    Site,
    /// Every title that carries the tag at the time of playing.
    Tag(TagId),
}

impl Scope {
    /// What a tier opens that is bought for this title.
    pub fn of(tier: &Tier, title: VideoId) -> Self {
        match (tier.kind(), tier.tag()) {
            (TierKind::Rent | TierKind::Own, _) => Self::Title(title),
            (TierKind::Pass, None) => Self::Site,
            (TierKind::Pass, Some(tag)) => Self::Tag(tag),
        }
    }

    /// `has_tag` says which tags the title carries now.
    pub fn covers(self, title: VideoId, has_tag: impl FnOnce(TagId) -> bool) -> bool {
        match self {
            Self::Title(own) => own == title,
            Self::Site => true,
            Self::Tag(tag) => has_tag(tag),
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Title(id) => write!(f, "title:{id}"),
            Self::Site => f.write_str("site"),
            Self::Tag(tag) => write!(f, "tag:{tag}"),
        }
    }
}

/// How long an access lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    Forever,
    /// Until then: a token of a version that did not write down when it was paid.
    Until(Timestamp),
    /// From the payment on.
    Hours {
        paid_at: Timestamp,
        hours: u32,
    },
}

impl Term {
    /// None: never.
    pub const fn end(self) -> Option<Timestamp> {
        match self {
            Self::Forever => None,
            Self::Until(end) => Some(end),
            Self::Hours { paid_at, hours } => Some(paid_at.plus_hours(hours)),
        }
    }
}

/// A checked access token, or one about to be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    pub scope: Scope,
    pub tier: TierKind,
    pub term: Term,
    pub subject: Subject,
}

/// Why a token does not open a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is for another film")]
    WrongTitle,
    #[error("its time ran out at {0}")]
    Expired(Timestamp),
}

impl Access {
    /// The token's text, signed by the current key. Whoever holds it may watch.
    pub fn seal(&self, keyring: &Keyring) -> String {
        let (scope, id) = match self.scope {
            Scope::Title(id) => (1, *id.as_bytes()),
            Scope::Site => (2, [0; 8]),
            Scope::Tag(tag) => (3, *tag.as_bytes()),
        };
        let (kind, term) = match self.term {
            Term::Hours { paid_at, hours }
                if paid_at.as_unix() <= MOST_PAID_AT && hours <= MOST_HOURS =>
            {
                (Kind::Rental, paid_at.as_unix() << 24 | u64::from(hours))
            }
            other => (Kind::Access, other.end().map_or(0, Timestamp::as_unix)),
        };
        let mut body = [0; BODY];
        body[0] = scope;
        body[1..9].copy_from_slice(&id);
        body[9] = tier_code(self.tier);
        body[10..18].copy_from_slice(&term.to_be_bytes());
        body[18..].copy_from_slice(self.subject.as_bytes());
        envelope::seal(kind, &body, keyring.signing())
    }

    /// A token's content, whether or not it has expired: see [`Access::check`].
    pub fn open(text: &str, keyring: &Keyring) -> Result<Self, envelope::Error> {
        match envelope::open(Kind::Access, text, keyring) {
            Err(envelope::Error::WrongKind) => {
                let body = envelope::open(Kind::Rental, text, keyring)?;
                Self::read(body, |term| Term::Hours {
                    paid_at: Timestamp::from_unix(term >> 24),
                    // Three bytes.
                    hours: u32::try_from(term & u64::from(MOST_HOURS)).unwrap_or(MOST_HOURS),
                })
            }
            body => Self::read(body?, |term| match term {
                0 => Term::Forever,
                end => Term::Until(Timestamp::from_unix(end)),
            }),
        }
    }

    fn read(body: [u8; BODY], term: impl FnOnce(u64) -> Term) -> Result<Self, envelope::Error> {
        let [scope, i0, i1, i2, i3, i4, i5, i6, i7, tier, rest @ ..] = body;
        let [t0, t1, t2, t3, t4, t5, t6, t7, subject @ ..] = rest;
        let id = [i0, i1, i2, i3, i4, i5, i6, i7];
        let scope = match scope {
            1 => Scope::Title(VideoId::from_bytes(id)),
            2 => Scope::Site,
            3 => Scope::Tag(TagId::from_bytes(id)),
            _ => return Err(envelope::Error::Malformed),
        };
        Ok(Self {
            scope,
            tier: tier_of_code(tier).ok_or(envelope::Error::Malformed)?,
            term: term(u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7])),
            subject: Subject::from_bytes(subject),
        })
    }

    /// When it ends with so many seconds of credit; None: never.
    pub fn end(&self, credit_s: u64) -> Option<Timestamp> {
        Some(self.term.end()?.plus_seconds(credit_s))
    }

    /// Whether the token opens this title now, with so many seconds of credit; `has_tag` says which
    /// tags the title carries.
    pub fn check(
        &self,
        title: VideoId,
        has_tag: impl FnOnce(TagId) -> bool,
        credit_s: u64,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if !self.scope.covers(title, has_tag) {
            return Err(Refusal::WrongTitle);
        }
        match self.end(credit_s) {
            Some(end) if now >= end => Err(Refusal::Expired(end)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{grant::Grant, keyring::tests::keyring};
    use super::*;

    fn any_term() -> impl Strategy<Value = Term> {
        prop_oneof![
            Just(Term::Forever),
            (1..=u64::from(u32::MAX)).prop_map(|end| Term::Until(Timestamp::from_unix(end))),
            (0..=MOST_PAID_AT, 0..=MOST_HOURS).prop_map(|(paid_at, hours)| Term::Hours {
                paid_at: Timestamp::from_unix(paid_at),
                hours,
            }),
        ]
    }

    fn any_access() -> impl Strategy<Value = Access> {
        (
            any::<[u8; 8]>(),
            0..3_u8,
            1..4_u8,
            any_term(),
            any::<[u8; 8]>(),
        )
            .prop_map(|(id, scope, tier, term, subject)| Access {
                scope: match scope {
                    0 => Scope::Site,
                    1 => Scope::Tag(TagId::from_bytes(id)),
                    _ => Scope::Title(VideoId::from_bytes(id)),
                },
                tier: tier_of_code(tier).expect("a tier"),
                term,
                subject: Subject::from_bytes(subject),
            })
    }

    #[test]
    fn a_collection_is_what_carries_its_tag() {
        let (noir, title) = (TagId::of("noir"), VideoId::from_bytes([1; 8]));
        let has =
            |tags: &'static [&str]| move |wanted| tags.iter().any(|tag| TagId::of(tag) == wanted);
        assert!(Scope::Tag(noir).covers(title, has(&["short", "Noir"])));
        assert!(!Scope::Tag(noir).covers(title, has(&["short"])));
        assert!(!Scope::Tag(noir).covers(title, has(&[])));
    }

    #[test]
    fn what_a_rental_has_no_room_for_keeps_its_end() {
        for (paid_at, hours) in [(MOST_PAID_AT + 1, 1), (1, MOST_HOURS + 1)] {
            let paid_at = Timestamp::from_unix(paid_at);
            let access = Access {
                scope: Scope::Site,
                tier: TierKind::Pass,
                term: Term::Hours { paid_at, hours },
                subject: Subject::NOBODY,
            };
            let opened = Access::open(&access.seal(&keyring(1)), &keyring(1)).expect("ours");
            assert_eq!(opened.term, Term::Until(paid_at.plus_hours(hours)));
        }
    }

    proptest! {
        #[test]
        fn a_token_survives_the_round_trip(access in any_access()) {
            let text = access.seal(&keyring(1));
            prop_assert_eq!(Access::open(&text, &keyring(1)), Ok(access));
            prop_assert_eq!(Access::open(&text, &keyring(2)), Err(envelope::Error::UnknownKey));
            prop_assert_eq!(Grant::open(&text, &keyring(1)), Err(envelope::Error::WrongKind));
        }

        #[test]
        fn any_changed_letter_is_refused(access in any_access(), at in 0..86_usize, to in "[A-Za-z0-9_-]") {
            let text = access.seal(&keyring(1));
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != text);
            prop_assert!(Access::open(&changed, &keyring(1)).is_err());
        }

        #[test]
        fn a_token_ends_on_the_second(access in any_access(), title: [u8; 8], credit: u16) {
            let title = match access.scope {
                Scope::Title(id) => id,
                Scope::Site | Scope::Tag(_) => VideoId::from_bytes(title),
            };
            let credit = u64::from(credit);
            let check = |now| access.check(title, |_| true, credit, now);
            if let Some(end) = access.term.end().map(|end| end.plus_seconds(credit)) {
                prop_assume!(end > Timestamp::default());
                let before = Timestamp::from_unix(end.as_unix() - 1);
                prop_assert_eq!(check(before), Ok(()));
                prop_assert_eq!(check(end), Err(Refusal::Expired(end)));
            } else {
                prop_assert_eq!(check(Timestamp::from_unix(u64::MAX)), Ok(()));
            }
        }

        #[test]
        fn other_titles_stay_shut(access in any_access(), other: [u8; 8]) {
            let other = VideoId::from_bytes(other);
            prop_assume!(!access.scope.covers(other, |_| false));
            let refused = access.check(other, |_| false, 0, Timestamp::default());
            prop_assert_eq!(refused, Err(Refusal::WrongTitle));
        }
    }
}
