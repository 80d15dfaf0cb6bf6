//! The access token: what a viewer owns.
//!
//! Body, 26 bytes: scope kind 1 | scope id 8 | tier 1 | expires, unix seconds 8 (0: never) | subject 8.

use super::{
    envelope::{self, Kind},
    ids::VideoId,
    keyring::Keyring,
    offer::{TierKind, tier_code, tier_of_code},
    order::Subject,
    time::Timestamp,
};

const BODY: usize = 26;

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Title(VideoId),
    Site,
}

impl Scope {
    pub fn covers(self, title: VideoId) -> bool {
        match self {
            Self::Title(own) => own == title,
            Self::Site => true,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Title(id) => write!(f, "title:{id}"),
            Self::Site => f.write_str("site"),
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
            Scope::Title(id) => (1, id),
            Scope::Site => (2, VideoId::from_bytes([0; 8])),
        };
        let expires = self.expires_at.map_or(0, Timestamp::as_unix);
        let mut body = [0; BODY];
        body[0] = scope;
        body[1..9].copy_from_slice(id.as_bytes());
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
        let scope = match scope {
            1 => Scope::Title(VideoId::from_bytes([i0, i1, i2, i3, i4, i5, i6, i7])),
            2 => Scope::Site,
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

    /// Whether the token opens this title now.
    pub fn check(&self, title: VideoId, now: Timestamp) -> Result<(), Refusal> {
        if !self.scope.covers(title) {
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
            any::<bool>(),
            1..4_u8,
            any::<Option<u32>>(),
            any::<[u8; 8]>(),
        )
            .prop_map(|(id, site, tier, expires, subject)| Access {
                scope: if site {
                    Scope::Site
                } else {
                    Scope::Title(VideoId::from_bytes(id))
                },
                tier: tier_of_code(tier).expect("a tier"),
                expires_at: expires.map(|end| Timestamp::from_unix(u64::from(end) + 1)),
                subject: Subject::from_bytes(subject),
            })
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
                Scope::Site => VideoId::from_bytes(title),
            };
            if let Some(end) = access.expires_at {
                let before = Timestamp::from_unix(end.as_unix() - 1);
                prop_assert_eq!(access.check(title, before), Ok(()));
                prop_assert_eq!(access.check(title, end), Err(Refusal::Expired(end)));
            } else {
                prop_assert_eq!(access.check(title, Timestamp::from_unix(u64::MAX)), Ok(()));
            }
        }

        #[test]
        fn other_titles_stay_shut(access in any_access(), other: [u8; 8]) {
            let other = VideoId::from_bytes(other);
            prop_assume!(!access.scope.covers(other));
            prop_assert_eq!(access.check(other, Timestamp::default()), Err(Refusal::WrongTitle));
        }
    }
}
