//! The bytes of one request, to disk.
//!
//! Everything that one request holds (file, hash, lease) travels into each blocking step and back.
//! If the request is dropped meanwhile, the step ends, lets go, and what it wrote counts.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use satreel_hls::{
    job::{Change, REPLACEMENTS, Wish},
    naming::VideoId,
};
use tokio_util::sync::CancellationToken;

use super::{
    Error, FILE_MODE, Lease, Uploads, counted,
    hash::{Check, Running},
    record::{Done, Place, Record, UploadId},
    tus::Checksum,
};
use crate::core::time::Timestamp;

/// What is gathered before it goes to disk: all the memory that an upload takes.
const PIECE: usize = 1 << 20;
/// So much at the most is hashed again after a crash.
const KEEP_EVERY: u64 = 64 << 20;

/// An upload that is being written to.
#[derive(Debug)]
pub struct Append {
    uploads: Arc<Uploads>,
    hand: Option<Box<Hand>>,
    pending: BytesMut,
    /// A newer request wants this one's place.
    pub displaced: CancellationToken,
}

#[derive(Debug)]
struct Hand {
    id: UploadId,
    place: Place,
    file: File,
    record: Record,
    hash: Running,
    /// Where this request began.
    start: u64,
    check: Option<Check>,
    _lease: Lease,
}

/// How an upload stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    pub offset: u64,
    pub expires_at: u64,
    /// The whole film arrived.
    pub done: Option<Done>,
}

impl Append {
    /// Opens an upload at the place where it stands.
    pub async fn begin(
        uploads: &Arc<Uploads>,
        id: UploadId,
        offset: u64,
        checksum: Option<Checksum>,
    ) -> Result<Self, Error> {
        let lease = uploads.lease(id).await?;
        let displaced = lease.displaced.clone();
        let opened = uploads.on_disk(move |uploads| {
            let place = uploads.place(id);
            Hand::open(id, place, offset, checksum.as_ref(), lease)
        });
        let hand = opened.await?;
        Ok(Self {
            uploads: Arc::clone(uploads),
            hand: Some(Box::new(hand)),
            pending: BytesMut::new(),
            displaced,
        })
    }

    /// Takes in some more.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.pending.extend_from_slice(&bytes);
        if self.pending.len() >= PIECE {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        let pending = self.pending.split();
        self.step(move |hand| hand.put(&pending)).await
    }

    /// A step on disk. Whoever fails has lost the upload, and comes back for it.
    async fn step<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Hand) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut hand = self.hand.take().ok_or(Error::Locked)?;
        let (hand, done) = self
            .uploads
            .on_disk(move |_| {
                let done = work(&mut hand)?;
                Ok((hand, done))
            })
            .await?;
        self.hand = Some(hand);
        Ok(done)
    }

    /// The request is at its end. `known` says whether the site has a film already.
    pub async fn finish(
        mut self,
        now: Timestamp,
        known: impl FnOnce(VideoId) -> bool + Send + 'static,
    ) -> Result<Finished, Error> {
        self.flush().await?;
        let (uploads, expires_at) = (self.uploads.clone(), self.uploads.expires_at(now));
        let finished = self
            .step(move |hand| hand.finish(&uploads, expires_at, known))
            .await?;
        if finished.done.is_some() {
            self.uploads.note_change();
        }
        Ok(finished)
    }

    /// The request broke off: what arrived is kept, as far as nobody wanted it checked.
    pub async fn break_off(mut self, now: Timestamp) -> Result<(), Error> {
        self.flush().await?;
        let expires_at = self.uploads.expires_at(now);
        self.step(move |hand| hand.keep(expires_at)).await
    }
}

impl Hand {
    fn open(
        id: UploadId,
        place: Place,
        offset: u64,
        checksum: Option<&Checksum>,
        lease: Lease,
    ) -> Result<Self, Error> {
        let mut record = Record::read(&place.record).map_err(|_| Error::Unknown)?;
        if record.done.is_some() {
            return Err(Error::WrongOffset { at: record.length });
        }
        let file = File::options().read(true).write(true).open(&place.bytes)?;
        // Another server with the same folder.
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let length = file.metadata()?.len();
        let at = counted(&record, length);
        if at != offset {
            return Err(Error::WrongOffset { at });
        }
        // What was never checked, or is longer than it may be.
        file.set_len(at)?;
        let hash = Running::resume(&record.hashed, &file, at)?;
        record.hashed = hash.keep();
        record.unchecked_from = checksum.map(|_| at);
        record.write(&place.record)?;
        Ok(Self {
            id,
            place,
            file,
            record,
            hash,
            start: at,
            check: checksum.map(Check::new),
            _lease: lease,
        })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let after = self.hash.bytes + bytes.len() as u64;
        if after > self.record.length {
            return Err(Error::TooLong);
        }
        self.file.write_all_at(bytes, self.hash.bytes)?;
        self.hash.update(bytes);
        match &mut self.check {
            Some(check) => check.update(bytes),
            None if after - self.record.hashed.bytes >= KEEP_EVERY => {
                self.record.hashed = self.hash.keep();
                self.record.write(&self.place.record)?;
            }
            None => {}
        }
        Ok(())
    }

    /// Notes how far it came. Bytes that were to be checked and were not, are dropped.
    fn keep(&mut self, expires_at: u64) -> Result<(), Error> {
        if self.check.take().is_some() {
            self.file.set_len(self.start)?;
        } else {
            self.record.hashed = self.hash.keep();
        }
        self.record.unchecked_from = None;
        self.record.expires_at = expires_at;
        Ok(self.record.write(&self.place.record)?)
    }

    fn finish(
        &mut self,
        uploads: &Uploads,
        expires_at: u64,
        known: impl FnOnce(VideoId) -> bool,
    ) -> Result<Finished, Error> {
        if let Some(check) = self.check.take()
            && !check.holds()
        {
            // Still marked as unchecked: also a crash right here drops them.
            self.file.set_len(self.start)?;
            self.record.unchecked_from = None;
            self.record.write(&self.place.record)?;
            return Err(Error::WrongChecksum);
        }
        self.keep(expires_at)?;
        let offset = self.hash.bytes;
        let done = if offset == self.record.length {
            Some(self.complete(uploads, known)?)
        } else {
            None
        };
        Ok(Finished {
            offset,
            expires_at,
            done,
        })
    }

    fn complete(
        &mut self,
        uploads: &Uploads,
        known: impl FnOnce(VideoId) -> bool,
    ) -> Result<Done, Error> {
        let digest = self.hash.clone().finish();
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        let made_of = VideoId::from_bytes(id);
        let done = match self.record.replaces {
            // The same film would replace itself.
            Some(title) => Done {
                title,
                known: title == made_of,
            },
            None => Done {
                title: made_of,
                known: known(made_of),
            },
        };
        self.file.sync_all()?;
        // First the word, then the deed: a crash in between is made up for by the next sweep.
        self.record.done = Some(done);
        self.record.write(&self.place.record)?;
        if done.known {
            fs::remove_file(&self.place.bytes)?;
        } else {
            hand_over(uploads, &self.place, &self.record)?;
        }
        tracing::info!(upload = %self.id, title = %done.title, known = done.known, "an upload is whole");
        Ok(done)
    }
}

/// Gives a whole film to the transcoder: to the watch folder, or in the place of another.
pub(super) fn hand_over(uploads: &Uploads, place: &Place, record: &Record) -> io::Result<()> {
    let Some(title) = record.replaces else {
        return move_into(&uploads.inbox, place, record).map(drop);
    };
    let folder = uploads.inbox.join(REPLACEMENTS).join(title.to_string());
    fs::create_dir_all(&folder)?;
    let file = move_into(&folder, place, record)?;
    uploads.jobs.ask(&Wish {
        job: title,
        change: Change::Replace { file },
    })
}

/// Under its own name if that is free; answers the name. What the film is to be called comes first,
/// in a file beside it (`film.toml`).
fn move_into(folder: &Path, place: &Place, record: &Record) -> io::Result<String> {
    let file_name = record.file_name.as_str();
    let (stem, end) = match file_name.rsplit_once('.') {
        Some((stem, end)) => (stem, format!(".{end}")),
        None => (file_name, String::new()),
    };
    let here = rustix::fs::CWD;
    for number in 1..1000 {
        let stem = match number {
            1 => stem.to_owned(),
            _ => format!("{stem} ({number})"),
        };
        let name = format!("{stem}{end}");
        let target = folder.join(&name);
        if target.exists() {
            continue;
        }
        let beside = folder.join(format!("{stem}.toml"));
        if !put_beside(&beside, record)? {
            continue;
        }
        // One step, and nothing that lies there is replaced.
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(here, &place.bytes, here, &target, flags) {
            Ok(()) => return File::open(folder)?.sync_all().map(|()| name),
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::other("the folder is full of films of this name"))
}

/// Writes the title's data of a film that is about to come. False: another film has the place.
fn put_beside(path: &Path, record: &Record) -> io::Result<bool> {
    let Some(name) = record.name.as_ref().filter(|_| record.replaces.is_none()) else {
        return Ok(true);
    };
    let text = format!("name = {}\n", toml_text(name));
    // What a crash left when it had come this far says the same.
    if fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(true);
    }
    let made = File::options().write(true).create_new(true).open(path);
    let mut file = match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        made => made?,
    };
    file.set_permissions(fs::Permissions::from_mode(FILE_MODE))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(true)
}

/// A basic string (TOML 1.0): JSON's escapes are among its own, and no control character is left.
fn toml_text(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}
