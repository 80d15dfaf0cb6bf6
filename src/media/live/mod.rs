//! Running broadcasts: their journals followed, their playlists rendered, their viewers woken.
//!
//! Owns what a folder `live/<id>/` says at this moment, and the waiting for what it will say. All of
//! it is read from disk, so a server that starts in mid-broadcast knows what the one before knew.
//! Does not own the folder (the transcoder writes it) nor who may watch (the gate).
//!
//! - [`broadcast`]: one broadcast's window, each version of a playlist made once, bells for who waits
//! - [`follow`]: a journal read on from where it was
//! - [`watch`]: which folders there are, and which of them grew
//! - [`answer`]: a request for one of its files, now or in a moment

mod answer;
mod broadcast;
mod follow;
mod viewers;
mod watch;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    num::NonZeroU64,
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use parking_lot::RwLock;
use satreel_hls::{
    live::broadcast::{HEALTH, HealthFile},
    naming::{MediaFile, VideoId},
};
use tokio::sync::{Semaphore, watch as channel};

pub use answer::{Served, Trouble};
pub use broadcast::{Broadcast, Edge, Playlist};
use watch::Watch;

use super::store::Store;

/// Requests that may wait at once, of all viewers together. Each costs a task and its connection.
const MAX_WAITING: usize = 20_000;

/// All running broadcasts of a site. Dropping it ends the watch.
#[derive(Debug)]
pub struct Live {
    shared: Arc<Shared>,
    /// Segments and parts in memory, read once.
    store: Store,
    seats: Arc<Semaphore>,
    _watch: Watch,
}

/// What requests and the watch share.
#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    running: RwLock<HashMap<VideoId, Arc<Broadcast>>>,
    version: channel::Sender<u64>,
}

impl Live {
    /// Reads every broadcast that runs in the folder; `cache` is what their segments may take in
    /// memory, in bytes.
    pub fn open(folder: &Path, cache: u64) -> io::Result<Self> {
        Self::with_seats(folder, cache, MAX_WAITING)
    }

    fn with_seats(folder: &Path, cache: u64, seats: usize) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let folder = folder.to_owned();
        let shared = Arc::new(Shared {
            folder: folder.clone(),
            running: RwLock::default(),
            version: channel::Sender::new(0),
        });
        Ok(Self {
            _watch: watch::start(Arc::clone(&shared))?,
            store: Store::new(folder, cache),
            seats: Arc::new(Semaphore::new(seats)),
            shared,
        })
    }

    /// A broadcast whose folder is still there; it may have ended a moment ago.
    pub fn get(&self, id: VideoId) -> Option<Arc<Broadcast>> {
        self.shared.running.read().get(&id).cloned()
    }

    /// What is on air on a channel; of several, which only a fault can cause, the newest.
    pub fn of_channel(&self, name: &str) -> Option<Arc<Broadcast>> {
        let running = self.shared.running.read();
        let of_it = running.values().filter(|one| {
            let about = one.about();
            about.channel == name && !one.is_over()
        });
        of_it.max_by_key(|one| one.about().started_ms).cloned()
    }

    /// Everything on air, the newest first.
    pub fn on_air(&self) -> Vec<Arc<Broadcast>> {
        let running = self.shared.running.read();
        let mut on_air: Vec<_> = running
            .values()
            .filter(|one| !one.is_over())
            .cloned()
            .collect();
        on_air.sort_by_key(|one| std::cmp::Reverse(one.about().started_ms));
        on_air
    }

    /// Every broadcast whose folder is still there.
    pub fn all(&self) -> Vec<Arc<Broadcast>> {
        self.shared.running.read().values().cloned().collect()
    }

    /// A number that grows when a broadcast begins, ends, or its standing changes.
    pub fn changed(&self) -> channel::Receiver<u64> {
        self.shared.version.subscribe()
    }

    /// Changes with the picture that a broadcast shows of itself; None: there is none yet.
    pub fn poster_version(&self, id: VideoId) -> Option<NonZeroU64> {
        let poster = self.folder(id).join(MediaFile::Poster.to_string());
        let about = std::fs::symlink_metadata(poster).ok()?;
        let changed = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        NonZeroU64::new(u64::try_from(changed.as_millis()).ok()?)
    }

    /// What the ingest doctor says of its uplink; None: nothing yet. Waits on the disk.
    pub fn health(&self, id: VideoId) -> Option<HealthFile> {
        let mut text = Vec::new();
        let file = File::open(self.folder(id).join(HEALTH)).ok()?;
        file.take(64 * 1024).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Where a broadcast's files are.
    pub fn folder(&self, id: VideoId) -> PathBuf {
        self.shared.folder.join(id.to_string())
    }
}

#[cfg(test)]
mod tests;
