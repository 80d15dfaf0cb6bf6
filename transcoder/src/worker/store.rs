//! The title's folder: every file appears whole under its final name or not at all.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use satreel_hls::naming::MediaFile;

use crate::fault::Fault;

/// One title's folder, shared by the threads that write its tracks.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Writes under a temporary name, syncs, renames.
    pub(super) fn write(&self, file: MediaFile, bytes: &[u8]) -> Result<(), Fault> {
        let name = file.to_string();
        let temporary = self.folder.join(format!(".{name}.tmp"));
        write_synced(&temporary, bytes)
            .and_then(|()| fs::rename(&temporary, self.folder.join(name)))
            .map_err(|error| Fault::writing(&error))
    }

    /// Captions that lay beside the film, as the supervisor has cleaned them.
    pub(super) fn read_sidecar(&self, number: usize, most: u64) -> Result<Vec<u8>, Fault> {
        let path = self.folder.join(sidecar_name(number));
        let file = File::open(path).map_err(|error| Fault::reading(&error))?;
        let mut bytes = Vec::new();
        file.take(most)
            .read_to_end(&mut bytes)
            .map_err(|error| Fault::reading(&error))?;
        Ok(bytes)
    }

    /// Takes them away once they are part of the title.
    pub(super) fn drop_sidecars(&self, count: usize) {
        for number in 0..count {
            // One that stays is hidden and harms nobody.
            let _ = fs::remove_file(self.folder.join(sidecar_name(number)));
        }
    }

    /// Makes the names themselves survive a power cut.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| Fault::writing(&error))
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_data()
}

/// Where a supervisor lays the captions that came beside a film: hidden, so never served.
pub(crate) fn sidecar_name(number: usize) -> String {
    format!(".captions-{number}.vtt")
}
