//! The title's folder: every file appears whole under its final name or not at all.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use satreel_hls::naming::MediaFile;

use satreel_film::fault::Fault;
use satreel_film::folder::{MARK, sidecar_name};

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

    /// The same without waiting for the disk: for what is written again and again, and made again
    /// when it was lost.
    pub(super) fn write_soon(&self, file: MediaFile, bytes: &[u8]) -> Result<(), Fault> {
        let name = file.to_string();
        let temporary = self.folder.join(format!(".{name}.tmp"));
        fs::write(&temporary, bytes)
            .and_then(|()| fs::rename(&temporary, self.folder.join(name)))
            .map_err(|error| Fault::writing(&error))
    }

    pub(super) fn has(&self, file: MediaFile) -> bool {
        self.folder.join(file.to_string()).is_file()
    }

    /// A file of an earlier try. None: there is none, or it cannot be read.
    pub(super) fn read(&self, file: MediaFile) -> Option<Vec<u8>> {
        fs::read(self.folder.join(file.to_string())).ok()
    }

    /// Its length in bytes. None: it is not there.
    pub(super) fn bytes(&self, file: MediaFile) -> Option<u64> {
        let about = fs::metadata(self.folder.join(file.to_string())).ok()?;
        (about.is_file() && about.len() > 0).then_some(about.len())
    }

    /// Begins, or goes on with what a broken try left: only what was made by the same plan can be
    /// used again.
    pub(super) fn begin(&self, plan: &str) -> Result<(), Fault> {
        let mark = self.folder.join(MARK);
        if fs::read_to_string(&mark).is_ok_and(|found| found == plan) {
            return Ok(());
        }
        let begin = || -> std::io::Result<()> {
            for entry in fs::read_dir(&self.folder)?.flatten() {
                let name = entry.file_name();
                let is_media = name
                    .to_str()
                    .is_some_and(|name| name.parse::<MediaFile>().is_ok());
                if is_media {
                    fs::remove_file(entry.path())?;
                }
            }
            write_synced(&mark, plan.as_bytes())
        };
        begin().map_err(|error| Fault::writing(&error))
    }

    /// The title is whole.
    pub(super) fn end(&self) -> Result<(), Fault> {
        fs::remove_file(self.folder.join(MARK)).map_err(|error| Fault::writing(&error))?;
        self.sync()
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
