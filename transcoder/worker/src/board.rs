//! What of the title can be played already: the multivariant playlist, from the first segments on.
//!
//! Every track tells here when a segment is on disk. As soon as there is a picture and every sound,
//! the playlist appears and the supervisor hears of it; further rungs join as they begin.

use std::sync::{Arc, Mutex, PoisonError};

use satreel_film::fault::Fault;
use satreel_film::plan::{Plan, Rung};
use satreel_film::protocol::Message;
use satreel_hls::naming::{MediaFile, TrackName};
use satreel_hls::playlist::{
    AudioRendition, Bitrate, CaptionRendition, FrameRate, Multivariant, Variant,
};

use super::store::Store;
use super::tell;

/// A track that players may choose.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) name: TrackName,
    pub(super) codec: String,
    /// As measured so far.
    pub(super) bitrate: Bitrate,
}

/// Shared by all that write tracks.
#[derive(Debug, Clone)]
pub(super) struct Board {
    plan: Arc<Plan>,
    store: Store,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    ready: Vec<Ready>,
    told: bool,
}

impl Board {
    pub(super) fn new(plan: &Plan, store: &Store) -> Self {
        Self {
            plan: Arc::new(plan.clone()),
            store: store.clone(),
            state: Arc::default(),
        }
    }

    /// A segment of this track is on disk, and its playlist lists it.
    pub(super) fn note(&self, track: Ready) -> Result<(), Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.ready.iter().any(|known| known.name == track.name) {
            return Ok(());
        }
        state.ready.push(Ready {
            bitrate: self.expected(&track),
            ..track
        });
        if !self.is_playable(&state.ready) {
            return Ok(());
        }
        let master = master(&self.plan, &state.ready).to_string();
        self.store
            .write_soon(MediaFile::Master, master.as_bytes())?;
        if !state.told {
            state.told = true;
            tell(&Message::Playable {});
        }
        Ok(())
    }

    /// One segment tells little of a film: what its encoder may use at most counts until the end.
    fn expected(&self, track: &Ready) -> Bitrate {
        let is_it = |rung: &&Rung| rung.name == track.name.as_str();
        let rung = self.plan.rungs.iter().find(is_it);
        let most = rung.and_then(|rung| rung.max_rate).map_or(0, u64::from);
        Bitrate {
            peak: track.bitrate.peak.max(most * 6 / 5),
            average: track.bitrate.average.max(most * 4 / 5),
        }
    }

    fn is_playable(&self, ready: &[Ready]) -> bool {
        let has = |name: &str| ready.iter().any(|track| track.name.as_str() == name);
        let mut rungs = self.plan.rungs.iter();
        (self.plan.picture.is_none() || rungs.any(|rung| has(&rung.name)))
            && self.plan.sounds.iter().all(|sound| has(&sound.name))
    }

    /// The last word: every track with what it really takes.
    pub(super) fn finish(&self, tracks: &[Ready]) -> Result<(), Fault> {
        self.store.sync()?;
        let master = master(&self.plan, tracks).to_string();
        self.store.write(MediaFile::Master, master.as_bytes())?;
        self.store.end()
    }
}

/// The playlist of the tracks that are there.
fn master(plan: &Plan, ready: &[Ready]) -> Multivariant {
    let find = |name: &str| ready.iter().find(|track| track.name.as_str() == name);
    let (numerator, denominator) = plan.frame_rate();
    let pictures = plan.rungs.iter().filter_map(|rung| {
        let track = find(&rung.name)?;
        Some(Variant {
            track: track.name,
            resolution: Some((rung.width, rung.height)),
            frame_rate: Some(FrameRate {
                numerator,
                denominator,
            }),
            codec: track.codec.clone(),
            bitrate: track.bitrate,
        })
    });
    // Without a picture the usual sound is the variant.
    let usual = plan.sounds.first().filter(|_| plan.picture.is_none());
    let alone = usual
        .and_then(|sound| find(&sound.name))
        .map(|track| Variant {
            track: track.name,
            resolution: None,
            frame_rate: None,
            codec: track.codec.clone(),
            bitrate: track.bitrate,
        });
    let is_choice = plan.picture.is_some() || plan.sounds.len() > 1;
    let sounds = plan.sounds.iter().filter(|_| is_choice).enumerate();
    let sounds = sounds.filter_map(|(index, sound)| {
        let track = find(&sound.name)?;
        Some(AudioRendition {
            track: track.name,
            name: sound.label.clone(),
            language: sound.language.clone(),
            channels: sound.channels,
            codec: track.codec.clone(),
            bitrate: track.bitrate,
            default: index == 0,
        })
    });
    let mut variants: Vec<Variant> = pictures.chain(alone).collect();
    start_with_the_middle(&mut variants);
    Multivariant {
        variants,
        audio: sounds.collect(),
        captions: captions(plan),
    }
}

fn captions(plan: &Plan) -> Vec<CaptionRendition> {
    let captions = plan.captions.iter().filter_map(|words| {
        Some(CaptionRendition {
            track: words.name.parse().ok()?,
            name: words.label.clone(),
            language: words.language.clone(),
            forced: words.forced,
        })
    });
    captions.collect()
}

/// Players begin with the first variant: Apple asks for about 2 Mbit/s there.
fn start_with_the_middle(variants: &mut [Variant]) {
    const WANTED: u64 = 2_000_000;
    let nearest = (0..variants.len())
        .min_by_key(|index| variants[*index].bitrate.average.abs_diff(WANTED))
        .unwrap_or(0);
    if let Some(before) = variants.get_mut(..=nearest) {
        before.rotate_right(1);
    }
}
