//! The access token: what a viewer owns.
//!
//! Body, 26 bytes: scope kind 1 (1 title, 2 site, 3 tag) | scope id 8 | tier 1 | expires, unix seconds 8 (0: never) | subject 8.

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

/// A checked access token, or one about to be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    pub scope: Scope,
    pub tier: TierKind,
    /// None: never.
    pub expires_at: Option<Timestamp>,
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
        let expires = self.expires_at.map_or(0, Timestamp::as_unix);
        let mut body = [0; BODY];
        body[0] = scope;
        body[1..9].copy_from_slice(&id);
        body[9] = tier_code(self.tier);
        body[10..18].copy_from_slice(&expires.to_be_bytes());
        body[18..].copy_from_slice(self.subject.as_bytes());
        envelope::seal(Kind::Access, &body, keyring.signing())
    }

    /// A token's content, whether or not it has expired: see [`Access::check`].
    pub fn open(text: &str, keyring: &Keyring) -> Result<Self, envelope::Error> {
        let [scope, i0, i1, i2, i3, i4, i5, i6, i7, tier, rest @ ..]: [u8; BODY] =
            envelope::open(Kind::Access, text, keyring)?;
        let [e0, e1, e2, e3, e4, e5, e6, e7, subject @ ..] = rest;
        let id = [i0, i1, i2, i3, i4, i5, i6, i7];
        let scope = match scope {
            1 => Scope::Title(VideoId::from_bytes(id)),
            2 => Scope::Site,
            3 => Scope::Tag(TagId::from_bytes(id)),
            _ => return Err(envelope::Error::Malformed),
        };
        let expires = u64::from_be_bytes([e0, e1, e2, e3, e4, e5, e6, e7]);
        Ok(Self {
            scope,
            tier: tier_of_code(tier).ok_or(envelope::Error::Malformed)?,
            expires_at: (expires > 0).then(|| Timestamp::from_unix(expires)),
            subject: Subject::from_bytes(subject),
        })
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }

    /// Whether the token opens this title now; `has_tag` says which tags the title carries.
    pub fn check(
        &self,
        title: VideoId,
        has_tag: impl FnOnce(TagId) -> bool,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if !self.scope.covers(title, has_tag) {
            return Err(Refusal::WrongTitle);
        }
        match self.expires_at {
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

    fn any_access() -> impl Strategy<Value = Access> {
        (
            any::<[u8; 8]>(),
            0..3_u8,
            1..4_u8,
            any::<Option<u32>>(),
            any::<[u8; 8]>(),
        )
            .prop_map(|(id, scope, tier, expires, subject)| Access {
                scope: match scope {
                    0 => Scope::Site,
                    1 => Scope::Tag(TagId::from_bytes(id)),
                    _ => Scope::Title(VideoId::from_bytes(id)),
                },
                tier: tier_of_code(tier).expect("a tier"),
                expires_at: expires.map(|end| Timestamp::from_unix(u64::from(end) + 1)),
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
        fn a_token_ends_on_the_second(access in any_access(), title: [u8; 8]) {
            let title = match access.scope {
                Scope::Title(id) => id,
                Scope::Site | Scope::Tag(_) => VideoId::from_bytes(title),
            };
            let check = |now| access.check(title, |_| true, now);
            if let Some(end) = access.expires_at {
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
            let refused = access.check(other, |_| false, Timestamp::default());
            prop_assert_eq!(refused, Err(Refusal::WrongTitle));
        }
    }
}
