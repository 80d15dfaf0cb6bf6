//! From a title's folder to a [`Title`]: what is there, bounded and without following links.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read as _},
    num::NonZeroU64,
    os::unix::fs::MetadataExt,
    path::Path,
    thread,
};

use satreel_hls::naming::MediaFile;

use super::{
    MAX_TITLE_BYTES,
    offers::Offers,
    title::{Beside, Surroundings, Title, TitleFault},
};
use crate::core::{ids::VideoId, time::Timestamp};

/// What a title's files looked like when they were read last (times, sizes, inodes, folded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64);

pub(super) type Marks = HashMap<VideoId, Mark>;

/// One look at a title's folder.
#[derive(Debug)]
pub(super) enum Found {
    Good(Title),
    Broken(TitleFault),
    /// No folder, or no `title.json` in it yet.
    Nothing,
}

/// A look, with what to compare the next one with.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) id: VideoId,
    pub(super) mark: Option<Mark>,
    pub(super) found: Found,
}

/// Two readers keep two cores and the disk busy; more would only cost memory.
const READERS: usize = 2;

/// Every title.
pub(super) fn all(titles: &Path, offers: &Offers) -> io::Result<Vec<Reading>> {
    let ids: Vec<VideoId> = ids(titles)?.into_iter().collect();
    let share = ids.len().div_ceil(READERS).max(1);
    Ok(thread::scope(|scope| {
        let readers: Vec<_> = ids
            .chunks(share)
            .map(|ids| scope.spawn(|| ids.iter().map(|id| one(titles, *id, offers)).collect()))
            .collect();
        let mut readings = Vec::with_capacity(ids.len());
        for reader in readers {
            let part: Vec<Reading> = match reader.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            readings.extend(part);
        }
        readings
    }))
}

/// The folders that can be titles: real ones with an id for a name.
pub(super) fn ids(titles: &Path) -> io::Result<HashSet<VideoId>> {
    let mut ids = HashSet::new();
    for entry in fs::read_dir(titles)? {
        let entry = entry?;
        let id = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(id) = id.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            ids.insert(id);
        }
    }
    Ok(ids)
}

/// How a title's files look now; None: there is no `title.json`.
pub(super) fn mark(titles: &Path, id: VideoId) -> Option<Mark> {
    let folder = titles.join(id.to_string());
    let file = fs::symlink_metadata(folder.join("title.json")).ok()?;
    Some(fold(&file, beside(&folder)))
}

fn fold(file: &fs::Metadata, beside: Beside) -> Mark {
    let mut hasher = DefaultHasher::new();
    let parts = (file.mtime(), file.mtime_nsec(), file.size(), file.ino());
    (parts, file.ctime_nsec(), beside).hash(&mut hasher);
    Mark(hasher.finish())
}

/// Reads one title.
pub(super) fn one(titles: &Path, id: VideoId, offers: &Offers) -> Reading {
    let folder = titles.join(id.to_string());
    let fault = |what: String| {
        Found::Broken(TitleFault {
            id,
            line: None,
            what,
        })
    };
    // Taken before the contents: a change in between shows at the next look.
    let (mark, found) = match metadata(&folder) {
        Ok(None) => (None, Found::Nothing),
        Err(error) => (None, fault(format!("cannot be read: {error}"))),
        Ok(Some(file)) => {
            let beside = beside(&folder);
            let around = Surroundings {
                modified: Timestamp::from_unix(file.mtime().try_into().unwrap_or(0)),
                beside,
            };
            let found = match contents(&folder, &file) {
                Ok(text) => match Title::parse(id, &text, around, offers) {
                    Ok(title) => Found::Good(title),
                    Err(fault) => Found::Broken(fault),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Nothing,
                Err(error) => fault(format!("cannot be read: {error}")),
            };
            (Some(fold(&file, beside)), found)
        }
    };
    Reading { id, mark, found }
}

fn metadata(folder: &Path) -> io::Result<Option<fs::Metadata>> {
    // SECURITY: links are not followed, at either step: a title is a folder of its own.
    let read = |path: &Path| match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(error),
    };
    match read(folder)? {
        Some(kind) if kind.is_dir() => read(&folder.join("title.json")),
        Some(_) | None => Ok(None),
    }
}

fn contents(folder: &Path, file: &fs::Metadata) -> io::Result<Vec<u8>> {
    if !file.is_file() {
        return Err(io::Error::other("title.json is not a plain file"));
    }
    let mut text =
        Vec::with_capacity(usize::try_from(file.size().min(MAX_TITLE_BYTES)).unwrap_or(0) + 1);
    let opened = File::open(folder.join("title.json"))?;
    opened.take(MAX_TITLE_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_TITLE_BYTES {
        return Err(io::Error::other("longer than 64 KB"));
    }
    Ok(text)
}

fn beside(folder: &Path) -> Beside {
    Beside {
        poster: version(folder, MediaFile::Poster),
        hover: version(folder, MediaFile::Hover),
        waveform: version(folder, MediaFile::Waveform),
        chapters: version(folder, MediaFile::Chapters).is_some(),
        storyboard: version(folder, MediaFile::Storyboard).is_some(),
    }
}

/// A file's time of change in milliseconds; a replaced one gets a new one.
fn version(folder: &Path, file: MediaFile) -> Option<NonZeroU64> {
    let metadata = fs::symlink_metadata(folder.join(file.to_string())).ok()?;
    let millis = metadata.mtime() * 1000 + metadata.mtime_nsec() / 1_000_000;
    let version = u64::try_from(millis).unwrap_or(0).max(1);
    NonZeroU64::new(version).filter(|_| metadata.is_file())
}
