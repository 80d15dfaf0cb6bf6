//! The files of titles in memory: a bounded cache of what is being watched, shared by all viewers.
//!
//! Segments and init segments never change once they have their name, so they are read once.
//! Playlists may be replaced (a re-encoded film), so a cached one is looked at on disk again
//! after [`RECHECK`]. Reading goes through the blocking pool on a miss only.

use std::{
    fs::Metadata,
    io,
    os::unix::fs::FileExt as _,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};

use bytes::Bytes;
use quick_cache::{Weighter, sync::Cache};
use satreel_hls::{
    live::{Place, window::growing},
    naming::{MediaFile, VideoId},
    playlist,
};

/// How long a playlist is believed before its file is looked at again.
const RECHECK: Duration = Duration::from_secs(1);
/// The largest file served from memory; nothing that the transcoder writes comes near it.
const MAX_FILE: u64 = 256 << 20;

/// One file as it will be sent.
#[derive(Debug)]
pub struct Asset {
    pub bytes: Bytes,
    /// The same, gzipped: playlists and captions only.
    pub gzip: Option<Bytes>,
    /// Strong, quoted (RFC 9110 §8.8.3).
    pub etag: String,
    pub content_type: &'static str,
    pub immutable: bool,
    stamp: Stamp,
    read_at: Instant,
}

/// Tells one version of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified_ns: u128,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let modified = metadata
            .modified()
            .ok()
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Self {
            bytes: metadata.len(),
            modified_ns: modified.map_or(0, |since| since.as_nanos()),
        }
    }
}

/// A file, or a playlist cut short after a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    title: VideoId,
    file: MediaFile,
    cut_after: Option<u32>,
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Asset>> for ByBytes {
    fn weight(&self, _: &Key, asset: &Arc<Asset>) -> u64 {
        // The constant covers the entry itself, so that tiny files are not free.
        256 + (asset.bytes.len() + asset.gzip.as_ref().map_or(0, Bytes::len)) as u64
    }
}

/// Why a file can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such file")]
    Absent,
    #[error("{file} of {title} is damaged: {why}")]
    Damaged {
        title: VideoId,
        file: MediaFile,
        why: String,
    },
    #[error("reading {file} of {title}")]
    Read {
        title: VideoId,
        file: MediaFile,
        source: io::Error,
    },
}

/// The titles' folder behind a cache.
#[derive(Debug)]
pub struct Store {
    titles: PathBuf,
    cache: Cache<Key, Arc<Asset>, ByBytes>,
}

impl Store {
    /// `titles` is the folder that holds a folder for each title; `capacity` is in bytes.
    pub fn new(titles: PathBuf, capacity: u64) -> Self {
        // An estimate of the number of files sizes the tables; a wrong one only costs memory.
        let items = usize::try_from(capacity / (256 << 10))
            .unwrap_or(512)
            .max(64);
        Self {
            titles,
            cache: Cache::with_weighter(items, capacity, ByBytes),
        }
    }

    /// The file of a title, from memory or from disk. `cut_after` cuts a media playlist short
    /// after that segment and closes it.
    pub async fn load(
        &self,
        title: VideoId,
        file: MediaFile,
        cut_after: Option<u32>,
    ) -> Result<Arc<Asset>, Error> {
        let key = Key {
            title,
            file,
            cut_after,
        };
        if let Some(asset) = self.cache.get(&key) {
            if asset.immutable || asset.read_at.elapsed() < RECHECK {
                return Ok(asset);
            }
            // One system call on a name that the kernel has at hand: cheaper than a thread hop.
            let unchanged = std::fs::metadata(self.path(title, file))
                .is_ok_and(|metadata| Stamp::of(&metadata) == asset.stamp);
            if unchanged {
                return Ok(asset);
            }
            self.cache.remove(&key);
        }
        self.cache.get_or_insert_async(&key, self.read(key)).await
    }

    /// A broadcast's part, which lies in the file of its segment.
    pub async fn load_part(
        &self,
        title: VideoId,
        part: MediaFile,
        segment: MediaFile,
        place: Place,
    ) -> Result<Arc<Asset>, Error> {
        let key = Key {
            title,
            file: part,
            cut_after: None,
        };
        let read = async {
            let folder = self.titles.join(title.to_string());
            let names = [growing(segment), segment.to_string()].map(|name| folder.join(name));
            let read = tokio::task::spawn_blocking(move || read_within(&names, place)).await;
            let bytes = found(key, read)?;
            // The same for every server that reads it: the file's own time changes as it grows.
            let stamp = Stamp {
                bytes: place.bytes,
                modified_ns: place.at.into(),
            };
            Ok(Arc::new(Asset::new(key, bytes.into(), stamp)))
        };
        self.cache.get_or_insert_async(&key, read).await
    }

    /// Where the free part of a title ends: the number of its last whole segment, and the time of
    /// that segment's end in microseconds. None: not even the first segment fits.
    pub async fn preview_end(
        &self,
        title: VideoId,
        preview_s: u32,
    ) -> Result<Option<(u32, u64)>, Error> {
        let master = self.load(title, MediaFile::Master, None).await?;
        let file = first_variant(&master.bytes).ok_or_else(|| Error::Damaged {
            title,
            file: MediaFile::Master,
            why: "it names no variant".to_owned(),
        })?;
        let asset = self.load(title, file, None).await?;
        let playlist = parse(title, file, &asset.bytes)?;
        Ok(playlist.preview_end(preview_s))
    }

    async fn read(&self, key: Key) -> Result<Arc<Asset>, Error> {
        let path = self.path(key.title, key.file);
        let read = tokio::task::spawn_blocking(move || read_file(path)).await;
        let (bytes, stamp) = found(key, read)?;
        let bytes = match key.cut_after {
            Some(last) => parse(key.title, key.file, &bytes)?
                .truncated(last)
                .to_string()
                .into(),
            None => Bytes::from(bytes),
        };
        Ok(Arc::new(Asset::new(key, bytes, stamp)))
    }

    fn path(&self, title: VideoId, file: MediaFile) -> PathBuf {
        self.titles.join(title.to_string()).join(file.to_string())
    }
}

impl Asset {
    fn new(key: Key, bytes: Bytes, stamp: Stamp) -> Self {
        let (content_type, immutable) = match key.file {
            MediaFile::Master | MediaFile::Playlist(_) => ("application/vnd.apple.mpegurl", false),
            MediaFile::Init(_)
            | MediaFile::Reinit(..)
            | MediaFile::Segment(..)
            | MediaFile::Part(..) => ("video/mp4", true),
            MediaFile::Caption(..) => ("text/vtt; charset=utf-8", true),
            MediaFile::Chapters | MediaFile::Storyboard => ("text/vtt; charset=utf-8", false),
            MediaFile::Hover => ("video/mp4", false),
            MediaFile::Waveform => ("image/svg+xml", false),
            MediaFile::Poster | MediaFile::Sprite(_) | MediaFile::Choice(_) => {
                ("image/jpeg", false)
            }
        };
        let is_text = match key.file {
            MediaFile::Master
            | MediaFile::Playlist(_)
            | MediaFile::Caption(..)
            | MediaFile::Chapters
            | MediaFile::Storyboard
            | MediaFile::Waveform => true,
            MediaFile::Init(_)
            | MediaFile::Reinit(..)
            | MediaFile::Segment(..)
            | MediaFile::Part(..)
            | MediaFile::Sprite(_)
            | MediaFile::Choice(_)
            | MediaFile::Hover
            | MediaFile::Poster => false,
        };
        let cut = key
            .cut_after
            .map_or(String::new(), |last| format!("-{last:x}"));
        Self {
            gzip: is_text
                .then(|| gzip(&bytes, flate2::Compression::best()))
                .flatten(),
            bytes,
            etag: format!("\"{:x}-{:x}{cut}\"", stamp.bytes, stamp.modified_ns),
            content_type,
            immutable,
            stamp,
            read_at: Instant::now(),
        }
    }
}

/// What a thread has read, with a fault's name.
fn found<T>(key: Key, read: Result<io::Result<T>, tokio::task::JoinError>) -> Result<T, Error> {
    read.unwrap_or_else(|panic| Err(io::Error::other(panic)))
        .map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::Absent,
            _ => Error::Read {
                title: key.title,
                file: key.file,
                source,
            },
        })
}

/// Out of a segment's file, which has the first name until it is whole, and then the second.
fn read_within([growing, whole]: &[PathBuf; 2], place: Place) -> io::Result<Vec<u8>> {
    let file = std::fs::File::open(growing).or_else(|_| std::fs::File::open(whole))?;
    let ends = place.at.checked_add(place.bytes);
    // No journal makes more be allocated than there is.
    if ends.is_none_or(|ends| file.metadata().map_or(true, |about| about.len() < ends)) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut bytes = vec![0; usize::try_from(place.bytes).unwrap_or(0)];
    file.read_exact_at(&mut bytes, place.at)?;
    Ok(bytes)
}

fn read_file(path: PathBuf) -> io::Result<(Vec<u8>, Stamp)> {
    let mut file = std::fs::File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    if metadata.len() > MAX_FILE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "more than 256 MB",
        ));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    io::Read::read_to_end(&mut file, &mut bytes)?;
    Ok((bytes, Stamp::of(&metadata)))
}

fn parse(title: VideoId, file: MediaFile, bytes: &[u8]) -> Result<playlist::MediaPlaylist, Error> {
    let damaged = |why: String| Error::Damaged { title, file, why };
    let text = std::str::from_utf8(bytes).map_err(|error| damaged(error.to_string()))?;
    playlist::parse_media(text).map_err(|error| damaged(error.to_string()))
}

/// The playlist of the first variant in a multivariant playlist: the first line that is a URI.
fn first_variant(master: &[u8]) -> Option<MediaFile> {
    let text = std::str::from_utf8(master).ok()?;
    text.lines()
        .find(|line| !line.is_empty() && !line.starts_with('#'))?
        .parse()
        .ok()
}

/// None when compressing gains nothing.
pub(super) fn gzip(bytes: &[u8], level: flate2::Compression) -> Option<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    io::Write::write_all(&mut encoder, bytes).ok()?;
    let zipped = encoder.finish().ok()?;
    (zipped.len() < bytes.len()).then(|| zipped.into())
}
