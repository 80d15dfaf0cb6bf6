//! Films that arrive in pieces, by tus 1.0: creation, checksum, termination, expiration.
//!
//! Owns the bytes until they are whole, in a hidden folder of the inbox, so that a whole film is
//! one rename away from being one. What counts of an upload is what lies on disk: a lost connection,
//! a restart and kill -9 all end in the same place, the length of the file. Knows no HTTP.

mod append;
mod hash;
mod record;
pub mod tus;

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use satreel_config::Uploads as Limits;
use tokio::sync::{OwnedMutexGuard, watch};
use tokio_util::sync::CancellationToken;

pub use append::{Append, Finished};
pub use record::{Done, Record, UploadId};

use super::jobs::Jobs;
use crate::core::time::Timestamp;
use record::Place;

/// The hidden folder of the inbox.
const FOLDER: &str = ".uploads";
/// How long a request waits for the one before it to let go.
const PATIENCE: Duration = Duration::from_secs(10);
/// Reads by the transcoder's group, written by nobody else.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;

/// Why bytes are not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such upload: it may have run out")]
    Unknown,
    #[error("an empty file is no film")]
    Empty,
    #[error("the film has {length}, and at most {most} are taken: see uploads.most_gb")]
    TooLarge { length: Bytes, most: Bytes },
    #[error(
        "there is not enough room: {free} are free, {promised} of them promised to other uploads, \
         {kept} kept for the site, and the film has {length}"
    )]
    NoRoom {
        length: Bytes,
        free: Bytes,
        promised: Bytes,
        kept: Bytes,
    },
    #[error("{0} uploads are not finished: finish or cancel one first (uploads.at_once)")]
    TooMany(u32),
    #[error("the upload stands at {at} bytes: go on from there")]
    WrongOffset { at: u64 },
    #[error("more bytes than the film has")]
    TooLong,
    #[error("the bytes are not those of the checksum: send them again")]
    WrongChecksum,
    #[error("another request writes to this upload")]
    Locked,
    #[error("the disk is full: what arrived stays; make room, then go on")]
    Full,
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    #[error("the uploads' folder can't be used: {0}")]
    Io(io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// A number of bytes as people read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "KB")];
        match units.iter().find(|(unit, _)| self.0 >= *unit) {
            Some((unit, name)) => {
                let tenths = self.0 / (unit / 10);
                write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
            }
            None => write!(f, "{} bytes", self.0),
        }
    }
}

/// A film that is to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    pub length: u64,
    pub metadata: tus::Metadata,
    /// As it came.
    pub raw: String,
}

/// An upload as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub id: UploadId,
    pub offset: u64,
    pub record: Record,
}

/// All uploads of a site.
#[derive(Debug)]
pub struct Uploads {
    inbox: PathBuf,
    folder: PathBuf,
    limits: Limits,
    jobs: Jobs,
    /// Creations take turns, so that two don't count on the same room.
    creating: Mutex<()>,
    live: Mutex<HashMap<UploadId, Arc<Live>>>,
    /// Grows with every upload that comes, goes or is whole.
    version: watch::Sender<u64>,
}

/// Who writes to one upload now.
#[derive(Debug, Default)]
struct Live {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Tells the writer that a newer request wants its place.
    writer: Mutex<CancellationToken>,
}

/// One request's right to an upload.
#[derive(Debug)]
pub(super) struct Lease {
    _turn: OwnedMutexGuard<()>,
    pub(super) displaced: CancellationToken,
}

impl Uploads {
    pub fn new(data: &Path, inbox: &Path, limits: Limits) -> Self {
        Self {
            inbox: inbox.to_owned(),
            folder: inbox.join(FOLDER),
            limits,
            jobs: Jobs::new(data),
            creating: Mutex::default(),
            live: Mutex::default(),
            version: watch::Sender::new(0),
        }
    }

    /// The longest film that is taken.
    pub const fn most_bytes(&self) -> u64 {
        self.limits.most_bytes
    }

    /// A number that changes when an upload comes, goes or is whole.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn note_change(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    fn place(&self, id: UploadId) -> Place {
        Place::of(&self.folder, id)
    }

    /// Makes room for a film, before its first byte. Waits on the disk.
    pub fn create(&self, new: New, now: Timestamp) -> Result<Standing, Error> {
        if new.length == 0 {
            return Err(Error::Empty);
        }
        if new.length > self.limits.most_bytes {
            return Err(Error::TooLarge {
                length: Bytes(new.length),
                most: Bytes(self.limits.most_bytes),
            });
        }
        let _turn = self.creating.lock();
        self.prepare()?;
        self.sweep(now)?;
        self.check_room(new.length)?;
        let id = UploadId::new().map_err(Error::Randomness)?;
        let record = Record {
            file_name: tus::file_name(new.metadata.file_name.as_deref()),
            name: new.metadata.name,
            replaces: new.metadata.replaces,
            length: new.length,
            metadata: new.raw,
            expires_at: self.expires_at(now),
            hashed: record::Hashed::default(),
            unchecked_from: None,
            done: None,
        };
        let place = self.place(id);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&place.bytes)?;
        // Not by the mode of opening, which the process's mask narrows.
        file.set_permissions(fs::Permissions::from_mode(FILE_MODE))?;
        record.write(&place.record)?;
        self.note_change();
        Ok(Standing {
            id,
            offset: 0,
            record,
        })
    }

    fn expires_at(&self, now: Timestamp) -> u64 {
        now.plus_hours(self.limits.expire_hours).as_unix()
    }

    fn prepare(&self) -> io::Result<()> {
        fs::create_dir_all(&self.inbox)?;
        match DirBuilder::new().mode(FOLDER_MODE).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn check_room(&self, length: u64) -> Result<(), Error> {
        let unfinished: Vec<_> = self
            .list()?
            .into_iter()
            .filter(|upload| upload.record.done.is_none())
            .collect();
        if unfinished.len() >= self.limits.at_once as usize {
            return Err(Error::TooMany(self.limits.at_once));
        }
        let promised = unfinished
            .iter()
            .map(|upload| upload.record.length.saturating_sub(upload.offset))
            .fold(0, u64::saturating_add);
        let about = rustix::fs::statvfs(&self.folder).map_err(io::Error::from)?;
        let free = about.f_bavail.saturating_mul(about.f_frsize);
        let kept = self.limits.keep_free_bytes;
        let needed = length.saturating_add(promised).saturating_add(kept);
        if needed > free {
            return Err(Error::NoRoom {
                length: Bytes(length),
                free: Bytes(free),
                promised: Bytes(promised),
                kept: Bytes(kept),
            });
        }
        Ok(())
    }

    /// All uploads, also those that are whole until they run out. Waits on the disk.
    pub fn list(&self) -> Result<Vec<Standing>, Error> {
        let mut all = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            let id = path
                .file_stem()
                .and_then(|stem| stem.to_str()?.parse().ok());
            if let Some(id) = id.filter(|_| path.extension().is_some_and(|end| end == "json"))
                && let Ok(standing) = self.standing(id)
            {
                all.push(standing);
            }
        }
        all.sort_by_key(|upload| (upload.record.expires_at, upload.id));
        Ok(all)
    }

    /// One upload as it stands. Waits on the disk.
    pub fn standing(&self, id: UploadId) -> Result<Standing, Error> {
        let place = self.place(id);
        let record = match Record::read(&place.record) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::Unknown),
            record => record?,
        };
        let offset = match record.done {
            Some(_) => record.length,
            None => counted(&record, fs::metadata(&place.bytes)?.len()),
        };
        Ok(Standing { id, offset, record })
    }

    /// As [`Self::standing`], once whoever writes has let go: what he leaves is what counts.
    pub async fn settled(self: &Arc<Self>, id: UploadId) -> Result<Standing, Error> {
        let lease = self.lease(id).await?;
        self.on_disk(move |uploads| {
            let standing = uploads.standing(id);
            drop(lease);
            standing
        })
        .await
    }

    /// Takes an upload's place from whoever has it: a client that lost its connection comes back
    /// before the server has noticed.
    pub(super) async fn lease(self: &Arc<Self>, id: UploadId) -> Result<Lease, Error> {
        self.on_disk(move |uploads| {
            let known = uploads.place(id).record.exists();
            known.then_some(()).ok_or(Error::Unknown)
        })
        .await?;
        let live = Arc::clone(self.live.lock().entry(id).or_default());
        let displaced = CancellationToken::new();
        std::mem::replace(&mut *live.writer.lock(), displaced.clone()).cancel();
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&live.turn).lock_owned());
        let turn = turn.await.map_err(|_| Error::Locked)?;
        Ok(Lease {
            _turn: turn,
            displaced,
        })
    }

    /// Drops an upload and its bytes. A film that is whole is a film already, and stays.
    pub async fn cancel(self: &Arc<Self>, id: UploadId) -> Result<(), Error> {
        let lease = self.lease(id).await?;
        self.on_disk(move |uploads| {
            uploads.place(id).remove()?;
            uploads.live.lock().remove(&id);
            uploads.note_change();
            drop(lease);
            Ok(())
        })
        .await
    }

    /// Clears away what ran out, and ends what a crash broke off. Waits on the disk.
    pub fn sweep(&self, now: Timestamp) -> Result<(), Error> {
        for upload in self.list()? {
            let place = self.place(upload.id);
            if upload.record.expires_at <= now.as_unix() {
                // Somebody who still writes puts it off himself.
                if self
                    .live
                    .lock()
                    .get(&upload.id)
                    .is_some_and(|live| live.turn.try_lock().is_err())
                {
                    continue;
                }
                place.remove()?;
                self.live.lock().remove(&upload.id);
                self.note_change();
            } else if let Some(Done { known: false, .. }) = upload.record.done
                && place.bytes.exists()
            {
                append::hand_over(self, &place, &upload.record)?;
            }
        }
        Ok(())
    }

    pub(super) async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let uploads = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&uploads)).await;
        done.unwrap_or_else(|error| Err(Error::Io(io::Error::other(error))))
    }
}

/// How much of what lies on disk counts.
fn counted(record: &Record, length: u64) -> u64 {
    record.unchecked_from.unwrap_or(length).min(record.length)
}

#[cfg(test)]
mod tests;
