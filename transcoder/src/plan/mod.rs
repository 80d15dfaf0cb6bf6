//! Decides what becomes of a film: which rungs, copied or encoded and why, cut where.
//!
//! Pure: facts in, plan out. The worker carries it out, `inspect` prints it, and the same file
//! always gives the same plan, which is what lets a broken job be repeated.

pub(crate) mod clock;
mod copy;
pub(crate) mod cuts;
pub(crate) mod facts;
mod ladder;

use serde::{Deserialize, Serialize};

use clock::Clock;
use facts::{Facts, Video};
use ladder::Size;

use crate::fault::Fault;

/// How much of the start is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Preview {
    /// Asked for by name: the film is made so that it can be cut near there.
    Exactly(u32),
    /// The site's usual preview, but at most a third of the film.
    Usual(u32),
}

/// Copied as it is, or made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Copy,
    Encode,
}

/// One picture quality of the title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rung {
    /// The track's name: `v720`.
    pub(crate) name: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) action: Action,
    pub(crate) reason: String,
    /// Bits a second at most, of an encoded rung.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_rate: Option<u32>,
}

/// The sound of the title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sound {
    pub(crate) action: Action,
    pub(crate) reason: String,
    pub(crate) codec: String,
    pub(crate) channels: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<String>,
}

/// What is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// The picture as shown.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) frame_rate: (u32, u32),
    pub(crate) video_codec: String,
    pub(crate) duration_us: u64,
    pub(crate) preview_s: u32,
    /// Largest first.
    pub(crate) rungs: Vec<Rung>,
    pub(crate) sound: Option<Sound>,
    /// Times of segments' starts from 0, and the film's end.
    #[serde(skip)]
    pub(crate) boundaries_us: Vec<u64>,
    /// Times of keyframes of encoded rungs.
    #[serde(skip)]
    pub(crate) keyframes_us: Vec<u64>,
}

const LONGEST_FILM_US: u64 = 24 * 3600 * 1_000_000;
const MOST_PIXELS: u64 = 8192 * 4352;

/// Decides everything about a film.
pub(crate) fn plan(facts: &Facts, preview: Preview) -> Result<Plan, Fault> {
    let video = &facts.video;
    let duration_us = video.clock.us(video.end);
    check_bounds(video, duration_us)?;
    let (preview_s, explicit_us) = resolve_preview(preview, duration_us);
    let copied = copy::video(video, explicit_us);
    let shown = shown_size(video);
    let free_until = Some(u64::from(preview_s) * 1_000_000);
    let candidates = candidates(video, copied.is_ok(), free_until);
    let boundaries_us = cuts::boundaries(&candidates, duration_us, free_until);
    Ok(Plan {
        width: shown.width,
        height: shown.height,
        frame_rate: video.frame_rate,
        video_codec: video.codec.clone(),
        duration_us,
        preview_s,
        rungs: rungs(video, shown, copied),
        sound: facts.audio.as_ref().map(|audio| sound(audio, duration_us)),
        keyframes_us: cuts::keyframes(&candidates, &boundaries_us),
        boundaries_us,
    })
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
    if duration_us > LONGEST_FILM_US {
        return too_large("it lasts more than 24 hours");
    }
    if u64::from(video.width) * u64::from(video.height) > MOST_PIXELS {
        return too_large("more than 8K pixels");
    }
    if video.width < 16 || video.height < 16 {
        return too_large("less than 16 pixels wide or high");
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
fn candidates(video: &Video, copied: bool, preview_us: Option<u64>) -> Vec<u64> {
    let us = |ticks: &i64| video.clock.us(*ticks);
    match &video.h264 {
        Some(h264) if copied => h264.idrs.iter().map(us).collect(),
        _ => {
            let frames: Vec<u64> = video.frames.iter().map(us).collect();
            cuts::grid(&frames, preview_us)
        }
    }
}

fn rungs(video: &Video, shown: Size, copied: Result<(), String>) -> Vec<Rung> {
    let is_copied = copied.is_ok();
    let top_reason = copied.err().unwrap_or_default();
    let encoded = ladder::encoded(shown, is_copied).into_iter().enumerate();
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
        max_rate: Some(ladder::max_rate(size, frames_a_second(video))),
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

fn frames_a_second(video: &Video) -> f64 {
    f64::from(video.frame_rate.0) / f64::from(video.frame_rate.1.max(1))
}

fn sound(audio: &facts::Audio, duration_us: u64) -> Sound {
    let (action, reason) = match copy::audio(audio, duration_us) {
        Ok(()) => (Action::Copy, "the original fits as it is".to_owned()),
        Err(reason) => (Action::Encode, reason),
    };
    Sound {
        action,
        reason,
        codec: audio.codec.clone(),
        channels: match action {
            Action::Copy => audio.channels,
            Action::Encode => 2,
        },
        language: audio.language.clone(),
    }
}

impl Plan {
    /// The segments' starts in a track's own ticks.
    pub(crate) fn starts(&self, clock: Clock) -> Vec<i64> {
        let starts = self
            .boundaries_us
            .split_last()
            .map_or(&[][..], |(_, starts)| starts);
        starts.iter().map(|us| clock.of_us(*us)).collect()
    }

    pub(crate) fn keyframes(&self, clock: Clock) -> Vec<i64> {
        self.keyframes_us
            .iter()
            .map(|us| clock.of_us(*us))
            .collect()
    }

    pub(crate) fn encoded(&self) -> impl Iterator<Item = &Rung> {
        self.rungs
            .iter()
            .filter(|rung| rung.action == Action::Encode)
    }

    pub(crate) fn copied(&self) -> Option<&Rung> {
        self.rungs.iter().find(|rung| rung.action == Action::Copy)
    }
}
