//! `title.json`: what a creator sells, beside the media files it describes.
//!
//! The transcoder writes it once with what it measured; from then on it is the creator's, edited
//! in the studio or by hand. Unknown keys are kept out of the way of later versions by being
//! ignored, but a wrong value is a fault with a line.

use serde::{Deserialize, Serialize};

/// Where a title stands. `Live` and `Scheduled` belong to broadcasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    #[default]
    Processing,
    Published,
    Hidden,
    Live,
    Scheduled,
}

/// What kind of access a tier sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TierKind {
    /// This title for some hours from the payment on.
    Rent,
    /// This title for ever.
    Own,
    /// Every title of the site, for some hours or (without hours) for ever.
    Pass,
}

/// One line of an offer as written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    pub tier: TierKind,
    /// The price in whole sat, at least 1.
    pub sat: u64,
    /// How long the access lasts from the settlement on. None: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

/// The contents of `title.json`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TitleFile {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What is for sale. An empty list: the title is free. Absent: the site's own offers apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<Tier>>,
    /// How many seconds from the start are free to everybody.
    #[serde(default)]
    pub preview_s: u32,
    #[serde(default)]
    pub state: State,
    /// When it came in, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub created_at: String,
    /// Measured by the transcoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// The picture as shown (rotation and pixel aspect applied), in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// The file that a title was made of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Source {
    pub file_name: String,
    pub bytes: u64,
    /// 64 hex digits.
    pub sha256: String,
}
