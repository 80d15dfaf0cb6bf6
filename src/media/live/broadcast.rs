//! One broadcast as it can be watched now, and bells for those who wait for more of it.

use std::{collections::HashMap, io, path::Path, sync::Arc};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use satreel_hls::{
    live::{
        Answer, Ask, Place, View, Window,
        broadcast::{BroadcastFile, Standing},
    },
    naming::{MediaFile, TrackName, VideoId},
};
use tokio::sync::watch;

use super::{follow::Follower, viewers::Viewers};
use crate::core::{grant::Session, time::Timestamp};

/// One version of a playlist, as it is sent to everybody.
#[derive(Debug)]
pub struct Playlist {
    pub bytes: Bytes,
    /// None: compressing gains nothing.
    pub gzip: Option<Bytes>,
    /// Strong, quoted.
    pub etag: String,
}

/// Segments but the first are so long at least, in microseconds.
const SHORTEST_US: u64 = 1_500_000;

/// Where a broadcast stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The segment that is being made.
    pub next: u32,
    /// How long segments are, by those that are listed; by the header's word before the first.
    pub segment_us: u64,
    /// No segment is longer, in seconds.
    pub target_s: u64,
}

/// Whether a file is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    There,
    /// The playlist hints at it: it comes, or its segment ends without it.
    Next,
    Absent,
}

/// See the module's head.
#[derive(Debug)]
pub struct Broadcast {
    pub id: VideoId,
    about: RwLock<Arc<BroadcastFile>>,
    state: Mutex<State>,
    pub(super) viewers: Viewers,
}

#[derive(Debug, Default)]
struct State {
    window: Window,
    /// How much of the journal is in the window: the same for every server that has read as much.
    version: u64,
    rendered: HashMap<(TrackName, View), Arc<Playlist>>,
    bells: HashMap<TrackName, watch::Sender<u64>>,
    /// The folder is gone.
    gone: bool,
}

/// What has to change before somebody who waits for a track is woken.
type Tip = (u32, usize, bool);

impl Broadcast {
    pub(super) fn new(id: VideoId, about: BroadcastFile) -> Self {
        Self {
            id,
            about: RwLock::new(Arc::new(about)),
            state: Mutex::default(),
            viewers: Viewers::default(),
        }
    }

    pub fn about(&self) -> Arc<BroadcastFile> {
        Arc::clone(&self.about.read())
    }

    pub fn standing(&self) -> Standing {
        self.about.read().standing
    }

    /// Nothing more will come: the journal has its last line, or the folder is gone.
    pub fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.gone || state.window.has_ended() || self.standing() == Standing::Ended
    }

    /// Whether there is something to play.
    pub fn has_begun(&self) -> bool {
        self.edge().is_some()
    }

    /// None: nothing was listed yet.
    pub fn edge(&self) -> Option<Edge> {
        let state = self.state.lock();
        let window = &state.window;
        let header = window.header()?;
        let track = window.track(*header.tracks.first()?)?;
        if track.segments.is_empty() && track.open.is_empty() {
            return None;
        }
        // The first of all may be short, so that players need not wait for it.
        let first = usize::from(window.first() == 0 && track.segments.len() > 1);
        let usual = track.segments.iter().skip(first);
        let (count, sum) = usual.fold((0_u64, 0_u64), |(count, sum), listed| {
            (count + 1, sum + listed.us)
        });
        let mean = sum.checked_div(count);
        Some(Edge {
            next: window.next(track),
            segment_us: mean.map_or(header.target_s * 1_000_000, |mean| mean.max(SHORTEST_US)),
            target_s: header.target_s,
        })
    }

    /// How many watch.
    pub fn viewers(&self, now: Timestamp) -> usize {
        self.viewers.count(now)
    }

    pub(in crate::media) fn note_viewer(&self, session: Session, now: Timestamp) {
        self.viewers.note(session, now);
    }

    /// True: its standing is another one than before.
    pub(super) fn tell(&self, about: BroadcastFile) -> bool {
        let mut known = self.about.write();
        let changed = **known != about;
        *known = Arc::new(about);
        changed
    }

    /// Takes in what was appended to the journal and wakes whoever waits for it.
    pub(super) fn read(&self, follower: &mut Follower) -> io::Result<bool> {
        let mut state = self.state.lock();
        let State { window, .. } = &mut *state;
        let before = tips(window);
        if !follower.read(window)? {
            return Ok(false);
        }
        state.version = follower.at();
        state.rendered.clear();
        for (track, tip) in tips(&state.window) {
            if before.get(&track) != Some(&tip) {
                let bell = state.bells.entry(track).or_default();
                bell.send_modify(|rung| *rung += 1);
            }
        }
        Ok(true)
    }

    /// The folder is gone: nobody needs to wait.
    pub(super) fn leave(&self) {
        let mut state = self.state.lock();
        state.gone = true;
        for bell in state.bells.values() {
            bell.send_modify(|rung| *rung += 1);
        }
    }

    /// None: there is no such track.
    pub(super) fn bell(&self, track: TrackName) -> Option<watch::Receiver<u64>> {
        let mut state = self.state.lock();
        state.window.track(track)?;
        Some(state.bells.entry(track).or_default().subscribe())
    }

    /// How long somebody waits at the most, in seconds: three target durations.
    pub(super) fn patience_s(&self) -> u64 {
        let state = self.state.lock();
        let target = state.window.header().map_or(1, |header| header.target_s);
        target * satreel_hls::live::reload::PATIENCE
    }

    /// None: there is no such track.
    pub(super) fn decide(&self, track: TrackName, ask: &Ask) -> Option<Answer> {
        let state = self.state.lock();
        state.window.answer(track, ask).filter(|_| !state.gone)
    }

    /// The newest version, made and compressed for the first who asks.
    pub(super) fn playlist(&self, track: TrackName, view: View) -> Option<Arc<Playlist>> {
        let mut state = self.state.lock();
        if let Some(made) = state.rendered.get(&(track, view)) {
            return Some(Arc::clone(made));
        }
        let bytes = Bytes::from(state.window.playlist(track, view)?);
        let kind = match view {
            View::Full => "f",
            View::Delta => "d",
        };
        let made = Arc::new(Playlist {
            gzip: super::super::store::gzip(&bytes, flate2::Compression::fast()),
            etag: format!("\"{kind}{:x}-{:x}\"", state.version, bytes.len()),
            bytes,
        });
        state.rendered.insert((track, view), Arc::clone(&made));
        Some(made)
    }

    /// Where a part lies in its segment's file; None: it is a file of its own.
    pub(super) fn place(&self, track: TrackName, segment: u32, part: u32) -> Option<Place> {
        self.state.lock().window.place(track, segment, part)
    }

    pub(super) fn presence(&self, file: MediaFile) -> Presence {
        let state = self.state.lock();
        let window = &state.window;
        if let MediaFile::Part(name, segment, part) = file
            && !state.gone
            && !window.has_ended()
            && let Some(track) = window.track(name)
            && segment == window.next(track)
            && part as usize == track.open.len()
        {
            return Presence::Next;
        }
        // A segment or part that left the window stays on disk for those who have an older playlist.
        match file {
            MediaFile::Playlist(name) if window.track(name).is_none() => Presence::Absent,
            MediaFile::Part(name, segment, part) => {
                let known = window.track(name).is_some_and(|track| {
                    segment < window.next(track)
                        || (segment == window.next(track) && (part as usize) < track.open.len())
                });
                if known {
                    Presence::There
                } else {
                    Presence::Absent
                }
            }
            _ => Presence::There,
        }
    }
}

fn tips(window: &Window) -> HashMap<TrackName, Tip> {
    let tracks = window
        .header()
        .into_iter()
        .flat_map(|header| &header.tracks);
    tracks
        .filter_map(|name| {
            let track = window.track(*name)?;
            Some((
                *name,
                (window.next(track), track.open.len(), window.has_ended()),
            ))
        })
        .collect()
}

/// `broadcast.json` as it stands; None: there is none, or not one that can be read.
pub(super) fn about(folder: &Path) -> Option<BroadcastFile> {
    use std::io::Read as _;
    let mut text = Vec::new();
    let file = std::fs::File::open(folder.join(satreel_hls::live::broadcast::BROADCAST)).ok()?;
    file.take(1 << 20).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
