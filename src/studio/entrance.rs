//! Who may come in. Links, sessions and keys are signed, so that most of the check is arithmetic;
//! what can't be signed, that a link was used or a session ended, stands in one small file of the
//! data folder: `{"epoch": 0, "ended": [{"id": "<32 hex>", "until": <unix seconds>}, …]}`.
//!
//! Servers that share the data folder share the file, and take turns at it: a link opens one of
//! them once. Servers with folders of their own would each let it in once, within its ten minutes.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    core::{
        envelope,
        keyring::Keyring,
        studio::{Door, Entry, EntryId, Refusal},
        time::Timestamp,
    },
    small_file,
};

/// Its name in the data folder.
pub const FILE: &str = "studio.json";
/// How long a link waits to be opened.
pub const LINK_S: u64 = 10 * 60;
/// How long a session lasts that nobody uses.
pub const SESSION_S: u64 = 12 * 3600;
/// How long one lasts at the most, however much it is used.
pub const LONGEST_S: u64 = 30 * 86_400;
/// A session is renewed once this much of it is over.
const RENEW_AFTER_S: u64 = 3600;

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {source}: remove the file, and print a new link", path.display())]
    Damaged {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
}

/// Why somebody stays outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    #[error("{0}")]
    NotOurs(#[from] envelope::Error),
    #[error("{0}")]
    Over(#[from] Refusal),
    #[error("it was used already")]
    Used,
}

/// The file's contents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct StudioFile {
    epoch: u64,
    #[serde(default)]
    ended: Vec<Ended>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    id: String,
    /// From then on its own time is over anyway.
    until: u64,
}

impl StudioFile {
    fn read(path: &Path) -> Result<Self, Error> {
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

    /// Reads the file, changes it and puts it back, while nobody else does.
    fn edit<T>(
        path: &Path,
        now: Timestamp,
        change: impl FnOnce(&mut Self) -> T,
    ) -> Result<(T, Self), Error> {
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        let _turn = small_file::take_turn(path).map_err(io)?;
        let mut file = Self::read(path)?;
        file.ended.retain(|ended| ended.until > now.as_unix());
        let outcome = change(&mut file);
        let text = serde_json::to_string_pretty(&file).map_err(|source| Error::Damaged {
            path: path.to_owned(),
            source,
        })?;
        small_file::replace(path, &text).map_err(io)?;
        Ok((outcome, file))
    }

    /// False: it was ended before.
    fn end(&mut self, id: EntryId, until: Timestamp) -> bool {
        let id = id.to_string();
        let known = self.ended.iter().any(|ended| ended.id == id);
        if !known {
            let until = until.as_unix();
            self.ended.push(Ended { id, until });
        }
        !known
    }
}

/// A new link. Its ten minutes begin now.
pub fn link(data: &Path, keyring: &Keyring, now: Timestamp) -> Result<String, Error> {
    let epoch = StudioFile::read(&data.join(FILE))?.epoch;
    let entry = new_entry(epoch, now, Some(now.plus_seconds(LINK_S)))?;
    Ok(entry.seal(Door::Link, keyring))
}

/// A new key for a program. None: for ever.
pub fn key(
    data: &Path,
    keyring: &Keyring,
    now: Timestamp,
    days: Option<u32>,
) -> Result<String, Error> {
    let epoch = StudioFile::read(&data.join(FILE))?.epoch;
    let end = days.map(|days| now.plus_hours(days.saturating_mul(24)));
    Ok(new_entry(epoch, now, end)?.seal(Door::Key, keyring))
}

/// Ends every link, session and key that was issued so far.
pub fn end_all(data: &Path, now: Timestamp) -> Result<(), Error> {
    let raised = StudioFile::edit(&data.join(FILE), now, |file| {
        file.epoch += 1;
        file.ended.clear();
    });
    raised.map(drop)
}

fn new_entry(epoch: u64, now: Timestamp, end: Option<Timestamp>) -> Result<Entry, Error> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(Error::Randomness)?;
    Ok(Entry {
        id: EntryId::from_bytes(id),
        issued_at: now,
        expires_at: end,
        epoch,
    })
}

/// The file as a running server holds it.
#[derive(Debug)]
pub struct Entrance {
    path: PathBuf,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    epoch: u64,
    ended: HashSet<EntryId>,
}

impl From<&StudioFile> for Known {
    fn from(file: &StudioFile) -> Self {
        let ended = file.ended.iter().filter_map(|ended| ended.id.parse().ok());
        Self {
            epoch: file.epoch,
            ended: ended.collect(),
        }
    }
}

impl Entrance {
    pub fn open(data: &Path) -> Result<Self, Error> {
        let path = data.join(FILE);
        let known = RwLock::new(Known::from(&StudioFile::read(&path)?));
        Ok(Self { path, known })
    }

    /// Takes in every change of the file while the server runs, until `shutdown`.
    pub async fn follow(&self, shutdown: CancellationToken) {
        small_file::follow(&self.path, shutdown, || {
            match StudioFile::read(&self.path) {
                Ok(file) => *self.known.write() = Known::from(&file),
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the changed studio file is not taken in; the one before stays in use"
                ),
            }
        })
        .await;
    }

    /// Whoever holds a session or a key.
    pub fn check(
        &self,
        text: &str,
        door: Door,
        keyring: &Keyring,
        now: Timestamp,
    ) -> Result<Entry, Closed> {
        let entry = Entry::open(text, door, keyring)?;
        let known = self.known.read();
        entry.check(now, known.epoch)?;
        if known.ended.contains(&entry.id) {
            return Err(Closed::Used);
        }
        Ok(entry)
    }

    /// Turns a link into a session, once. Waits on the disk: what was used is remembered before
    /// anybody is let in.
    pub fn enter(
        &self,
        link: &str,
        keyring: &Keyring,
        now: Timestamp,
    ) -> Result<Result<Entry, Closed>, Error> {
        let link = match self.check(link, Door::Link, keyring, now) {
            Ok(link) => link,
            Err(closed) => return Ok(Err(closed)),
        };
        // Beyond the link's own end, for clocks that differ.
        let until = link.expires_at.unwrap_or(now).plus_seconds(LINK_S);
        let (outcome, file) = StudioFile::edit(&self.path, now, |file| {
            // SECURITY: asked again under the lock: two who come at once, or another server.
            link.check(now, file.epoch)?;
            if file.end(link.id, until) {
                Ok(())
            } else {
                Err(Closed::Used)
            }
        })?;
        *self.known.write() = Known::from(&file);
        match outcome {
            Ok(()) => {
                let end = Some(now.plus_seconds(SESSION_S));
                new_entry(file.epoch, now, end).map(Ok)
            }
            Err(closed) => Ok(Err(closed)),
        }
    }

    /// Ends one session before its time. Waits on the disk.
    pub fn leave(&self, session: &Entry, now: Timestamp) -> Result<(), Error> {
        let until = session.issued_at.plus_seconds(LONGEST_S);
        let ((), file) = StudioFile::edit(&self.path, now, |file| {
            file.end(session.id, until);
        })?;
        *self.known.write() = Known::from(&file);
        Ok(())
    }
}

/// The same session for longer, when it is time.
pub fn renewed(session: &Entry, now: Timestamp) -> Option<Entry> {
    let end = now.plus_seconds(SESSION_S);
    let last = session.issued_at.plus_seconds(LONGEST_S);
    let end = end.min(last);
    let before = session.expires_at?;
    (end.seconds_since(before) >= RENEW_AFTER_S).then_some(Entry {
        expires_at: Some(end),
        ..*session
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::core::keyring::tests::keyring;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn enter(at: &Entrance, link: &str, now: Timestamp) -> Result<Entry, Closed> {
        at.enter(link, &keyring(1), now).expect("the file works")
    }

    #[test]
    fn a_link_opens_once_also_after_a_restart_and_at_another_server() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path();
        let (here, there) = (
            Entrance::open(data).expect("opened"),
            Entrance::open(data).expect("opened"),
        );
        let text = link(data, &keyring(1), NOW).expect("a link");
        let session = enter(&here, &text, NOW).expect("in");
        assert_eq!(session.expires_at, Some(NOW.plus_seconds(SESSION_S)));
        // The other server has not looked at the file since.
        for server in [&here, &there, &Entrance::open(data).expect("opened")] {
            assert_eq!(enter(server, &text, NOW), Err(Closed::Used));
        }
        let late = link(data, &keyring(1), NOW).expect("a link");
        let over = NOW.plus_seconds(LINK_S);
        assert_eq!(
            enter(&here, &late, over),
            Err(Closed::Over(Refusal::Expired))
        );
        // What a link opens is no link, and a link is no session.
        let cookie = session.seal(Door::Session, &keyring(1));
        assert!(here.check(&cookie, Door::Session, &keyring(1), NOW).is_ok());
        assert!(enter(&here, &cookie, NOW).is_err());
        assert!(here.check(&late, Door::Session, &keyring(1), NOW).is_err());
    }

    #[test]
    fn of_many_who_come_at_once_one_gets_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = link(folder.path(), &keyring(1), NOW).expect("a link");
        let servers: Vec<_> = (0..4)
            .map(|_| Entrance::open(folder.path()).expect("opened"))
            .collect();
        let inside = std::thread::scope(|scope| {
            let comers: Vec<_> = servers
                .iter()
                .map(|server| scope.spawn(|| enter(server, &text, NOW).is_ok()))
                .collect();
            let came = comers.into_iter().map(|comer| comer.join().expect("ends"));
            came.filter(|inside| *inside).count()
        });
        assert_eq!(inside, 1);
    }

    #[test]
    fn who_leaves_is_out_and_end_all_ends_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path();
        let here = Entrance::open(data).expect("opened");
        let open = || {
            let text = link(data, &keyring(1), NOW).expect("a link");
            enter(&here, &text, NOW).expect("in")
        };
        let (one, other) = (open(), open());
        let check = |entry: &Entry, door| {
            let here = Entrance::open(data).expect("opened");
            let text = entry.seal(door, &keyring(1));
            here.check(&text, door, &keyring(1), NOW)
        };
        here.leave(&one, NOW).expect("left");
        assert_eq!(check(&one, Door::Session), Err(Closed::Used));
        assert!(check(&other, Door::Session).is_ok());

        let key = key(data, &keyring(1), NOW, None).expect("a key");
        let late = NOW.plus_seconds(u64::from(u32::MAX));
        assert!(here.check(&key, Door::Key, &keyring(1), late).is_ok());
        end_all(data, NOW).expect("ended");
        let again = Entrance::open(data).expect("opened");
        let ended = Err(Closed::Over(Refusal::Ended));
        assert_eq!(again.check(&key, Door::Key, &keyring(1), NOW), ended);
        assert_eq!(check(&other, Door::Session), ended);
    }

    #[test]
    fn a_session_in_use_is_renewed_but_not_for_ever() {
        let session = Entry {
            id: EntryId::from_bytes([1; 16]),
            issued_at: NOW,
            expires_at: Some(NOW.plus_seconds(SESSION_S)),
            epoch: 0,
        };
        assert_eq!(renewed(&session, NOW.plus_seconds(60)), None);
        let later = NOW.plus_seconds(2 * 3600);
        let longer = renewed(&session, later).expect("renewed");
        assert_eq!(longer.expires_at, Some(later.plus_seconds(SESSION_S)));
        assert_eq!((longer.id, longer.issued_at), (session.id, NOW));
        let last = NOW.plus_seconds(LONGEST_S);
        let old = Entry {
            expires_at: Some(last),
            ..session
        };
        assert_eq!(renewed(&old, last), None);
    }

    #[test]
    fn what_is_over_is_forgotten_and_a_damaged_file_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path();
        let here = Entrance::open(data).expect("opened");
        for hour in 0..5 {
            let now = NOW.plus_hours(hour);
            let text = link(data, &keyring(1), now).expect("a link");
            enter(&here, &text, now).expect("in");
        }
        let file = StudioFile::read(&data.join(FILE)).expect("read");
        assert_eq!(file.ended.len(), 1, "{file:?}");
        fs::write(data.join(FILE), "{").expect("written");
        assert!(matches!(Entrance::open(data), Err(Error::Damaged { .. })));
    }
}
