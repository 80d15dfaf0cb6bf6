//! Where a site keeps its files, and how they are written: whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use satreel_config::{Config, Ladder, Live, Loudness, Offers, Sandbox};
use satreel_film::fault::Fault;
use satreel_film::folder::MARK;
use satreel_hls::job::{ASKED, JOBS};
use satreel_hls::naming::{MediaFile, VideoId};

use crate::generation;
use crate::surroundings::Surroundings;

/// The folders of one site.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    data: PathBuf,
    pub(crate) inbox: PathBuf,
    pub(crate) offers: Offers,
    pub(crate) sandbox: Sandbox,
    pub(crate) loudness: Loudness,
    pub(crate) ladder: Ladder,
    /// Where publishers connect, and where broadcasts run.
    pub(crate) live: Live,
    keep_free: u64,
}

impl Site {
    pub(crate) fn of(config: Config) -> Self {
        Self {
            live: config.live,
            data: config.site.data,
            inbox: config.transcoder.watch,
            offers: config.offers,
            sandbox: config.transcoder.sandbox,
            loudness: config.transcoder.loudness,
            ladder: config.transcoder.ladder,
            keep_free: u64::from(config.transcoder.keep_free_mb) * 1_000_000,
        }
    }

    /// The same site on a disk that always is, or never is, too full.
    #[cfg(test)]
    pub(crate) fn with_disk_full(mut self, full: bool) -> Self {
        self.keep_free = if full { u64::MAX } else { 0 };
        self
    }

    /// Makes the folders that are not there yet.
    pub(crate) fn prepare(&self) -> Result<(), Fault> {
        [self.titles(), self.asked(), self.inbox.clone()]
            .iter()
            .try_for_each(|folder| make_folder(folder))
            .map_err(|error| Fault::writing(&error))
    }

    /// What jobs of this site give way to.
    pub(crate) fn surroundings(&self) -> Surroundings {
        Surroundings {
            live: self.live(),
            disk: self.data.clone(),
            keep_free: self.keep_free,
        }
    }

    pub(crate) fn title(&self, id: VideoId) -> PathBuf {
        self.titles().join(id.to_string())
    }

    /// The folders of running broadcasts.
    pub(crate) fn live(&self) -> PathBuf {
        self.live.folder.clone()
    }

    /// Where the site's channels are described.
    pub(crate) fn channels(&self) -> PathBuf {
        self.data.join(satreel_hls::live::channel::CHANNELS)
    }

    /// Where a broadcast is recorded: beside the titles, served by nobody.
    pub(crate) fn recording(&self, id: VideoId) -> PathBuf {
        self.titles().join(format!(".{id}.live"))
    }

    /// Broadcasts as films, for the jobs that make ladders of them.
    pub(crate) fn films(&self) -> PathBuf {
        self.data.join("films")
    }

    /// The recordings that have not become titles.
    pub(crate) fn recordings(&self) -> Vec<(VideoId, PathBuf)> {
        let entries = fs::read_dir(self.titles()).into_iter().flatten().flatten();
        let recording = |entry: fs::DirEntry| {
            let name = entry.file_name();
            let id = name.to_str()?.strip_prefix('.')?.strip_suffix(".live")?;
            Some((id.parse().ok()?, entry.path()))
        };
        entries.filter_map(recording).collect()
    }

    fn titles(&self) -> PathBuf {
        self.data.join("titles")
    }

    /// The folders of all titles.
    pub(crate) fn title_folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.titles()).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter(|entry| {
                entry
                    .file_name()
                    .to_str()
                    .is_some_and(|name| name.parse::<VideoId>().is_ok())
            })
            .map(|entry| entry.path())
            .collect()
    }

    /// Takes a title away: out of sight in one step, then its files. What lies in `titles/` under
    /// no title's name is served by nobody.
    pub(crate) fn remove_title(&self, id: VideoId) -> Result<(), Fault> {
        let hidden = self.titles().join(format!(".{id}.gone"));
        let remove = || -> io::Result<()> {
            if hidden.exists() {
                fs::remove_dir_all(&hidden)?;
            }
            fs::rename(self.title(id), &hidden)?;
            fs::remove_dir_all(&hidden)
        };
        remove().map_err(|error| Fault::writing(&error))
    }

    /// Ends deletions that something broke off.
    pub(crate) fn sweep_deleted(&self) {
        for entry in fs::read_dir(self.titles()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.')
                && entry.path().extension().is_some_and(|end| end == "gone")
                && let Err(error) = fs::remove_dir_all(entry.path())
            {
                tracing::warn!(folder = name, %error, "a deleted title is still there");
            }
        }
    }

    pub(crate) fn jobs(&self) -> PathBuf {
        self.data.join(JOBS)
    }

    /// Where wishes about jobs are put.
    pub(crate) fn asked(&self) -> PathBuf {
        self.jobs().join(ASKED)
    }

    pub(crate) fn job(&self, id: VideoId) -> PathBuf {
        self.jobs().join(format!("{id}.json"))
    }

    /// Whether the title's media is complete: it can be played before, but then it is marked.
    pub(crate) fn is_made(&self, id: VideoId) -> bool {
        let folder = self.title(id);
        folder.join(MediaFile::Master.to_string()).is_file() && !folder.join(MARK).exists()
    }

    /// Takes what a broken job left; the title's own data stays.
    pub(crate) fn clear_media(&self, id: VideoId) -> Result<(), Fault> {
        generation::clear(&self.title(id))
    }
}

/// Makes a folder, and those above it, whose names outlive a cut of power: what is synced in a folder that
/// has no name is lost with it.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = match folder.parent() {
        Some(above) if above != Path::new("") => above,
        Some(_) | None => Path::new("."),
    };
    make_folder(above)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    File::open(above)?.sync_all()
}

/// Writes under a temporary name, syncs, renames, and syncs the name.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
