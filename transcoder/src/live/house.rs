//! All broadcasts of a site: one a channel, and who publishes it now.
//!
//! Each channel has a lock of its own, so that a slow disk, or an end that makes a title of hours,
//! holds up no other channel.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use satreel_hls::live::broadcast::{BROADCAST, BroadcastFile, HealthFile, Standing};
use satreel_hls::live::channel::{ChannelFile, ChannelName};
use satreel_hls::naming::VideoId;

use super::broadcast::{Broadcast, LINGERS_MS};
use super::folder::write_soon;
use super::gate::Passed;
use super::key::{self, Brake};
use super::refusal::Refusal;
use super::rest::Due;
use super::still;
use super::{mend, recording};
use crate::site::Site;

/// So little room in the live folder ends the viewers' rewinding, before it ends the broadcast.
const TIGHT: u64 = 64 << 20;

const SWEEP_EVERY_MS: u64 = 10_000;

/// Why a publisher's connection ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Out {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the broadcast cannot be written: {0}")]
    Unwritable(#[from] io::Error),
}

#[derive(Debug)]
pub(crate) struct House {
    site: Site,
    /// Locked to find a channel, never while something is written. Only who has a channel's key
    /// adds to it.
    channels: Mutex<HashMap<ChannelName, Arc<Mutex<Slot>>>>,
    brake: Mutex<Brake>,
    swept_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    broadcast: Option<Broadcast>,
    /// Counts publishers: only the last one is heard.
    publisher: u64,
    /// The hash of the key that the last one showed; None: nobody publishes by it any more.
    key: Option<String>,
    /// When the last picture of it was taken.
    still_ms: u64,
}

/// A publisher that was let in.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) channel: ChannelName,
    slot: Arc<Mutex<Slot>>,
    publisher: u64,
}

impl House {
    /// Takes up the broadcasts that an earlier process left.
    pub(crate) fn open(site: &Site, now_ms: u64) -> Self {
        rescue(site);
        let mut channels: HashMap<ChannelName, Arc<Mutex<Slot>>> = HashMap::new();
        for (id, name, file) in left(site) {
            match Broadcast::resume(site, id, file.clone(), now_ms) {
                Ok(broadcast) => {
                    tracing::info!(channel = %name, %id, "the broadcast waits for its publisher");
                    lock(channels.entry(name).or_default()).broadcast = Some(broadcast);
                }
                Err(error) => {
                    tracing::error!(%id, %error, "a broadcast cannot be taken up, so it has ended");
                    if let Err(error) = give_up(site, id, &file) {
                        tracing::error!(%id, %error, "its recording cannot be made a title");
                    }
                }
            }
        }
        Self {
            site: site.clone(),
            channels: Mutex::new(channels),
            brake: Mutex::default(),
            swept_ms: AtomicU64::new(0),
        }
    }

    /// Lets a publisher in who has the key; it takes an earlier one's place.
    pub(crate) fn enter(&self, key: &str, from: IpAddr, now_ms: u64) -> Result<Pass, Out> {
        if !lock(&self.brake).may_try(from, now_ms) {
            return Err(Refusal::Throttled.into());
        }
        let (name, file) = key::channel(&self.site.channels(), key).inspect_err(|_| {
            lock(&self.brake).wrong(from, now_ms);
        })?;
        let place = Arc::clone(lock(&self.channels).entry(name.clone()).or_default());
        let mut slot = lock(&place);
        slot.publisher += 1;
        let publisher = slot.publisher;
        slot.key = Some(file.key_sha256.clone());
        if slot.broadcast.is_none() {
            slot.broadcast = left_of(&self.site, &name, &file, now_ms);
        }
        if let Some(broadcast) = &mut slot.broadcast {
            tracing::info!(channel = %name, id = %broadcast.id, "the broadcast goes on");
            broadcast.enter(now_ms)?;
        } else {
            slot.still_ms = 0;
            let broadcast = Broadcast::start(&self.site, &name, file, new_id()?, now_ms)?;
            tracing::info!(channel = %name, id = %broadcast.id, "on air");
            slot.broadcast = Some(broadcast);
        }
        drop(slot);
        Ok(Pass {
            channel: name,
            slot: place,
            publisher,
        })
    }

    /// What is due: broadcasts whose grace time is over end; a full disk ends recordings.
    pub(crate) fn look_after(&self, now_ms: u64) {
        let low = self.site.surroundings().low(false).is_some();
        let is_tight = room(&self.site.live()).is_some_and(|room| room < TIGHT);
        for (name, slot) in self.slots() {
            let mut slot = lock(&slot);
            let channel = read_settings(&self.site, &name);
            if channel
                .as_ref()
                .is_some_and(|channel| slot.is_locked_out(channel))
            {
                tracing::info!(channel = %name, "its key is no longer valid: its publisher is turned away");
                slot.lock_out(now_ms);
            }
            if low
                && let Some(broadcast) = &mut slot.broadcast
                && let Err(error) = broadcast.stop_recording("the disk is nearly full")
            {
                tracing::error!(channel = %name, %error, "cannot say that nothing is recorded");
            }
            if let Some(broadcast) = &mut slot.broadcast {
                if is_tight {
                    broadcast.shorten();
                }
                if let Err(error) = broadcast.tend(now_ms) {
                    tracing::error!(channel = %name, %error, "what is left of it cannot be written");
                }
            }
            if let Some(mut broadcast) = slot.broadcast.take_if(|one| one.is_over(now_ms)) {
                // Whoever is still connected is heard no more.
                slot.publisher += 1;
                // One that was removed has no wishes any more.
                if let Some(channel) = channel.filter(|channel| !channel.key_sha256.is_empty()) {
                    broadcast.settle(channel);
                }
                if let Err(error) = broadcast.end(&self.site, now_ms) {
                    tracing::error!(channel = %name, %error, "the recording cannot be made a title");
                }
            }
        }
        if now_ms >= self.swept_ms.load(Ordering::Relaxed) + SWEEP_EVERY_MS {
            self.swept_ms.store(now_ms, Ordering::Relaxed);
            sweep(&self.site, now_ms);
        }
    }
}

impl House {
    /// Takes a picture of every broadcast that has had none for a while. May take seconds.
    pub(crate) fn take_stills(&self, now_ms: u64) {
        for (name, slot) in self.slots() {
            let Some((folder, film)) = lock(&slot).keyframe(now_ms) else {
                continue;
            };
            if let Err(fault) = still::draw(&self.site, &folder, &film) {
                tracing::warn!(channel = %name, %fault, "no picture of the broadcast");
            }
        }
    }

    fn slots(&self) -> Vec<(ChannelName, Arc<Mutex<Slot>>)> {
        lock(&self.channels)
            .iter()
            .map(|(name, slot)| (name.clone(), Arc::clone(slot)))
            .collect()
    }
}

impl Slot {
    /// Whether somebody publishes by a key that the channel no longer has.
    fn is_locked_out(&self, channel: &ChannelFile) -> bool {
        let has_changed = |key: &String| *key != channel.key_sha256;
        self.key.as_ref().is_some_and(has_changed)
    }

    fn lock_out(&mut self, now_ms: u64) {
        self.publisher += 1;
        self.key = None;
        if let Some(broadcast) = &mut self.broadcast
            && let Err(error) = broadcast.leave(now_ms)
        {
            tracing::error!(id = %broadcast.id, %error, "its end cannot be written");
        }
    }

    /// What a picture is to be taken of, and the folder for it. None: it is not time yet.
    fn keyframe(&mut self, now_ms: u64) -> Option<(PathBuf, Vec<u8>)> {
        if now_ms < self.still_ms + still::EVERY_MS {
            return None;
        }
        let found = self.broadcast.as_ref()?.keyframe()?;
        self.still_ms = now_ms;
        Some(found)
    }
}

impl Pass {
    /// Returns what is waited for next.
    pub(crate) fn push(
        &self,
        passed: impl IntoIterator<Item = Passed>,
        now_ms: u64,
    ) -> Result<Due, Out> {
        self.with(|broadcast| broadcast.push(passed, now_ms))
    }

    pub(crate) fn health(&self, health: &HealthFile) -> Result<(), Out> {
        self.with(|broadcast| broadcast.health(health))
    }

    /// The publisher is gone, for now or for good: the grace time will tell.
    pub(crate) fn leave(&self, now_ms: u64) {
        match self.with(|broadcast| broadcast.leave(now_ms)) {
            Ok(()) => tracing::info!(channel = %self.channel, "its publisher is away"),
            Err(Out::Refused(_)) => {}
            Err(error) => {
                tracing::error!(channel = %self.channel, %error, "its end cannot be written");
            }
        }
    }

    fn with<T>(&self, what: impl FnOnce(&mut Broadcast) -> io::Result<T>) -> Result<T, Out> {
        let mut slot = lock(&self.slot);
        let is_heard = slot.publisher == self.publisher;
        let why = match slot.key {
            Some(_) => Refusal::Replaced,
            None => Refusal::Key,
        };
        let broadcast = slot.broadcast.as_mut().filter(|_| is_heard);
        let done = what(broadcast.ok_or(why)?).inspect_err(|_| {
            // What is here and what is written differ now: whoever comes next begins with the latter.
            slot.broadcast = None;
        })?;
        Ok(done)
    }
}

/// Bytes that can be written there.
fn room(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Broadcasts on disk that have not ended.
fn left(site: &Site) -> Vec<(VideoId, ChannelName, ChannelFile)> {
    let take_up = |id: VideoId| {
        let file = about(&site.live().join(id.to_string()))?;
        let name: ChannelName = file.channel.parse().ok()?;
        let channel = settings(site, &name);
        (file.standing != Standing::Ended).then_some((id, name, channel))
    };
    ids(site).into_iter().filter_map(take_up).collect()
}

/// A broadcast of the channel that lies there and that nobody has at hand: it could not be written.
fn left_of(site: &Site, name: &ChannelName, file: &ChannelFile, now_ms: u64) -> Option<Broadcast> {
    let (id, ..) = left(site).into_iter().find(|(_, of, _)| of == name)?;
    Broadcast::resume(site, id, file.clone(), now_ms)
        .inspect_err(|error| tracing::error!(%id, %error, "a broadcast cannot be taken up"))
        .ok()
}

/// Recordings whose broadcast is gone: the live folder was in memory, and the machine went down.
fn rescue(site: &Site) {
    for (id, kept) in site.recordings() {
        if site.live().join(id.to_string()).exists() {
            continue;
        }
        let Some(file) = about(&kept) else {
            continue;
        };
        let channel = match file.channel.parse() {
            Ok(name) => settings(site, &name),
            Err(_) => nameless(&file.channel),
        };
        if let Err(error) = recording::publish(site, id, &channel, &file) {
            tracing::error!(%id, %error, "a recording cannot be made a title");
        }
    }
}

fn about(folder: &Path) -> Option<BroadcastFile> {
    serde_json::from_slice(&fs::read(folder.join(BROADCAST)).ok()?).ok()
}

/// What the channel wants; of one that was removed in the meantime, or cannot be read, the usual.
fn settings(site: &Site, name: &ChannelName) -> ChannelFile {
    read_settings(site, name).unwrap_or_else(|| nameless(&name.to_string()))
}

/// None: the file cannot be read, which may pass; somebody may be writing it.
fn read_settings(site: &Site, name: &ChannelName) -> Option<ChannelFile> {
    match fs::read(site.channels().join(name.file())) {
        Ok(text) => serde_json::from_slice(&text).ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(nameless(&name.to_string())),
        Err(_) => None,
    }
}

fn nameless(name: &str) -> ChannelFile {
    // No key has this hash.
    ChannelFile::new(name.to_owned(), String::new())
}

/// Folders of broadcasts that ended a while ago, and those that never began.
fn sweep(site: &Site, now_ms: u64) {
    for id in ids(site) {
        let folder = site.live().join(id.to_string());
        let since = match about(&folder) {
            Some(file) if file.standing == Standing::Ended => folder.join(BROADCAST),
            Some(_) => continue,
            None => folder.clone(),
        };
        let since = fs::metadata(since).and_then(|about| about.modified()).ok();
        let since_ms = since
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        if now_ms.saturating_sub(since_ms) > LINGERS_MS
            && let Err(error) = fs::remove_dir_all(&folder)
        {
            tracing::warn!(%id, %error, "an ended broadcast's folder is still there");
        }
    }
}

/// A broadcast that cannot be taken up has ended: viewers are told, and its recording becomes a title.
fn give_up(site: &Site, id: VideoId, channel: &ChannelFile) -> io::Result<()> {
    let folder = site.live().join(id.to_string());
    let damaged = || io::Error::other("a damaged broadcast.json");
    let mut file = about(&folder).ok_or_else(damaged)?;
    file.standing = Standing::Ended;
    mend::close(&folder)?;
    let text = serde_json::to_vec_pretty(&file).map_err(io::Error::other)?;
    write_soon(&folder, BROADCAST, &text)?;
    if site.recording(id).exists() {
        recording::publish(site, id, channel, &file)?;
    }
    Ok(())
}

fn ids(site: &Site) -> Vec<VideoId> {
    let entries = fs::read_dir(site.live()).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn new_id() -> io::Result<VideoId> {
    let mut bytes = [0; 8];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(VideoId::from_bytes(bytes))
}

#[cfg(test)]
mod tests;
