//! One broadcast: from its first publisher to the title that it becomes.

use std::fs;
use std::io;

use satreel_hls::live::broadcast::{
    BROADCAST, BroadcastFile, HEALTH, HealthFile, Outage, Standing,
};
use satreel_hls::live::channel::{ChannelFile, ChannelName};
use satreel_hls::live::window::Window;
use satreel_hls::live::{Event, JOURNAL};
use satreel_hls::naming::{MediaFile, VideoId};

use super::folder::{Folder, write_soon};
use super::gate::Passed;
use super::recording;
use super::segmenter::{Output, Segmenter, TARGET_S, Wishes};
use crate::site::Site;

/// A new beginning after a restart is so much later than all that was written before.
const RESUME_GAP_S: u64 = 6;
const PICTURE_SCALE: u64 = 90_000;

#[derive(Debug)]
pub(crate) struct Broadcast {
    pub(crate) id: VideoId,
    channel: ChannelFile,
    file: BroadcastFile,
    segmenter: Segmenter,
    folder: Folder,
    has_master: bool,
    out: Vec<Output>,
}

fn wishes(channel: &ChannelFile) -> Wishes {
    Wishes {
        mode: channel.mode,
        part_ms: u64::from(channel.part_ms),
        window_ms: u64::from(channel.window_s) * 1000,
    }
}

impl Broadcast {
    pub(crate) fn start(
        site: &Site,
        name: &ChannelName,
        channel: ChannelFile,
        id: VideoId,
        now_ms: u64,
    ) -> io::Result<Self> {
        let keep = channel.record.then(|| site.recording(id));
        let folder = Folder::open(&site.live().join(id.to_string()), keep)?;
        let broadcast = Self {
            id,
            segmenter: Segmenter::new(wishes(&channel)),
            channel,
            file: BroadcastFile {
                channel: name.to_string(),
                standing: Standing::Live,
                started_ms: now_ms,
                outages: Vec::new(),
                unrecorded: None,
            },
            folder,
            has_master: false,
            out: Vec::new(),
        };
        broadcast.tell()?;
        Ok(broadcast)
    }

    /// Takes up what an earlier process left: its publisher is away, and comes back or not.
    pub(crate) fn resume(
        site: &Site,
        id: VideoId,
        channel: ChannelFile,
        now_ms: u64,
    ) -> io::Result<Self> {
        let path = site.live().join(id.to_string());
        let text = fs::read(path.join(BROADCAST))?;
        let mut file: BroadcastFile = serde_json::from_slice(&text).map_err(io::Error::other)?;
        let journal = fs::read_to_string(path.join(JOURNAL)).unwrap_or_default();
        let (window, read) = Window::replay(&journal);
        // Half a line would spoil the next one.
        let end = u64::try_from(read).unwrap_or_default();
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path.join(JOURNAL))?
            .set_len(end)?;
        let keeps = channel.record && file.unrecorded.is_none();
        let mut folder = Folder::open(&path, keeps.then(|| site.recording(id)))?;
        let (window, lasts_us) = recording::mend(&mut folder, window, &journal[..read])?;
        if file.standing == Standing::Live {
            file.standing = Standing::Away;
            file.outages.push(Outage {
                from_ms: now_ms,
                to_ms: None,
            });
        }
        let tick = (lasts_us / 1_000_000 + RESUME_GAP_S) * PICTURE_SCALE;
        let next = recording::next(&window);
        let begun = window.header().is_some();
        let inits = recording::inits(&folder);
        let segmenter = if begun {
            Segmenter::resume(wishes(&channel), window, next, tick, inits)
        } else {
            Segmenter::new(wishes(&channel))
        };
        let broadcast = Self {
            id,
            channel,
            file,
            segmenter,
            has_master: path.join(MediaFile::Master.to_string()).exists(),
            folder,
            out: Vec::new(),
        };
        broadcast.tell()?;
        Ok(broadcast)
    }

    pub(crate) fn push(&mut self, passed: Passed, now_ms: u64) -> io::Result<()> {
        self.segmenter.push(passed, now_ms, &mut self.out);
        self.carry_out()
    }

    /// The publisher is gone; the grace time begins.
    pub(crate) fn leave(&mut self, now_ms: u64) -> io::Result<()> {
        self.segmenter.leave(&mut self.out);
        self.carry_out()?;
        if self.file.standing == Standing::Live {
            self.file.standing = Standing::Away;
            self.file.outages.push(Outage {
                from_ms: now_ms,
                to_ms: None,
            });
        }
        self.tell()
    }

    /// A publisher is there, again or in another one's place.
    pub(crate) fn enter(&mut self, now_ms: u64) -> io::Result<()> {
        self.segmenter.leave(&mut self.out);
        self.carry_out()?;
        self.file.standing = Standing::Live;
        if let Some(outage) = self.file.outages.last_mut() {
            outage.to_ms.get_or_insert(now_ms);
        }
        self.tell()
    }

    /// Whether the grace time has run out.
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        let grace_ms = u64::from(self.channel.grace_s) * 1000;
        let away = self
            .file
            .outages
            .last()
            .filter(|outage| outage.to_ms.is_none());
        self.file.standing == Standing::Away
            && away.is_some_and(|outage| now_ms.saturating_sub(outage.from_ms) >= grace_ms)
    }

    pub(crate) fn health(&self, health: &HealthFile) -> io::Result<()> {
        let text = serde_json::to_vec(health).map_err(io::Error::other)?;
        write_soon(self.folder.path(), HEALTH, &text)
    }

    /// The disk is nearly full: the broadcast goes on, its recording does not.
    pub(crate) fn stop_recording(&mut self, why: &str) -> io::Result<()> {
        if self.folder.keep().is_none() {
            return Ok(());
        }
        self.folder.stop_keeping();
        self.file.unrecorded = Some(why.to_owned());
        tracing::warn!(id = %self.id, why, "the recording stops, the broadcast goes on");
        self.tell()
    }

    /// It is over: viewers are told, and the recording becomes a title.
    pub(crate) fn end(mut self, site: &Site) -> io::Result<()> {
        self.segmenter.end(&mut self.out);
        self.carry_out()?;
        if self.channel.record {
            let journal = fs::read_to_string(self.folder.path().join(JOURNAL))?;
            recording::publish(site, self.id, &self.channel, &self.file, &journal)?;
        }
        self.file.standing = Standing::Ended;
        self.tell()
    }

    fn carry_out(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.out);
        let unkept = self.folder.carry_out(&out, self.segmenter.window())?;
        if let Some(error) = unkept {
            self.file.unrecorded = Some(format!("the recording cannot be written: {error}"));
            self.tell()?;
        }
        let grew = |output: &Output| {
            matches!(
                output,
                Output::Event(Event::Segment { .. } | Event::Part { .. })
            )
        };
        if !self.has_master && out.iter().any(grew) && self.heard_both() {
            self.has_master = true;
            let master = recording::first_master(&self.folder)?;
            self.folder.write(MediaFile::Master, master.as_bytes())?;
        }
        Ok(())
    }

    /// Whether both tracks have something to play.
    fn heard_both(&self) -> bool {
        let window = self.segmenter.window();
        let tracks = window
            .header()
            .into_iter()
            .flat_map(|header| &header.tracks);
        tracks
            .filter_map(|name| window.track(*name))
            .all(|track| !track.open.is_empty() || !track.segments.is_empty())
    }

    fn tell(&self) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(&self.file).map_err(io::Error::other)?;
        write_soon(self.folder.path(), BROADCAST, &text)
    }
}

/// Longest a playlist that has ended stays for those who still watch it.
pub(crate) const LINGERS_MS: u64 = TARGET_S * 1000 * 15;
