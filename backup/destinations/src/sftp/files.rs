//! The few things that are done with files over SFTP, and what its answers mean.

use futures_util::{StreamExt, TryStreamExt, stream};
use russh_sftp::{
    client::error::Error as Fault,
    protocol::{FileAttributes, FileType, OpenFlags, Packet, StatusCode},
};

use super::{Sftp, connect::Session};
use crate::{Destination, Entry, Error, MAX_BYTES, MAX_ENTRIES, Name, Result};

/// What every server takes and gives at a time (draft-ietf-secsh-filexfer-02 §3).
const CHUNK: usize = 32_000;
/// Chunks on their way at once, so that a long line is not waited for at every one.
const ON_THE_WAY: usize = 16;
/// Replaces the target, which the protocol's own rename refuses.
const POSIX_RENAME: &str = "posix-rename@openssh.com";
const FSYNC: &str = "fsync@openssh.com";
const STATVFS: &str = "statvfs@openssh.com";

/// A session in a folder.
pub(super) struct Files<'a> {
    session: Session,
    to: &'a Sftp,
    can_replace: bool,
    can_sync: bool,
    can_measure: bool,
}

impl<'a> Files<'a> {
    pub(super) async fn open(session: Session, to: &'a Sftp) -> Result<Self> {
        let version = session.sftp.init().await;
        let version = version.map_err(|fault| told(&to.describe(), "greeting", fault))?;
        let can = |what| version.extensions.contains_key(what);
        Ok(Self {
            session,
            to,
            can_replace: can(POSIX_RENAME),
            can_sync: can(FSYNC),
            can_measure: can(STATVFS),
        })
    }

    /// Whether the folder is there: after this, what is not found is a file.
    pub(super) async fn look(&self) -> Result<()> {
        match self.session.sftp.stat(&self.to.path).await {
            Ok(found) if found.attrs.is_dir() => Ok(()),
            Ok(_) => Err(self.not_ready("is no folder: name another one")),
            Err(fault) if is_absent(&fault) => {
                Err(self.not_ready("does not exist there: make it, once, on the server"))
            }
            Err(fault) => Err(self.told("looking for the folder", fault)),
        }
    }

    pub(super) async fn make_folder(&self) -> Result<()> {
        let own = FileAttributes {
            permissions: Some(0o700),
            ..FileAttributes::empty()
        };
        match self.session.sftp.mkdir(&self.to.path, own).await {
            Ok(_) => Ok(()),
            // It may be there already, which the protocol has no word for.
            Err(fault) => match self.look().await {
                Ok(()) => Ok(()),
                Err(_) => Err(self.told("making the folder", fault)),
            },
        }
    }

    pub(super) async fn put(&self, name: &Name, bytes: &[u8]) -> Result<()> {
        let unfinished = self.path(&name.unfinished());
        let done = async {
            self.write(&unfinished, bytes).await?;
            self.rename(&unfinished, &self.path(name.as_str())).await
        };
        match done.await {
            Ok(()) => Ok(()),
            Err(fault) => {
                let is_full = self.is_full(bytes.len() as u64).await;
                // What is half there takes room from the next try. That it can't be removed is no news then.
                let _ = self.session.sftp.remove(&unfinished).await;
                Err(match fault {
                    Fault::Status(_) if is_full => Error::NoRoom {
                        place: self.to.describe(),
                    },
                    fault => self.told("writing", fault),
                })
            }
        }
    }

    pub(super) async fn get(&self, name: &Name) -> Result<Vec<u8>> {
        let place = self.to.describe();
        let path = self.path(name.as_str());
        let sftp = &self.session.sftp;
        let handle = match sftp
            .open(&path, OpenFlags::READ, FileAttributes::empty())
            .await
        {
            Err(fault) if is_absent(&fault) => {
                return Err(Error::Absent {
                    place,
                    name: name.clone(),
                });
            }
            opened => opened.map_err(|fault| self.told("reading", fault))?.handle,
        };
        let read = async {
            let size = sftp
                .fstat(&handle)
                .await?
                .attrs
                .size
                .unwrap_or(MAX_BYTES + 1);
            if size > MAX_BYTES {
                return Ok(None);
            }
            self.read(&handle, size).await.map(Some)
        };
        match read.await {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(Error::TooLarge {
                place,
                name: name.clone(),
            }),
            Err(fault) => Err(self.told("reading", fault)),
        }
    }

    pub(super) async fn list(&self) -> Result<Vec<Entry>> {
        let told = |fault| self.told("listing", fault);
        let folder = self
            .session
            .sftp
            .opendir(&self.to.path)
            .await
            .map_err(told)?
            .handle;
        let mut entries = Vec::new();
        loop {
            let files = match self.session.sftp.readdir(&folder).await {
                Err(Fault::Status(status)) if status.status_code == StatusCode::Eof => break,
                found => found.map_err(told)?.files,
            };
            for file in files {
                let Ok(name) = file.filename.parse() else {
                    continue;
                };
                if file.attrs.file_type() != FileType::File {
                    continue;
                }
                if entries.len() == MAX_ENTRIES {
                    return Err(Error::TooMany {
                        place: self.to.describe(),
                    });
                }
                entries.push(Entry {
                    name,
                    bytes: file.attrs.size.unwrap_or_default(),
                });
            }
        }
        entries.sort();
        Ok(entries)
    }

    pub(super) async fn remove(&self, name: &Name) -> Result<()> {
        match self.session.sftp.remove(self.path(name.as_str())).await {
            Err(fault) if !is_absent(&fault) => Err(self.told("removing", fault)),
            _ => Ok(()),
        }
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> std::result::Result<(), Fault> {
        let sftp = &self.session.sftp;
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
        let own = FileAttributes {
            permissions: Some(0o600),
            ..FileAttributes::empty()
        };
        let handle = sftp.open(path, flags, own).await?.handle;
        stream::iter((0..bytes.len()).step_by(CHUNK))
            .map(|at| {
                let chunk = bytes[at..].iter().take(CHUNK).copied().collect();
                sftp.write(&handle, at as u64, chunk)
            })
            .buffer_unordered(ON_THE_WAY)
            .try_for_each(|_| std::future::ready(Ok(())))
            .await?;
        if self.can_sync {
            sftp.fsync(&handle).await?;
        }
        sftp.close(handle).await.map(|_| ())
    }

    async fn read(&self, handle: &str, size: u64) -> std::result::Result<Vec<u8>, Fault> {
        let chunks: Vec<Vec<u8>> = stream::iter((0..size).step_by(CHUNK))
            .map(|at| self.read_chunk(handle, at, (size - at).min(CHUNK as u64)))
            .buffered(ON_THE_WAY)
            .try_collect()
            .await?;
        Ok(chunks.concat())
    }

    /// All of it: a server may give less than it was asked for.
    async fn read_chunk(
        &self,
        handle: &str,
        at: u64,
        length: u64,
    ) -> std::result::Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        while let Some(rest) = length
            .checked_sub(bytes.len() as u64)
            .filter(|rest| *rest > 0)
        {
            let rest = u32::try_from(rest).unwrap_or(u32::MAX);
            let data = self
                .session
                .sftp
                .read(handle, at + bytes.len() as u64, rest)
                .await?
                .data;
            if data.is_empty() {
                return Err(Fault::UnexpectedBehavior("a read gave nothing".to_owned()));
            }
            bytes.extend(data);
        }
        Ok(bytes)
    }

    async fn rename(&self, from: &str, to: &str) -> std::result::Result<(), Fault> {
        let sftp = &self.session.sftp;
        if self.can_replace {
            let mut words = Vec::new();
            for path in [from, to] {
                words.extend(u32::try_from(path.len()).unwrap_or(u32::MAX).to_be_bytes());
                words.extend(path.as_bytes());
            }
            return match sftp.extended(POSIX_RENAME, words).await? {
                Packet::Status(status) if status.status_code == StatusCode::Ok => Ok(()),
                Packet::Status(status) => Err(Fault::Status(status)),
                _ => Err(Fault::UnexpectedPacket),
            };
        }
        // Such a server leaves a moment without either; the new one lies complete beside it then.
        match sftp.remove(to).await {
            Err(fault) if !is_absent(&fault) => return Err(fault),
            _ => {}
        }
        sftp.rename(from, to).await.map(|_| ())
    }

    /// The protocol has no word for a full disk: it is a failure like every other, so the disk is asked.
    async fn is_full(&self, wanted: u64) -> bool {
        if !self.can_measure {
            return false;
        }
        let disk = self.session.sftp.statvfs(&self.to.path).await;
        disk.is_ok_and(|disk| disk.blocks_avail.saturating_mul(disk.fragment_size) < wanted)
    }

    fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.to.path.trim_end_matches('/'))
    }

    fn not_ready(&self, what: &str) -> Error {
        Error::NotReady {
            place: self.to.describe(),
            remedy: format!("{} {what}", self.to.path),
        }
    }

    fn told(&self, doing: &'static str, fault: Fault) -> Error {
        told(&self.to.describe(), doing, fault)
    }
}

fn is_absent(fault: &Fault) -> bool {
    matches!(fault, Fault::Status(status) if status.status_code == StatusCode::NoSuchFile)
}

fn told(place: &str, doing: &'static str, fault: Fault) -> Error {
    let place = place.to_owned();
    match fault {
        Fault::Status(status) if status.status_code == StatusCode::PermissionDenied => {
            Error::Refused {
                place,
                why: format!(
                    "{doing} is not allowed to the user: the folder has to be that user's own"
                ),
            }
        }
        Fault::Status(_) | Fault::Limited(_) | Fault::UnexpectedPacket => {
            Error::failed(&place, doing, fault)
        }
        Fault::IO(_) | Fault::Timeout | Fault::UnexpectedBehavior(_) => Error::Away {
            place,
            why: format!("it stopped answering ({doing})"),
            source: Some(fault.into()),
        },
    }
}
