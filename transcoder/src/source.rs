//! The file that somebody wants sold: opened once, known by its hash.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use satreel_hls::naming::VideoId;
use satreel_hls::title;
use sha2::{Digest as _, Sha256};

use crate::fault::Fault;
use crate::magic::{self, Container};

const BLOCK: usize = 1 << 20;

/// An open film.
#[derive(Debug)]
pub(crate) struct Film {
    pub(crate) file: File,
    pub(crate) container: Container,
    name: String,
    bytes: u64,
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
        })
    }

    /// Reads all of it. `seen` is told the bytes of each block.
    pub(crate) fn identify(
        &mut self,
        mut seen: impl FnMut(u64),
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
            seen(count as u64);
        }
        rewind(&mut self.file).map_err(|error| Fault::reading(&error))?;
        let digest: [u8; 32] = hash.finalize().into();
        let source = title::Source {
            file_name: self.name.clone(),
            bytes: self.bytes,
            sha256: hex::encode(digest),
        };
        Ok((VideoId::of_sha256(&digest), source))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}
