//! The file on disk: replaced whole, changed by one process at a time.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use crate::Status;

/// The file's name in the guardian's folder.
pub const NAME: &str = "status.json";
const LOCK: &str = ".status.lock";
/// Dozens of destinations fill a hundredth of it.
const MAX_BYTES: u64 = 1 << 20;

/// The status as it stands in `folder`. None: nothing was ever written there.
pub fn read(folder: &Path) -> io::Result<Option<Status>> {
    let path = folder.join(NAME);
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(found) if found.len() > MAX_BYTES => {
            return Err(io::Error::other("larger than any status"));
        }
        Ok(_) => {}
    }
    let text = fs::read(&path)?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The status of a guardian's folder, to be changed.
#[derive(Debug, Clone)]
pub struct File {
    folder: PathBuf,
}

impl File {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// As it stands; a damaged file reads as an empty one, since all of it can be found out again.
    pub fn status(&self) -> Status {
        read(&self.folder).ok().flatten().unwrap_or_default()
    }

    /// Reads, changes and replaces it, while no other process does.
    pub fn update(&self, change: impl FnOnce(&mut Status)) -> io::Result<()> {
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.folder.join(LOCK))?;
        flock(&lock, FlockOperation::LockExclusive)?;
        let mut status = self.status();
        change(&mut status);
        let mut text = serde_json::to_vec_pretty(&status)?;
        text.push(b'\n');
        self.replace(&text)
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let path = self.folder.join(NAME);
        let unfinished = self.folder.join(".status.part");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .open(&unfinished)?;
        // The server reads it as another user, whatever this process's mask is.
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        fs::File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Destination, Shrunk};

    #[test]
    fn what_was_written_is_read_and_others_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(folder.path()).expect("none"), None);
        let file = File::new(folder.path().to_owned());
        let at = jiff::Timestamp::UNIX_EPOCH;
        file.update(|status| {
            status.shrunk = Some(Shrunk { at, from: 3, to: 1 });
            let usb = Destination::default();
            status.destinations.insert("usb".into(), usb);
        })
        .expect("written");
        file.update(|status| status.updated = Some(at))
            .expect("again");
        let status = read(folder.path()).expect("read").expect("there");
        assert_eq!(status.shrunk.map(|shrunk| shrunk.from), Some(3));
        assert_eq!(status.updated, Some(at));
        assert_eq!(status, file.status());
        let path = folder.path().join(NAME);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o644);

        fs::write(&path, "{\"future\": 1}").expect("written");
        assert_eq!(file.status(), Status::default(), "unknown keys are left");
        fs::write(&path, "no json").expect("written");
        assert!(read(folder.path()).is_err());
        assert_eq!(file.status(), Status::default());
        file.update(|_| {}).expect("mended");
        assert!(read(folder.path()).is_ok());
    }

    #[test]
    fn processes_take_turns() {
        let folder = tempfile::tempdir().expect("a folder");
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let file = File::new(folder.path().to_owned());
                scope.spawn(move || {
                    for turn in 0..10 {
                        let name = format!("{name}{turn}");
                        file.update(|status| {
                            status.destinations.insert(name, Destination::default());
                        })
                        .expect("written");
                    }
                });
            }
        });
        let status = read(folder.path()).expect("read").expect("there");
        assert_eq!(status.destinations.len(), 40);
    }
}
