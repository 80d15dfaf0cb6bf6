//! The file that somebody wants sold: opened once, known by its hash.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use satreel_hls::naming::VideoId;
use satreel_hls::title;
use sha2::{Digest as _, Sha256};

use satreel_film::fault::Fault;
use satreel_film::magic::{self, Container};

const BLOCK: usize = 1 << 20;

/// An open film.
#[derive(Debug)]
pub(crate) struct Film {
    pub(crate) file: File,
    pub(crate) container: Container,
    name: String,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Film {
    /// Opens a plain file and looks at its first bytes.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let read = |error: &std::io::Error| Fault::reading(error);
        // A pipe under a film's name would have us wait for its writer.
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map_err(|error| read(&error))?;
        let about = file.metadata().map_err(|error| read(&error))?;
        if !about.is_file() {
            return Err(Fault::Unreadable {
                detail: "it is not a plain file".to_owned(),
            });
        }
        let mut head = Vec::with_capacity(magic::HEAD);
        (&mut file)
            .take(magic::HEAD as u64)
            .read_to_end(&mut head)
            .map_err(|error| read(&error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            container: magic::identify(&head)?,
            file,
            name: name.into_owned(),
            bytes: about.len(),
            modified: about.modified().ok(),
        })
    }

    /// Reads all of it; `go_on` is asked before each block.
    pub(crate) fn identify(
        &mut self,
        mut go_on: impl FnMut() -> Result<(), Fault>,
    ) -> Result<(VideoId, title::Source), Fault> {
        let rewind = |file: &mut File| file.seek(SeekFrom::Start(0)).map(drop);
        rewind(&mut self.file).map_err(|error| Fault::reading(&error))?;
        let mut hash = Sha256::new();
        let mut block = vec![0; BLOCK];
        loop {
            let count = self
                .file
                .read(&mut block)
                .map_err(|error| Fault::reading(&error))?;
            if count == 0 {
                break;
            }
            hash.update(&block[..count]);
            go_on()?;
        }
        rewind(&mut self.file).map_err(|error| Fault::reading(&error))?;
        self.check_unchanged()?;
        let digest: [u8; 32] = hash.finalize().into();
        let source = title::Source {
            file_name: self.name.clone(),
            bytes: self.bytes,
            sha256: hex::encode(digest),
        };
        Ok((VideoId::of_sha256(&digest), source))
    }

    /// Whether nobody has written to it since it was opened.
    pub(crate) fn check_unchanged(&self) -> Result<(), Fault> {
        let about = self
            .file
            .metadata()
            .map_err(|error| Fault::reading(&error))?;
        if about.len() == self.bytes && about.modified().ok() == self.modified {
            Ok(())
        } else {
            Err(Fault::Changed)
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_film_that_grows_while_it_is_read_is_not_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("film.mkv");
        let film = b"\x1A\x45\xDF\xA3 and the rest";
        fs::write(&path, film).expect("a film");
        let mut open = Film::open(&path).expect("a film");
        let first = open.identify(|| Ok(())).expect("an id");
        assert_eq!(open.identify(|| Ok(())).expect("the same").0, first.0);
        fs::write(&path, b"\x1A\x45\xDF\xA3 and somewhat more").expect("a change");
        assert_eq!(open.identify(|| Ok(())), Err(Fault::Changed));
        let mut open = Film::open(&path).expect("a film");
        assert_eq!(open.identify(|| Err(Fault::Stopped)), Err(Fault::Stopped));
    }
}
