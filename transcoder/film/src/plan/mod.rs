//! Decides what becomes of a film: which rungs, copied or encoded and why, cut where.
//!
//! Pure: facts in, plan out. The worker carries it out, `inspect` prints it, and the same file
//! always gives the same plan, which is what lets a broken job be repeated.

mod cadence;
pub mod clock;
mod copy;
pub mod cuts;
pub mod facts;
pub mod ladder;
pub mod language;
mod loudness;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use satreel_config::{Ladder, Preset};
use satreel_hls::playlist::target_s;
use serde::{Deserialize, Serialize};

use cadence::Cadence;
pub use cadence::Grid;
use clock::Clock;
use facts::{Colours, Facts, Video};
use ladder::Size;

use crate::fault::Fault;

pub use satreel_hls::job::Preview;

/// Copied as it is, or made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Copy,
    Encode,
}

/// One picture quality of the title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// The track's name: `v720`.
    pub name: String,
    pub width: u32,
    pub height: u32,
    pub action: Action,
    pub reason: String,
    /// Bits a second at most, of an encoded rung.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rate: Option<u32>,
}

/// One sound track of the title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sound {
    /// The track's name: `a`, `a2`.
    pub name: String,
    /// What viewers choose by.
    pub label: String,
    pub action: Action,
    pub reason: String,
    pub codec: String,
    pub channels: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Hundredths of a decibel that it is made louder by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<i32>,
}

/// One choice of captions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// The track's name: `s`, `s2`.
    pub name: String,
    /// What viewers choose by.
    pub label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    pub forced: bool,
}

/// The picture as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    pub width: u32,
    pub height: u32,
    pub frame_rate: (u32, u32),
    pub codec: String,
    /// What encoded rungs change about it, in words.
    pub changes: Vec<String>,
}

/// What is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// None: the title is sound alone.
    pub picture: Option<Shown>,
    pub duration_us: u64,
    pub preview_s: u32,
    /// Largest first.
    pub rungs: Vec<Rung>,
    /// How the encoded ones are encoded.
    pub crf: u32,
    pub preset: Preset,
    /// The usual one first.
    pub sounds: Vec<Sound>,
    pub captions: Vec<Words>,
    /// Times of segments' starts from 0, and the film's end.
    #[serde(skip)]
    pub boundaries_us: Vec<u64>,
    /// Times of keyframes of encoded rungs.
    #[serde(skip)]
    pub keyframes_us: Vec<u64>,
    /// Set when encoded rungs do not keep the source's own time stamps.
    #[serde(skip)]
    pub grid: Option<Grid>,
    #[serde(skip)]
    pub colours: Option<Colours>,
}

impl Plan {
    /// The same plan with tracks of another name, to lie beside those of an earlier making.
    #[must_use]
    pub fn of_generation(mut self, generation: u32) -> Self {
        if generation > 0 {
            let rungs = self.rungs.iter_mut().map(|rung| &mut rung.name);
            let sounds = self.sounds.iter_mut().map(|sound| &mut sound.name);
            let captions = self.captions.iter_mut().map(|words| &mut words.name);
            for name in rungs.chain(sounds).chain(captions) {
                *name = format!("{name}g{generation}");
            }
        }
        self
    }
}

const LONGEST_FILM_US: u64 = 24 * 3600 * 1_000_000;
/// Samples a second of encoded sound.
pub const SOUND_RATE: u32 = 48_000;
const MOST_PIXELS: u64 = 8192 * 4352;
/// Samples of an AAC frame.
pub const AAC_FRAME: u32 = 1024;

/// Decides everything about a film.
pub fn plan(facts: &Facts, preview: Preview, ladder: &Ladder) -> Result<Plan, Fault> {
    match &facts.video {
        Some(video) => film(video, facts, preview, ladder),
        None => sound_alone(facts, preview, ladder),
    }
}

fn film(video: &Video, facts: &Facts, preview: Preview, ladder: &Ladder) -> Result<Plan, Fault> {
    let duration_us = video.clock.us(video.end);
    check_bounds(video, duration_us)?;
    let (preview_s, explicit_us) = resolve_preview(preview, duration_us);
    let copied = copy::video(video, explicit_us);
    let size = shown_size(video);
    let cadence = Cadence::of(video);
    let rate = cadence.grid().filter(|_| copied.is_err());
    let grid = rate.and_then(|rate| Grid::new(rate, duration_us));
    let free_until = Some(u64::from(preview_s) * 1_000_000);
    let candidates = candidates(video, copied.is_ok(), grid, free_until);
    let boundaries_us = cuts::boundaries(&candidates, duration_us, free_until);
    let frame_rate = rate.unwrap_or(video.frame_rate);
    Ok(Plan {
        picture: Some(Shown {
            width: size.width,
            height: size.height,
            frame_rate,
            codec: video.codec.clone(),
            changes: changes(video, cadence, rate),
        }),
        duration_us,
        preview_s,
        rungs: rungs(size, frame_rate, copied, &ladder.rungs),
        crf: ladder.crf,
        preset: ladder.preset,
        sounds: sounds(facts, duration_us),
        captions: captions(facts),
        keyframes_us: cuts::keyframes(&candidates, &boundaries_us),
        boundaries_us,
        grid,
        colours: Some(video.colours.of_rungs(size.short())),
    })
}

/// Nothing to see: the segments begin with frames of the usual track.
fn sound_alone(facts: &Facts, preview: Preview, ladder: &Ladder) -> Result<Plan, Fault> {
    let usual = facts.audio.first().ok_or(Fault::NoTrack)?;
    let duration_us = u64::try_from(usual.end_us).unwrap_or(0);
    if duration_us == 0 {
        return Err(Fault::damaged("it holds no sound"));
    }
    check_length(duration_us)?;
    let sounds = sounds(facts, duration_us);
    let rate = match sounds.first().map(|sound| sound.action) {
        Some(Action::Copy) => usual.rate,
        Some(Action::Encode) | None => SOUND_RATE,
    };
    let (preview_s, _) = resolve_preview(preview, duration_us);
    let free_until = Some(u64::from(preview_s) * 1_000_000);
    let clock = Clock::of_rate(rate);
    let frames = clock.of_us(duration_us) / i64::from(AAC_FRAME);
    let frames: Vec<u64> = (0..=frames)
        .map(|frame| clock.us(frame * i64::from(AAC_FRAME)))
        .collect();
    let candidates = cuts::grid(&frames, free_until);
    Ok(Plan {
        picture: None,
        duration_us,
        preview_s,
        rungs: Vec::new(),
        crf: ladder.crf,
        preset: ladder.preset,
        sounds,
        captions: captions(facts),
        keyframes_us: Vec::new(),
        boundaries_us: cuts::boundaries(&candidates, duration_us, free_until),
        grid: None,
        colours: None,
    })
}

/// What is done to the picture beside scaling, for whoever asks.
fn changes(video: &Video, cadence: Cadence, rate: Option<(u32, u32)>) -> Vec<String> {
    let turned = (video.rotation != 0).then(|| format!("turned by {} degrees", video.rotation));
    let (width, height) = video.pixel_aspect;
    let square = (width != height).then(|| format!("pixels of {width}:{height} made square"));
    let woven = video.interlaced.then(|| "deinterlaced".to_owned());
    let mapped = (video.colours.is_hdr()).then(|| "HDR made SDR".to_owned());
    let regular = rate.map(|(numerator, denominator)| {
        let rate = f64::from(numerator) / f64::from(denominator.max(1));
        if cadence.irregular {
            format!("changing frame rate made {rate:.2} frames/s")
        } else {
            format!("{:.2} frames/s made {rate:.2}", cadence.found())
        }
    });
    [turned, square, woven, mapped, regular]
        .into_iter()
        .flatten()
        .collect()
}

fn check_bounds(video: &Video, duration_us: u64) -> Result<(), Fault> {
    let too_large = |detail: &str| {
        Err(Fault::TooLarge {
            detail: detail.to_owned(),
        })
    };
    if video.frames.is_empty() || duration_us == 0 {
        return Err(Fault::damaged("it holds no picture"));
    }
    check_length(duration_us)?;
    if u64::from(video.width) * u64::from(video.height) > MOST_PIXELS {
        return too_large("more than 8K pixels");
    }
    if video.width < 16 || video.height < 16 {
        return too_large("less than 16 pixels wide or high");
    }
    Ok(())
}

fn check_length(duration_us: u64) -> Result<(), Fault> {
    if duration_us > LONGEST_FILM_US {
        return Err(Fault::TooLarge {
            detail: "it lasts more than 24 hours".to_owned(),
        });
    }
    Ok(())
}

/// The preview in seconds, and in microseconds when somebody asked for it.
fn resolve_preview(preview: Preview, duration_us: u64) -> (u32, Option<u64>) {
    match preview {
        Preview::Exactly(seconds) => (seconds, Some(u64::from(seconds) * 1_000_000)),
        Preview::Usual(seconds) => {
            let third = u32::try_from(duration_us / 3_000_000).unwrap_or(u32::MAX);
            (seconds.min(third), None)
        }
    }
}

/// The picture as shown: square pixels, turned upright.
fn shown_size(video: &Video) -> Size {
    let (pixel_width, pixel_height) = video.pixel_aspect;
    let stretched =
        u64::from(video.width) * u64::from(pixel_width) / u64::from(pixel_height.max(1));
    let width = u32::try_from(stretched.max(1)).unwrap_or(u32::MAX);
    let (width, height) = if video.rotation % 180 == 90 {
        (video.height, width)
    } else {
        (width, video.height)
    };
    Size { width, height }
}

/// Where segments may begin, in microseconds.
fn candidates(
    video: &Video,
    copied: bool,
    grid: Option<Grid>,
    preview_us: Option<u64>,
) -> Vec<u64> {
    let us = |ticks: &i64| video.clock.us(*ticks);
    match &video.h264 {
        Some(h264) if copied => h264.idrs.iter().map(us).collect(),
        _ => {
            let frames =
                grid.map_or_else(|| video.frames.iter().map(us).collect(), Grid::frames_us);
            cuts::grid(&frames, preview_us)
        }
    }
}

fn rungs(
    shown: Size,
    frame_rate: (u32, u32),
    copied: Result<(), String>,
    wanted: &[u32],
) -> Vec<Rung> {
    let frames_a_second = f64::from(frame_rate.0) / f64::from(frame_rate.1.max(1));
    let is_copied = copied.is_ok();
    let top_reason = copied.err().unwrap_or_default();
    let encoded = ladder::encoded(shown, is_copied, wanted)
        .into_iter()
        .enumerate();
    let encoded = encoded.map(|(index, size)| Rung {
        name: format!("v{}", size.short()),
        width: size.width,
        height: size.height,
        action: Action::Encode,
        reason: if index == 0 && !is_copied {
            format!("the original is not used: {top_reason}")
        } else {
            "a smaller size for slower connections".to_owned()
        },
        max_rate: Some(ladder::max_rate(size, frames_a_second)),
    });
    let original = is_copied.then(|| Rung {
        name: format!("v{}", shown.short()),
        width: shown.width,
        height: shown.height,
        action: Action::Copy,
        reason: "the original fits as it is".to_owned(),
        max_rate: None,
    });
    original.into_iter().chain(encoded).collect()
}

fn sounds(facts: &Facts, duration_us: u64) -> Vec<Sound> {
    let mut labels = Labels::new("Sound");
    let audio = (1..).zip(&facts.audio);
    audio
        .map(|(number, audio)| {
            let label = labels.next(number, audio.title.as_deref(), audio.language.as_deref());
            sound(audio, track_name("a", number), label, duration_us)
        })
        .collect()
}

fn captions(facts: &Facts) -> Vec<Words> {
    let mut labels = Labels::new("Captions");
    let captions = (1..).zip(&facts.captions);
    captions
        .map(|(number, words)| Words {
            name: track_name("s", number),
            label: labels.next(number, words.title.as_deref(), words.language.as_deref()),
            language: words.language.clone(),
            forced: words.forced,
        })
        .collect()
}

/// `a`, `a2`, `a3`.
fn track_name(kind: &str, number: u32) -> String {
    if number == 1 {
        kind.to_owned()
    } else {
        format!("{kind}{number}")
    }
}

/// What viewers choose renditions by: players tell them by their names, so no two are alike.
struct Labels {
    usual: &'static str,
    given: Vec<String>,
}

impl Labels {
    fn new(usual: &'static str) -> Self {
        Self {
            usual,
            given: Vec::new(),
        }
    }

    fn next(&mut self, number: u32, title: Option<&str>, language: Option<&str>) -> String {
        let named = || language.map(|language| language::name(language).unwrap_or(language));
        let label = title.or_else(named).unwrap_or(self.usual).to_owned();
        let label = if self.given.contains(&label) {
            format!("{label} {number}")
        } else {
            label
        };
        self.given.push(label.clone());
        label
    }
}

fn sound(audio: &facts::Audio, name: String, label: String, duration_us: u64) -> Sound {
    let (action, reason) = match copy::audio(audio, duration_us) {
        Ok(()) => (Action::Copy, "the original fits as it is".to_owned()),
        Err(reason) => (Action::Encode, reason),
    };
    Sound {
        name,
        label,
        action,
        reason,
        codec: audio.codec.clone(),
        channels: match action {
            Action::Copy => audio.channels,
            Action::Encode => 2,
        },
        language: audio.language.clone(),
        gain: audio.loudness.and_then(loudness::gain),
    }
}

impl Plan {
    /// Frames a second of encoded rungs.
    pub fn frame_rate(&self) -> (u32, u32) {
        self.picture
            .as_ref()
            .map_or((25, 1), |shown| shown.frame_rate)
    }

    /// The segments' starts in a track's own ticks.
    pub fn starts(&self, clock: Clock) -> Vec<i64> {
        let starts = self
            .boundaries_us
            .split_last()
            .map_or(&[][..], |(_, starts)| starts);
        starts.iter().map(|us| clock.of_us(*us)).collect()
    }

    /// The target duration of every playlist: sound ends its segments with a whole frame.
    pub fn target_s(&self) -> u64 {
        const SOUND_FRAME_US: u64 = 32_000;
        let lasting = self.boundaries_us.windows(2).map(|pair| pair[1] - pair[0]);
        target_s(lasting.max().unwrap_or(0) + SOUND_FRAME_US)
    }

    /// Tells whether two plans make the same files.
    pub fn mark(&self) -> String {
        const VERSION: u32 = 1;
        let lists = (&self.boundaries_us, &self.keyframes_us);
        let plan = serde_json::to_string(self).unwrap_or_default();
        let lists = serde_json::to_string(&lists).unwrap_or_default();
        let mut hash = DefaultHasher::new();
        (plan, lists, VERSION, env!("CARGO_PKG_VERSION")).hash(&mut hash);
        format!("{{\"plan\": \"{:016x}\"}}\n", hash.finish())
    }

    pub fn keyframes(&self, clock: Clock) -> Vec<i64> {
        self.keyframes_us
            .iter()
            .map(|us| clock.of_us(*us))
            .collect()
    }

    /// The rungs to be encoded, largest first.
    pub fn encoded(&self) -> &[Rung] {
        let copied = usize::from(self.copied().is_some());
        self.rungs.get(copied..).unwrap_or_default()
    }

    pub fn copied(&self) -> Option<&Rung> {
        self.rungs
            .first()
            .filter(|rung| rung.action == Action::Copy)
    }
}
