//! What opens the creator's side: a link that does it once, the session that a browser then holds,
//! and a key for programs. Three kinds with one layout, so that none passes for another.
//!
//! Body, 40 bytes: id 16 | issued, unix seconds 8 | expires, unix seconds 8 (0: never) | epoch 8.
//!
//! The epoch is a number that the site raises to end everything that was issued before.

use std::{fmt, str::FromStr};

use super::{
    envelope::{self, Kind},
    ids::InvalidId,
    keyring::Keyring,
    time::Timestamp,
};

const BODY: usize = 40;

/// Tells one entry from all others: what was used up or ended is remembered by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId([u8; 16]);

impl EntryId {
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryId({self})")
    }
}

impl FromStr for EntryId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| InvalidId("an entry's id: 32 hex digits"))?;
        Ok(Self(bytes))
    }
}

/// How somebody comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Printed by `satreel studio-link`; becomes a session once.
    Link,
    /// A browser's cookie.
    Session,
    /// A program's `Authorization: Bearer`.
    Key,
}

impl Door {
    pub const ALL: [Self; 3] = [Self::Link, Self::Session, Self::Key];

    const fn kind(self) -> Kind {
        match self {
            Self::Link => Kind::StudioLink,
            Self::Session => Kind::StudioSession,
            Self::Key => Kind::StudioKey,
        }
    }
}

/// One entry, checked or about to be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub id: EntryId,
    pub issued_at: Timestamp,
    /// None: never.
    pub expires_at: Option<Timestamp>,
    pub epoch: u64,
}

/// Why an entry that was made here no longer opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("its time is over")]
    Expired,
    /// The site ended all entries of its epoch.
    #[error("it was ended")]
    Ended,
}

impl Entry {
    pub fn seal(&self, door: Door, keyring: &Keyring) -> String {
        let mut body = [0; BODY];
        body[..16].copy_from_slice(&self.id.0);
        let numbers = [
            self.issued_at.as_unix(),
            self.expires_at.map_or(0, Timestamp::as_unix),
            self.epoch,
        ];
        for (place, number) in body[16..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        envelope::seal(door.kind(), &body, keyring.signing())
    }

    pub fn open(text: &str, door: Door, keyring: &Keyring) -> Result<Self, envelope::Error> {
        let body: [u8; BODY] = envelope::open(door.kind(), text, keyring)?;
        let mut id = [0; 16];
        id.copy_from_slice(&body[..16]);
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&body[at..at + 8]);
            u64::from_be_bytes(bytes)
        };
        let expires = number(24);
        Ok(Self {
            id: EntryId(id),
            issued_at: Timestamp::from_unix(number(16)),
            expires_at: (expires != 0).then(|| Timestamp::from_unix(expires)),
            epoch: number(32),
        })
    }

    /// Whether it still opens, at a site in this epoch.
    pub fn check(&self, now: Timestamp, epoch: u64) -> Result<(), Refusal> {
        if self.epoch != epoch {
            return Err(Refusal::Ended);
        }
        match self.expires_at {
            Some(end) if now >= end => Err(Refusal::Expired),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::{grant::Grant, keyring::tests::keyring};

    fn any_entry() -> impl Strategy<Value = Entry> {
        (any::<[u8; 16]>(), any::<[u64; 2]>(), any::<u64>()).prop_map(|(id, times, epoch)| Entry {
            id: EntryId(id),
            issued_at: Timestamp::from_unix(times[0]),
            expires_at: (times[1] != 0).then(|| Timestamp::from_unix(times[1])),
            epoch,
        })
    }

    proptest! {
        #[test]
        fn an_entry_opens_its_own_door_only(entry in any_entry()) {
            for door in Door::ALL {
                let text = entry.seal(door, &keyring(1));
                prop_assert_eq!(text.len(), 104);
                for other in Door::ALL {
                    let expected = if other == door { Ok(entry) } else { Err(envelope::Error::WrongKind) };
                    prop_assert_eq!(Entry::open(&text, other, &keyring(1)), expected);
                }
                prop_assert!(Grant::open(&text, &keyring(1)).is_err());
                prop_assert_eq!(Entry::open(&text, door, &keyring(2)), Err(envelope::Error::UnknownKey));
            }
        }

        #[test]
        fn any_changed_letter_is_refused(entry in any_entry(), at in 0..104_usize, to in "[A-Za-z0-9_-]") {
            let text = entry.seal(Door::Session, &keyring(1));
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != text);
            prop_assert!(Entry::open(&changed, Door::Session, &keyring(1)).is_err());
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            prop_assert!(Entry::open(&text, Door::Link, &keyring(1)).is_err());
        }
    }

    #[test]
    fn time_and_epoch_end_it() {
        let at = Timestamp::from_unix;
        let entry = Entry {
            id: EntryId([7; 16]),
            issued_at: at(10),
            expires_at: Some(at(20)),
            epoch: 3,
        };
        assert_eq!(entry.check(at(19), 3), Ok(()));
        assert_eq!(entry.check(at(20), 3), Err(Refusal::Expired));
        assert_eq!(entry.check(at(19), 4), Err(Refusal::Ended));
        assert_eq!(entry.check(at(19), 2), Err(Refusal::Ended));
        let key = Entry {
            expires_at: None,
            ..entry
        };
        assert_eq!(key.check(at(u64::MAX), 3), Ok(()));
        assert_eq!("07".repeat(16).parse(), Ok(entry.id));
        assert!("07".parse::<EntryId>().is_err());
    }
}
