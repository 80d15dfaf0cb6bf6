//! One broadcast: from its first publisher to the title that it becomes.

use std::fs;
use std::io;
use std::path::PathBuf;

use satreel_hls::live::broadcast::{
    BROADCAST, BroadcastFile, HEALTH, HealthFile, Outage, Standing,
};
use satreel_hls::live::channel::{ChannelFile, ChannelName};
use satreel_hls::live::window::Window;
use satreel_hls::naming::{MediaFile, VideoId};

use super::folder::{Folder, write_soon};
use super::gate::Passed;
use super::ladder::{Ladder, Workers};
use super::master::Meter;
use super::rest::Due;
use super::segmenter::{Output, Segmenter, TARGET_S, Wishes};
use super::{mend, recording, still};
use crate::site::Site;

#[derive(Debug)]
pub(crate) struct Broadcast {
    pub(crate) id: VideoId,
    channel: ChannelFile,
    file: BroadcastFile,
    segmenter: Segmenter,
    ladder: Ladder,
    folder: Folder,
    meter: Meter,
    out: Vec<Output>,
}

fn wishes(site: &Site, channel: &ChannelFile) -> Wishes {
    Wishes {
        mode: channel.mode.unwrap_or(site.live.mode),
        part_ms: u64::from(channel.part_ms),
        window_ms: u64::from(channel.window_s) * 1000,
        rungs: site.live.rungs.clone(),
    }
}

fn ladder(site: &Site) -> Ladder {
    Ladder::new(Box::new(Workers), site.sandbox)
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
            segmenter: Segmenter::new(wishes(site, &channel)),
            ladder: ladder(site),
            channel,
            file: BroadcastFile {
                channel: name.to_string(),
                standing: Standing::Live,
                started_ms: now_ms,
                outages: Vec::new(),
                unrecorded: None,
            },
            folder,
            meter: Meter::default(),
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
        let (mut window, _) = Window::replay(&mend::whole_lines(&path)?);
        let keeps = channel.record && file.unrecorded.is_none();
        let mut folder = Folder::open(&path, keeps.then(|| site.recording(id)))?;
        let tick = mend::mend(&mut folder, &mut window, file.started_ms)?;
        if file.standing == Standing::Live {
            file.standing = Standing::Away;
            file.outages.push(Outage {
                from_ms: now_ms,
                to_ms: None,
            });
        }
        let meter = Meter::of(&path, &window);
        let segmenter = if window.header().is_some() {
            let next = mend::next(&window);
            Segmenter::resume(
                wishes(site, &channel),
                window,
                next,
                tick,
                mend::inits(&path),
            )
        } else {
            Segmenter::new(wishes(site, &channel))
        };
        let mut ladder = ladder(site);
        ladder.resume(segmenter.window(), mend::inits(&path));
        let broadcast = Self {
            id,
            channel,
            file,
            segmenter,
            ladder,
            meter,
            folder,
            out: Vec::new(),
        };
        broadcast.tell()?;
        Ok(broadcast)
    }

    /// All that came at once is written at once. Returns what is waited for next.
    pub(crate) fn push(
        &mut self,
        passed: impl IntoIterator<Item = Passed>,
        now_ms: u64,
    ) -> io::Result<Due> {
        for passed in passed {
            self.segmenter.push(passed, now_ms, &mut self.out);
        }
        self.carry_out(now_ms)?;
        Ok(self.segmenter.due())
    }

    /// What is due while nothing comes in.
    pub(crate) fn tend(&mut self, now_ms: u64) -> io::Result<()> {
        self.carry_out(now_ms)
    }

    /// The publisher is gone; the grace time begins.
    pub(crate) fn leave(&mut self, now_ms: u64) -> io::Result<()> {
        self.segmenter.leave(&mut self.out);
        self.ladder.leave(now_ms);
        self.carry_out(now_ms)?;
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
        self.ladder.leave(now_ms);
        self.carry_out(now_ms)?;
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

    /// The newest keyframe, and the folder for its picture. None: nobody publishes, or not for long.
    pub(crate) fn keyframe(&self) -> Option<(PathBuf, Vec<u8>)> {
        let folder = self.folder.path();
        let is_live = self.file.standing == Standing::Live;
        let film = still::keyframe(folder, self.segmenter.window()).filter(|_| is_live)?;
        Some((folder.to_owned(), film))
    }

    pub(crate) fn health(&self, health: &HealthFile) -> io::Result<()> {
        let mut health = HealthFile {
            rungs: self.ladder.health(),
            ..health.clone()
        };
        for rung in &health.rungs {
            if let Some(why) = &rung.dropped {
                let size = rung.track.trim_start_matches('v');
                let words = format!(
                    "The {size}p picture is no longer made: {why}. List fewer `rungs` in `[live]`."
                );
                health.says.push(words);
            }
        }
        let text = serde_json::to_vec(&health).map_err(io::Error::other)?;
        write_soon(self.folder.path(), HEALTH, &text)
    }

    /// The live folder is nearly full: viewers can go back no farther than players need.
    pub(crate) fn shorten(&mut self) {
        if self.segmenter.shorten() {
            tracing::warn!(id = %self.id, "the live folder is nearly full: nobody can go back any more");
        }
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

    /// What the title is called, costs and whether it is shown is up to the channel as it is now, not
    /// as it was when the broadcast began; how the broadcast ran is not.
    pub(crate) fn settle(&mut self, channel: ChannelFile) {
        let record = self.channel.record;
        self.channel = ChannelFile { record, ..channel };
    }

    /// It is over: viewers are told, and the recording becomes a title.
    pub(crate) fn end(mut self, site: &Site, now_ms: u64) -> io::Result<()> {
        self.segmenter.leave(&mut self.out);
        self.carry_out(now_ms)?;
        self.ladder.end(&mut self.segmenter, &mut self.out, now_ms);
        self.segmenter.end(&mut self.out);
        self.carry_out(now_ms)?;
        // What cannot be made a title now stays, and is tried again at the next start.
        let published = if self.channel.record {
            self.keep_picture();
            recording::publish(site, self.id, &self.channel, &self.file)
        } else {
            Ok(())
        };
        self.folder.stop_keeping();
        self.file.standing = Standing::Ended;
        self.tell().and(published)
    }

    /// The title begins with the broadcast's last picture.
    fn keep_picture(&self) {
        if let Some(keep) = self.folder.keep() {
            let poster = MediaFile::Poster.to_string();
            // A broadcast of seconds has none.
            let _ = fs::copy(self.folder.path().join(&poster), keep.join(&poster));
        }
    }

    fn carry_out(&mut self, now_ms: u64) -> io::Result<()> {
        self.ladder
            .follow(&mut self.segmenter, &mut self.out, now_ms);
        if self.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.out);
        let unkept = self.folder.carry_out(&out, self.segmenter.window())?;
        if let Some(error) = unkept {
            self.file.unrecorded = Some(format!("the recording cannot be written: {error}"));
            self.tell()?;
        }
        let window = self.segmenter.window();
        for output in &out {
            self.meter.see(output, window);
        }
        if let Some(master) = self
            .meter
            .due(self.folder.path(), window, &self.ladder.listed())?
        {
            self.folder.write(MediaFile::Master, master.as_bytes())?;
        }
        Ok(())
    }

    fn tell(&self) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(&self.file).map_err(io::Error::other)?;
        // The recording has it, too: where the live folder is in memory, it may be all that is left.
        if let Some(keep) = self.folder.keep() {
            write_soon(keep, BROADCAST, &text)?;
        }
        write_soon(self.folder.path(), BROADCAST, &text)
    }
}

/// Longest a playlist that has ended stays for those who still watch it.
pub(crate) const LINGERS_MS: u64 = TARGET_S * 1000 * 15;
