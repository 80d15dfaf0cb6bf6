//! How pictures are encoded: `rungs`, `crf` and `preset` of `[transcoder]`.

use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use crate::{fault::Problem, section::Section, value};

/// Smaller pictures of one broadcast.
pub const MOST_LIVE_RUNGS: usize = 4;
const MOST_RUNGS: usize = 8;
const SMALLEST: u32 = 96;
const LARGEST: u32 = 2160;

/// The sizes a film is offered in, and what is spent on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    /// Short sides of the picture in pixels, even, largest first.
    pub rungs: Vec<u32>,
    /// x264's constant rate factor: less is better and larger. Bit rates are capped whatever it is.
    pub crf: u32,
    pub preset: Preset,
}

impl Default for Ladder {
    fn default() -> Self {
        Self {
            rungs: vec![1080, 720, 480, 360, 240],
            crf: 23,
            preset: Preset::default(),
        }
    }
}

/// x264's presets: time for size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    Ultrafast,
    Superfast,
    #[default]
    Veryfast,
    Faster,
    Fast,
    Medium,
    Slow,
}

const PRESETS: [(&str, Preset); 7] = [
    ("ultrafast", Preset::Ultrafast),
    ("superfast", Preset::Superfast),
    ("veryfast", Preset::Veryfast),
    ("faster", Preset::Faster),
    ("fast", Preset::Fast),
    ("medium", Preset::Medium),
    ("slow", Preset::Slow),
];

impl Preset {
    /// As x264 calls it.
    pub fn name(self) -> &'static str {
        let known = PRESETS.iter().find(|(_, preset)| *preset == self);
        known.map_or("veryfast", |(name, _)| name)
    }
}

pub(crate) fn ladder(section: &Section<'_>) -> Ladder {
    let usual = Ladder::default();
    Ladder {
        rungs: section.get("rungs", &rungs).unwrap_or(usual.rungs),
        crf: section
            .get("crf", &value::number(15..=35))
            .unwrap_or(usual.crf),
        preset: section
            .get("preset", &value::word(&PRESETS))
            .unwrap_or_default(),
    }
}

/// Of a broadcast; an empty list is what is usual.
pub(crate) fn live_rungs(value: &DeValue<'_>) -> Result<Vec<u32>, Problem> {
    if value.as_array().is_some_and(|list| list.is_empty()) {
        return Ok(Vec::new());
    }
    let found = rungs(value)?;
    if found.len() > MOST_LIVE_RUNGS {
        return Err(Problem::new(
            format!("{} sizes", found.len()),
            format!("a broadcast has {MOST_LIVE_RUNGS} smaller pictures at the most: write fewer"),
        ));
    }
    Ok(found)
}

fn rungs(value: &DeValue<'_>) -> Result<Vec<u32>, Problem> {
    let wrong = |what: String| {
        Problem::new(
            what,
            format!(
                "write one to {MOST_RUNGS} even numbers from {SMALLEST} to {LARGEST}, for example [1080, 720, 480]"
            ),
        )
    };
    let list = value
        .as_array()
        .ok_or_else(|| wrong("a list of sizes is wanted here".to_owned()))?;
    if list.is_empty() || list.len() > MOST_RUNGS {
        return Err(wrong(format!("{} sizes", list.len())));
    }
    let read = value::number(SMALLEST..=LARGEST);
    let mut rungs = Vec::new();
    for item in list {
        let short = read(item.get_ref())?;
        if short % 2 == 1 || rungs.contains(&short) {
            return Err(wrong(format!("{short} is odd or there twice")));
        }
        rungs.push(short);
    }
    rungs.sort_unstable_by(|one, other| other.cmp(one));
    Ok(rungs)
}
