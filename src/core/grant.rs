//! The playback grant: what opens media, in the URL's path, for minutes.
//!
//! Body, 37 bytes: title 8 | expires, unix seconds 8 | subject 8 | playback session 8 |
//! last segment 4 (all ones: the whole film) | flags 1 (bit 0: playlists show the whole timeline;
//! the others, as a number: how many segments of a broadcast are free, 0 if it is none).
//!
//! A preview is a grant that ends at a segment. Segments of all tracks are numbered alike and cut
//! at the same times, so the gate needs no look-up to hold the line. A broadcast's begins at a
//! segment too, or else its free part would be all that was ever shown.

use super::{
    envelope::{self, Kind},
    ids::VideoId,
    keyring::Keyring,
    order::Subject,
    time::Timestamp,
};

const BODY: usize = 37;
const WHOLE_FILM: u32 = u32::MAX;
const WHOLE_TIMELINE: u8 = 1;
/// Most segments of a broadcast's free part.
pub const MAX_GLIMPSE: u8 = 127;

/// One viewer's one playing of one title; renewals keep it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session([u8; 8]);

impl Session {
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Display for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({self})")
    }
}

impl std::str::FromStr for Session {
    type Err = super::ids::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| super::ids::InvalidId("a session: 16 hex digits"))?;
        Ok(Self(bytes))
    }
}

/// How much of the title a grant opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Film,
    /// Segments 0 to `last_segment`.
    Preview {
        last_segment: u32,
        /// Whether playlists show the film's whole length nonetheless (for our own page, which
        /// knows where to stop) or end with the preview (for every other player).
        whole_timeline: bool,
    },
    /// Of a running broadcast: this segment and `segments - 1` before it.
    Glimpse { last_segment: u32, segments: u8 },
}

/// A grant that was checked, or is about to be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    pub title: VideoId,
    pub expires_at: Timestamp,
    pub subject: Subject,
    pub session: Session,
    pub extent: Extent,
}

/// Why something stays shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no grant of this site")]
    NoGrant,
    #[error("for another title")]
    WrongTitle,
    #[error("expired")]
    Expired,
    #[error("beyond the free part")]
    BeyondPreview,
    #[error("its purchase was closed")]
    Denied,
    #[error("playing on other devices")]
    Elsewhere,
}

impl Grant {
    pub fn seal(&self, keyring: &Keyring) -> String {
        let (last_segment, flags) = match self.extent {
            Extent::Film => (WHOLE_FILM, 0),
            Extent::Preview {
                last_segment,
                whole_timeline,
            } => {
                // The highest number means the whole film: a preview can't reach it.
                (
                    last_segment.min(WHOLE_FILM - 1),
                    if whole_timeline { WHOLE_TIMELINE } else { 0 },
                )
            }
            Extent::Glimpse {
                last_segment,
                segments,
            } => (
                last_segment.min(WHOLE_FILM - 1),
                segments.clamp(1, MAX_GLIMPSE) << 1,
            ),
        };
        let mut body = [0; BODY];
        body[..8].copy_from_slice(self.title.as_bytes());
        body[8..16].copy_from_slice(&self.expires_at.as_unix().to_be_bytes());
        body[16..24].copy_from_slice(self.subject.as_bytes());
        body[24..32].copy_from_slice(&self.session.0);
        body[32..36].copy_from_slice(&last_segment.to_be_bytes());
        body[36] = flags;
        envelope::seal(Kind::Grant, &body, keyring.signing())
    }

    pub fn open(text: &str, keyring: &Keyring) -> Result<Self, envelope::Error> {
        let body: [u8; BODY] = envelope::open(Kind::Grant, text, keyring)?;
        let eight = |at: usize| -> [u8; 8] {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&body[at..at + 8]);
            bytes
        };
        let last_segment = u32::from_be_bytes([body[32], body[33], body[34], body[35]]);
        let extent = match last_segment {
            WHOLE_FILM => Extent::Film,
            _ if body[36] >> 1 > 0 => Extent::Glimpse {
                last_segment,
                segments: body[36] >> 1,
            },
            _ => Extent::Preview {
                last_segment,
                whole_timeline: body[36] & WHOLE_TIMELINE != 0,
            },
        };
        Ok(Self {
            title: VideoId::from_bytes(eight(0)),
            expires_at: Timestamp::from_unix(u64::from_be_bytes(eight(8))),
            subject: Subject::from_bytes(eight(16)),
            session: Session(eight(24)),
            extent,
        })
    }

    /// Whether the grant opens anything of this title now.
    pub fn check(&self, title: VideoId, now: Timestamp) -> Result<(), Refusal> {
        if self.title != title {
            Err(Refusal::WrongTitle)
        } else if now >= self.expires_at {
            Err(Refusal::Expired)
        } else {
            Ok(())
        }
    }

    /// Whether the grant reaches the whole film.
    pub fn check_whole(&self) -> Result<(), Refusal> {
        match self.extent {
            Extent::Film => Ok(()),
            Extent::Preview { .. } | Extent::Glimpse { .. } => Err(Refusal::BeyondPreview),
        }
    }

    /// Whether the grant reaches this segment.
    pub fn check_segment(&self, number: u32) -> Result<(), Refusal> {
        match self.extent {
            Extent::Preview { last_segment, .. } if number > last_segment => {
                Err(Refusal::BeyondPreview)
            }
            Extent::Glimpse {
                last_segment,
                segments,
            } if number > last_segment
                || last_segment.saturating_sub(number) >= u32::from(segments) =>
            {
                Err(Refusal::BeyondPreview)
            }
            Extent::Preview { .. } | Extent::Glimpse { .. } | Extent::Film => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{access::Access, keyring::tests::keyring};
    use super::*;

    fn any_grant() -> impl Strategy<Value = Grant> {
        let extent = prop_oneof![
            Just(Extent::Film),
            (0..WHOLE_FILM - 1, any::<bool>()).prop_map(|(last_segment, whole_timeline)| {
                Extent::Preview {
                    last_segment,
                    whole_timeline,
                }
            }),
            (0..WHOLE_FILM - 1, 1..=MAX_GLIMPSE).prop_map(|(last_segment, segments)| {
                Extent::Glimpse {
                    last_segment,
                    segments,
                }
            }),
        ];
        (any::<[[u8; 8]; 3]>(), any::<u64>(), extent).prop_map(|(ids, expires, extent)| Grant {
            title: VideoId::from_bytes(ids[0]),
            expires_at: Timestamp::from_unix(expires),
            subject: Subject::from_bytes(ids[1]),
            session: Session(ids[2]),
            extent,
        })
    }

    proptest! {
        #[test]
        fn a_grant_survives_the_round_trip(grant in any_grant()) {
            let text = grant.seal(&keyring(1));
            prop_assert_eq!(text.len(), 100);
            prop_assert_eq!(Grant::open(&text, &keyring(1)), Ok(grant));
            prop_assert_eq!(Access::open(&text, &keyring(1)), Err(envelope::Error::WrongKind));
        }

        #[test]
        fn any_changed_letter_is_refused(grant in any_grant(), at in 0..100_usize, to in "[A-Za-z0-9_-]") {
            let text = grant.seal(&keyring(1));
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != text);
            prop_assert!(Grant::open(&changed, &keyring(1)).is_err());
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            prop_assert!(Grant::open(&text, &keyring(1)).is_err());
        }

        #[test]
        fn a_preview_ends_where_it_says(last_segment in 0..1000_u32, number in 0..2000_u32) {
            let grant = Grant {
                title: VideoId::from_bytes([1; 8]),
                expires_at: Timestamp::from_unix(10),
                subject: Subject::NOBODY,
                session: Session([0; 8]),
                extent: Extent::Preview { last_segment, whole_timeline: true },
            };
            prop_assert_eq!(grant.check_segment(number).is_ok(), number <= last_segment);
        }

        #[test]
        fn a_glimpse_is_so_many_segments(last_segment in 0..1000_u32, segments in 1..=MAX_GLIMPSE, number in 0..2000_u32) {
            let grant = Grant {
                title: VideoId::from_bytes([1; 8]),
                expires_at: Timestamp::from_unix(10),
                subject: Subject::NOBODY,
                session: Session([0; 8]),
                extent: Extent::Glimpse { last_segment, segments },
            };
            let free = number <= last_segment && number + u32::from(segments) > last_segment;
            prop_assert_eq!(grant.check_segment(number).is_ok(), free);
        }
    }

    #[test]
    fn the_reason_is_the_right_one() {
        let title = VideoId::from_bytes([1; 8]);
        let grant = Grant {
            title,
            expires_at: Timestamp::from_unix(10),
            subject: Subject::NOBODY,
            session: Session([0; 8]),
            extent: Extent::Film,
        };
        let at = Timestamp::from_unix;
        assert_eq!(grant.check(title, at(9)), Ok(()));
        assert_eq!(grant.check(title, at(10)), Err(Refusal::Expired));
        let other = VideoId::from_bytes([2; 8]);
        assert_eq!(grant.check(other, at(9)), Err(Refusal::WrongTitle));
        assert_eq!(grant.check_segment(u32::MAX), Ok(()));
    }
}
