//! One title as the server uses it, checked; and what is wrong with a file that fails the check.

use std::{fmt, num::NonZeroU64, sync::Arc};

use satreel_hls::title::{State, TitleFile};

use super::offers::Offers;
use crate::core::{
    ids::VideoId,
    offer::{self, Offer, TierKind},
    tag::TagId,
    time::Timestamp,
};

pub(super) const MAX_NAME: usize = 200;
pub(super) const MAX_DESCRIPTION: usize = 10_000;
const MAX_TAGS: usize = 32;
const MAX_TAG: usize = 64;

/// A title. Texts have no spare capacity: there may be thousands.
#[derive(Debug, Clone, PartialEq)]
pub struct Title {
    pub id: VideoId,
    pub name: Box<str>,
    pub description: Box<str>,
    pub year: Option<u16>,
    pub tags: Box<[Box<str>]>,
    pub state: State,
    /// Its own tiers, or the site's.
    pub offer: Arc<Offer>,
    /// Seconds from the start that are free to everybody.
    pub preview_s: u32,
    pub duration_s: Option<f64>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub created_at: Timestamp,
    pub beside: Beside,
}

/// What lies beside the film for those who look at it. A file that can be replaced has a version,
/// which changes with it; None: there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Beside {
    pub poster: Option<NonZeroU64>,
    pub hover: Option<NonZeroU64>,
    pub waveform: Option<NonZeroU64>,
    pub chapters: bool,
    pub storyboard: bool,
}

/// What is wrong with a `title.json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TitleFault {
    pub id: VideoId,
    /// Counted from 1. None: the fault lies with the whole file.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub what: String,
}

impl fmt::Display for TitleFault {
    /// `titles/<id>/title.json:7: a price is …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/title.json:", super::TITLES, self.id)?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.what)
    }
}

/// What the folder says besides `title.json`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    pub(super) modified: Timestamp,
    pub(super) beside: Beside,
}

/// Why a file is refused: the key whose line is shown, and words.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("\"{key}\" is empty: write something")]
    Empty { key: &'static str },
    #[error("\"{key}\" is {length} characters long: at most {most} fit")]
    Long {
        key: &'static str,
        length: usize,
        most: usize,
    },
    #[error("{0} tags: at most {MAX_TAGS} fit")]
    Tags(usize),
    #[error("\"duration_s\" is no length of time")]
    Duration,
    #[error("\"created_at\" is no time such as 2026-01-31T12:00:00Z")]
    CreatedAt,
    #[error("a pass is sold by the whole site: set it under [offers] in the configuration")]
    Pass,
    #[error("{0}")]
    Offer(#[from] offer::Error),
}

impl Refusal {
    fn key(&self) -> &'static str {
        match self {
            Self::Empty { key } | Self::Long { key, .. } => key,
            Self::Tags(_) => "tags",
            Self::Duration => "duration_s",
            Self::CreatedAt => "created_at",
            Self::Pass | Self::Offer(_) => "tiers",
        }
    }
}

impl Title {
    /// Whether it belongs to this tag's collection.
    pub fn has_tag(&self, wanted: TagId) -> bool {
        self.tags.iter().any(|tag| TagId::of(tag) == wanted)
    }

    /// Reads and checks the contents of a `title.json`.
    pub(super) fn parse(
        id: VideoId,
        text: &[u8],
        around: Surroundings,
        offers: &Offers,
    ) -> Result<Self, TitleFault> {
        let file: TitleFile = serde_json::from_slice(text).map_err(|error| TitleFault {
            id,
            line: (error.line() > 0).then(|| error.line()),
            what: words(&error),
        })?;
        Self::from_file(id, file, around, offers).map_err(|refusal| TitleFault {
            id,
            line: line_of(refusal.key(), text),
            what: refusal.to_string(),
        })
    }

    fn from_file(
        id: VideoId,
        file: TitleFile,
        around: Surroundings,
        offers: &Offers,
    ) -> Result<Self, Refusal> {
        if file.name.trim().is_empty() {
            return Err(Refusal::Empty { key: "name" });
        }
        fits("name", &file.name, MAX_NAME)?;
        fits("description", &file.description, MAX_DESCRIPTION)?;
        if file.tags.len() > MAX_TAGS {
            return Err(Refusal::Tags(file.tags.len()));
        }
        file.tags
            .iter()
            .try_for_each(|tag| fits("tags", tag, MAX_TAG))?;
        if file
            .duration_s
            .is_some_and(|seconds| !seconds.is_finite() || seconds < 0.0)
        {
            return Err(Refusal::Duration);
        }
        Ok(Self {
            id,
            year: file.year,
            state: file.state,
            offer: offers.of(own_offer(&file)?),
            preview_s: file.preview_s,
            duration_s: file.duration_s,
            width: file.width,
            height: file.height,
            created_at: created_at(&file.created_at, around.modified)?,
            beside: around.beside,
            name: file.name.into(),
            description: file.description.into(),
            tags: file.tags.into_iter().map(Box::from).collect(),
        })
    }
}

/// What is wrong with a `title.json` that somebody means to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// None: it lies with the whole file.
    pub key: Option<&'static str>,
    pub what: String,
}

/// Whether the catalogue would take this in.
pub fn check(text: &[u8]) -> Result<(), Wrong> {
    if text.len() as u64 > super::MAX_TITLE_BYTES {
        return Err(Wrong {
            key: None,
            what: "longer than 64 KB".to_owned(),
        });
    }
    let file: TitleFile = serde_json::from_slice(text).map_err(|error| Wrong {
        key: None,
        what: words(&error),
    })?;
    let around = Surroundings {
        modified: Timestamp::default(),
        beside: Beside::default(),
    };
    let nobody = VideoId::from_bytes([0; 8]);
    let title = Title::from_file(nobody, file, around, &Offers::new(Offer::default()));
    title.map(drop).map_err(|refusal| Wrong {
        key: Some(refusal.key()),
        what: refusal.to_string(),
    })
}

fn fits(key: &'static str, text: &str, most: usize) -> Result<(), Refusal> {
    // Bytes first: counting characters is only needed near the limit.
    let length = if text.len() > most {
        text.chars().count()
    } else {
        0
    };
    if length > most {
        return Err(Refusal::Long { key, length, most });
    }
    Ok(())
}

fn own_offer(file: &TitleFile) -> Result<Option<Offer>, Refusal> {
    let Some(tiers) = &file.tiers else {
        return Ok(None);
    };
    if tiers.iter().any(|tier| tier.tier == TierKind::Pass) {
        return Err(Refusal::Pass);
    }
    Ok(Some(Offer::from_file(tiers)?))
}

fn created_at(text: &str, fallback: Timestamp) -> Result<Timestamp, Refusal> {
    if text.is_empty() {
        return Ok(fallback);
    }
    let moment: jiff::Timestamp = text.parse().map_err(|_| Refusal::CreatedAt)?;
    let seconds = u64::try_from(moment.as_second()).map_err(|_| Refusal::CreatedAt)?;
    Ok(Timestamp::from_unix(seconds))
}

/// serde's words without the position, which stands in the fault's own field.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Where a key is written.
fn line_of(key: &str, text: &[u8]) -> Option<usize> {
    let at = memchr::memmem::find(text, format!("\"{key}\"").as_bytes())?;
    Some(1 + memchr::memchr_iter(b'\n', &text[..at]).count())
}
