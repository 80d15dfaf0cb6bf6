//! What goes wrong at a destination, in words that say what to do, and whether to try again.

use std::io;

use satreel_config::SecretError;

use crate::{MAX_BYTES, MAX_ENTRIES, Name};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A fault at a destination. `place` is [`crate::Destination::describe`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers, or not in time.
    #[error("{place} is away: {why}")]
    Away {
        place: String,
        why: String,
        source: Option<Source>,
    },
    /// It is there and is not what was meant for copies: a disk that is not mounted, a bucket or
    /// folder that does not exist.
    #[error("{place} is not ready for copies: {remedy}")]
    NotReady { place: String, remedy: String },
    /// It is there and does not let us in, or not do this.
    #[error("{place} refuses: {why}")]
    Refused { place: String, why: String },
    /// Somebody else answers than the one whose key was pinned.
    #[error(
        "{place} shows the host key {found}, not {expected}: if the server was not set up anew, somebody stands between"
    )]
    WrongHost {
        place: String,
        expected: String,
        found: String,
    },
    /// The disk, or what we may use of it, is full.
    #[error("{place} has no room left: remove something there, or keep copies for fewer days")]
    NoRoom { place: String },
    /// There is no such copy.
    #[error("{place} has no {name}")]
    Absent { place: String, name: Name },
    /// Larger than [`MAX_BYTES`].
    #[error("{name} has more than {MAX_BYTES} bytes, which no copy has ({place})")]
    TooLarge { place: String, name: Name },
    /// More than [`MAX_ENTRIES`].
    #[error("{place} holds more than {MAX_ENTRIES} copies: give copies a place of their own")]
    TooMany { place: String },
    /// What opens the place can't be read.
    #[error("{place} can't be opened")]
    Secret {
        place: String,
        #[source]
        source: SecretError,
    },
    /// What the configuration says of the place is none of a place.
    #[error("{key}: {why}")]
    Options { key: &'static str, why: String },
    /// Anything else.
    #[error("{place}: {doing} failed")]
    Failed {
        place: String,
        doing: &'static str,
        #[source]
        source: Source,
    },
}

impl Error {
    /// Whether the same may go well later without anybody doing anything about it here: a disk is
    /// plugged in again, a server comes back.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Away { .. }
            | Self::NotReady { .. }
            | Self::NoRoom { .. }
            | Self::Failed { .. } => true,
            Self::Refused { .. }
            | Self::WrongHost { .. }
            | Self::Absent { .. }
            | Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::Secret { .. }
            | Self::Options { .. } => false,
        }
    }

    pub(crate) fn failed(place: &str, doing: &'static str, source: impl Into<Source>) -> Self {
        Self::Failed {
            place: place.to_owned(),
            doing,
            source: source.into(),
        }
    }

    pub(crate) fn of_io(place: &str, doing: &'static str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoRoom {
                place: place.to_owned(),
            },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Refused {
                place: place.to_owned(),
                why: format!("{doing}: {error}"),
            },
            _ => Self::failed(place, doing, error),
        }
    }

    pub(crate) fn late(place: &str, doing: &str, seconds: u64) -> Self {
        Self::Away {
            place: place.to_owned(),
            why: format!("{doing} took more than {seconds} s"),
            source: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_becomes_what_to_do() {
        let told =
            |code| Error::of_io("folder /mnt", "writing", io::Error::from_raw_os_error(code));
        let (enospc, edquot, eacces, erofs, eio) = (28, 122, 13, 30, 5);
        for code in [enospc, edquot] {
            let full = told(code);
            assert!(matches!(full, Error::NoRoom { .. }), "{full}");
            assert!(full.is_passing());
        }
        for code in [eacces, erofs] {
            let refused = told(code);
            assert!(matches!(refused, Error::Refused { .. }), "{refused}");
            assert!(!refused.is_passing());
        }
        assert!(matches!(told(eio), Error::Failed { .. }));
    }
}
