//! The deny list: purchases that the operator closed, after a refund or for abuse.
//!
//! One small file in the data folder, changed by `satreel deny` and `satreel allow`, taken in by
//! running servers: `{"denied": [{"subject": "<16 hex>", "note": "…", "since": "…"}, …]}`.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    core::{order::Subject, time::Timestamp},
    small_file,
};

/// Its name in the data folder.
pub const FILE: &str = "denied.json";
/// The longest note, in characters.
pub const MAX_NOTE: usize = 500;

/// The list as a running server holds it.
#[derive(Debug, Default)]
pub struct Denied {
    /// Most sites never deny anybody: the gate then looks no further than here.
    any: AtomicBool,
    subjects: RwLock<HashSet<Subject>>,
}

impl Denied {
    /// The list of this site; no file is an empty list.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let denied = Self::default();
        denied.reload(path)?;
        Ok(denied)
    }

    pub fn contains(&self, subject: Subject) -> bool {
        self.any.load(Ordering::Acquire) && self.subjects.read().contains(&subject)
    }

    fn reload(&self, path: &Path) -> Result<usize, Error> {
        let list = DenyFile::read(path)?;
        let subjects: HashSet<_> = list.denied.into_iter().map(|entry| entry.subject).collect();
        let count = subjects.len();
        *self.subjects.write() = subjects;
        self.any.store(count > 0, Ordering::Release);
        Ok(count)
    }

    /// Takes in every change of the file while the server runs, until `shutdown`.
    pub async fn follow(&self, path: &Path, shutdown: CancellationToken) {
        small_file::follow(path, shutdown, || match self.reload(path) {
            Ok(count) => tracing::debug!(count, "took in the deny list"),
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the changed deny list is not taken in; the one before stays in use"
            ),
        })
        .await;
    }
}

/// What is wrong with the list.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {source}: mend the line, or remove the file to deny nobody", path.display())]
    Damaged {
        path: PathBuf,
        source: serde_json::Error,
    },
}

/// One purchase that is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub subject: Subject,
    /// Why, for the operator's own memory.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// RFC 3339.
    #[serde(default)]
    pub since: String,
}

/// The file's contents, for the commands that change it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenyFile {
    pub denied: Vec<Entry>,
}

impl DenyFile {
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = small_file::read(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            source,
        })?;
        let Some(text) = text else {
            return Ok(Self::default());
        };
        serde_json::from_str(&text).map_err(|source| Error::Damaged {
            path: path.to_owned(),
            source,
        })
    }

    /// Reads the file, changes it and puts it back, while no other command does.
    pub fn edit<T>(path: &Path, change: impl FnOnce(&mut Self) -> T) -> Result<T, Error> {
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        let _turn = small_file::take_turn(path).map_err(io)?;
        let mut file = Self::read(path)?;
        let before = file.clone();
        let outcome = change(&mut file);
        if file != before {
            let text = serde_json::to_string_pretty(&file).map_err(|source| Error::Damaged {
                path: path.to_owned(),
                source,
            })?;
            small_file::replace(path, &text).map_err(io)?;
        }
        Ok(outcome)
    }

    /// False: it stood there already, and only the note is new.
    pub fn deny(&mut self, subject: Subject, note: Option<String>, now: Timestamp) -> bool {
        if let Some(entry) = self.find(subject) {
            entry.note = note.unwrap_or_else(|| std::mem::take(&mut entry.note));
            return false;
        }
        self.denied.push(Entry {
            subject,
            note: note.unwrap_or_default(),
            since: now.to_string(),
        });
        true
    }

    /// False: it did not stand there.
    pub fn allow(&mut self, subject: Subject) -> bool {
        let before = self.denied.len();
        self.denied.retain(|entry| entry.subject != subject);
        self.denied.len() < before
    }

    fn find(&mut self, subject: Subject) -> Option<&mut Entry> {
        self.denied
            .iter_mut()
            .find(|entry| entry.subject == subject)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const ONE: Subject = Subject::from_bytes([1; 8]);
    const OTHER: Subject = Subject::from_bytes([2; 8]);

    #[test]
    fn the_list_is_what_the_commands_say() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        let denied = Denied::open(&path).expect("an empty list");
        assert!(!denied.contains(ONE));

        let note = Some("refunded".to_owned());
        let now = Timestamp::from_unix(1_800_000_000);
        let deny = |note| DenyFile::edit(&path, |file| file.deny(ONE, note, now));
        assert!(deny(note).expect("written"));
        assert!(!deny(None).expect("written"), "denied before");
        assert_eq!(denied.reload(&path).expect("read"), 1);
        assert!(denied.contains(ONE) && !denied.contains(OTHER));
        let kept = DenyFile::read(&path).expect("read").denied;
        assert_eq!(
            kept[0].note, "refunded",
            "a note stays unless there is a new one"
        );

        let allow = |subject| DenyFile::edit(&path, |file| file.allow(subject));
        assert!(!allow(OTHER).expect("read"));
        assert!(allow(ONE).expect("written"));
        assert_eq!(denied.reload(&path).expect("read"), 0);
        assert!(!denied.contains(ONE));
    }

    #[test]
    fn a_damaged_list_is_named_and_the_one_before_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        DenyFile::edit(&path, |file| file.deny(ONE, None, Timestamp::default())).expect("written");
        let denied = Denied::open(&path).expect("a list");
        for damage in [
            "",
            "[]",
            "{\"denied\": [{\"subject\": \"x\"}]}",
            "{\"denyed\": []}",
        ] {
            fs::write(&path, damage).expect("written");
            let error = denied.reload(&path).expect_err(damage);
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
            assert!(denied.contains(ONE));
            assert!(Denied::open(&path).is_err(), "and no start without it");
        }
    }
}
