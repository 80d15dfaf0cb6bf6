//! Where a site keeps its files, and how they are written: whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use satreel_config::{Config, Loudness, Offers, Sandbox};
use satreel_hls::naming::{MediaFile, VideoId};

use crate::fault::Fault;

/// The folders of one site.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    data: PathBuf,
    pub(crate) inbox: PathBuf,
    pub(crate) offers: Offers,
    pub(crate) sandbox: Sandbox,
    pub(crate) loudness: Loudness,
}

impl Site {
    pub(crate) fn of(config: Config) -> Self {
        Self {
            data: config.site.data,
            inbox: config.transcoder.watch,
            offers: config.offers,
            sandbox: config.transcoder.sandbox,
            loudness: config.transcoder.loudness,
        }
    }

    /// Makes the folders that are not there yet.
    pub(crate) fn prepare(&self) -> Result<(), Fault> {
        [self.data.join("titles"), self.jobs(), self.inbox.clone()]
            .iter()
            .try_for_each(fs::create_dir_all)
            .map_err(|error| Fault::writing(&error))
    }

    pub(crate) fn title(&self, id: VideoId) -> PathBuf {
        self.data.join("titles").join(id.to_string())
    }

    pub(crate) fn jobs(&self) -> PathBuf {
        self.data.join("jobs")
    }

    pub(crate) fn job(&self, id: VideoId) -> PathBuf {
        self.jobs().join(format!("{id}.json"))
    }

    /// Whether the title's media is complete: its multivariant playlist is written last.
    pub(crate) fn is_made(&self, id: VideoId) -> bool {
        self.title(id).join(MediaFile::Master.to_string()).is_file()
    }

    /// Takes what a broken job left; the title's own data stays.
    pub(crate) fn clear_media(&self, id: VideoId) -> Result<(), Fault> {
        let clear = || -> io::Result<()> {
            for entry in fs::read_dir(self.title(id))? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let ours = name.parse::<MediaFile>().is_ok() || is_temporary(&name);
                if ours && entry.file_type()?.is_file() {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        clear().map_err(|error| Fault::writing(&error))
    }
}

fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && Path::new(name).extension().is_some_and(|end| end == "tmp")
}

/// Writes under a temporary name, syncs, renames.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
