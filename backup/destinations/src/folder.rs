//! A folder as a destination: a second disk, a USB disk, whatever the system mounts.
//!
//! The folder has to carry [`MARKER`]. Without it a disk that is not mounted would be told from a
//! mounted one by nobody, and its copies would fill the disk that they are meant to outlive.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    time::Duration,
};

use async_trait::async_trait;
use rustix::fs::OFlags;

use crate::{Destination, Entry, Error, MAX_BYTES, MAX_ENTRIES, Name, Result};

/// The file that says: this folder is for Satreel's copies.
pub const MARKER: &str = ".satreel-backup";
/// A disk on a slow bus syncs some tens of megabytes in seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// See the module's head.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) async fn prepare(&self) -> Result<()> {
        self.work("making it", Self::make).await
    }

    /// Off the threads that serve: a disk may take its time.
    async fn work<T: Send + 'static>(
        &self,
        doing: &'static str,
        does: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.describe();
        let folder = self.clone();
        let work = tokio::task::spawn_blocking(move || does(&folder));
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(done)) => done,
            Ok(Err(broken)) => Err(Error::failed(&place, doing, broken)),
            Err(_) => Err(Error::late(&place, doing, PATIENCE.as_secs())),
        }
    }

    fn make(&self) -> Result<()> {
        let made = fs::create_dir_all(&self.path).and_then(|()| {
            let marker = self.path.join(MARKER);
            OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(marker)?
                .sync_all()?;
            File::open(&self.path)?.sync_all()
        });
        made.map_err(|error| self.fault("making it", error))
    }

    /// The folder, open, so that all that follows is about the disk that carries the marker.
    fn ready(&self) -> Result<File> {
        let found = fs::symlink_metadata(self.path.join(MARKER));
        match found {
            Ok(marker) if marker.is_file() => {
                File::open(&self.path).map_err(|error| self.fault("opening it", error))
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.fault("looking at it", error))
            }
            Ok(_) | Err(_) => Err(Error::NotReady {
                place: self.describe(),
                remedy: format!(
                    "there is no file {MARKER} in it. Mount the disk; if this is the right folder, make the file once: touch {}",
                    self.path.join(MARKER).display()
                ),
            }),
        }
    }

    fn write(&self, name: &Name, bytes: &[u8]) -> Result<()> {
        let folder = self.ready()?;
        let unfinished = self.path.join(name.unfinished());
        let written = write_synced(&unfinished, bytes)
            .and_then(|()| fs::rename(&unfinished, self.path.join(name.as_str())))
            .and_then(|()| folder.sync_all());
        written.map_err(|error| {
            // What is half there takes room from the next try. That it can't be removed is no news then.
            let _ = fs::remove_file(&unfinished);
            self.fault("writing", error)
        })
    }

    fn read(&self, name: &Name) -> Result<Vec<u8>> {
        self.ready()?;
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(self.path.join(name.as_str()));
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Absent {
                    place: self.describe(),
                    name: name.clone(),
                });
            }
            file => file.map_err(|error| self.fault("reading", error))?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| self.fault("reading", error))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Error::TooLarge {
                place: self.describe(),
                name: name.clone(),
            });
        }
        Ok(bytes)
    }

    fn entries(&self) -> Result<Vec<Entry>> {
        self.ready()?;
        let fault = |error| self.fault("listing", error);
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let Some(name) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let found = match entry.metadata() {
                // Removed since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                found => found.map_err(fault)?,
            };
            if !found.is_file() {
                continue;
            }
            if entries.len() == MAX_ENTRIES {
                return Err(Error::TooMany {
                    place: self.describe(),
                });
            }
            let bytes = found.len();
            entries.push(Entry { name, bytes });
        }
        entries.sort();
        Ok(entries)
    }

    fn erase(&self, name: &Name) -> Result<()> {
        let folder = self.ready()?;
        match fs::remove_file(self.path.join(name.as_str())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            gone => gone
                .and_then(|()| folder.sync_all())
                .map_err(|error| self.fault("removing", error)),
        }
    }

    fn fault(&self, doing: &'static str, error: io::Error) -> Error {
        Error::of_io(&self.describe(), doing, error)
    }
}

fn write_synced(path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[async_trait]
impl Destination for Folder {
    fn describe(&self) -> String {
        format!("folder {}", self.path.display())
    }

    async fn put(&self, name: &Name, bytes: &[u8]) -> Result<()> {
        let (name, bytes) = (name.clone(), bytes.to_vec());
        self.work("writing", move |folder| folder.write(&name, &bytes))
            .await
    }

    async fn get(&self, name: &Name) -> Result<Vec<u8>> {
        let name = name.clone();
        self.work("reading", move |folder| folder.read(&name)).await
    }

    async fn list(&self) -> Result<Vec<Entry>> {
        self.work("listing", Self::entries).await
    }

    async fn remove(&self, name: &Name) -> Result<()> {
        let name = name.clone();
        self.work("removing", move |folder| folder.erase(&name))
            .await
    }
}
