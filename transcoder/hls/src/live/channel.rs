//! `channels/<name>.json`: who may go live, and how.
//!
//! Written by the server's commands and studio, read by the transcoder. Holds a stream key's hash
//! only: a key is 128 random bits or more, so one round of SHA-256 is enough.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::journal::Mode;
use crate::title::Tier;

/// The folder of the channels' files, below the site's data.
pub const CHANNELS: &str = "channels";
/// Longest stream key, in bytes.
pub const MAX_KEY: usize = 128;

/// A channel's name: 1 to 32 lower-case letters, digits and inner hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(String);

/// No channel can have this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a channel's name has 1 to 32 lower-case letters, digits and inner hyphens")]
pub struct InvalidChannel;

impl FromStr for ChannelName {
    type Err = InvalidChannel;

    fn from_str(text: &str) -> Result<Self, InvalidChannel> {
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=32).contains(&text.len()) && text.bytes().all(known);
        if !fits || text.starts_with('-') || text.ends_with('-') {
            return Err(InvalidChannel);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ChannelName {
    /// Its file in `channels/`.
    pub fn file(&self) -> String {
        format!("{self}.json")
    }

    /// The channel that a stream key names: `<channel>_<secret>`.
    pub fn of_key(key: &str) -> Option<Self> {
        if key.len() > MAX_KEY {
            return None;
        }
        let (name, secret) = key.split_once('_')?;
        name.parse().ok().filter(|_| !secret.is_empty())
    }
}

/// The contents of a channel's file. Keys that this version does not know are passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelFile {
    /// What viewers read.
    pub name: String,
    /// SHA-256 of the whole stream key: 64 hex digits.
    pub key_sha256: String,
    /// None: the site's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// How long a part of the fast mode is meant to be: 200 to 333.
    #[serde(default = "default_part_ms")]
    pub part_ms: u32,
    /// How long a publisher may be away before the broadcast is over.
    #[serde(default = "default_grace_s")]
    pub grace_s: u32,
    /// How far viewers can go back while it runs.
    #[serde(default = "default_window_s")]
    pub window_s: u32,
    /// Whether the broadcast becomes a title.
    #[serde(default = "default_record")]
    pub record: bool,
    /// Whether that title is for sale at once, or hidden until its creator shows it.
    #[serde(default)]
    pub publish: bool,
    /// What broadcast and title cost. None: what the site offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<Tier>>,
    /// Seconds that every viewer sees for free.
    #[serde(default)]
    pub preview_s: u32,
    /// What else opens broadcasts and recordings: all of the channel's at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<ChannelPass>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// When the next broadcast is meant to begin, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    /// Whether tips and their words are shown on the channel's page.
    #[serde(default)]
    pub tips_on_page: bool,
    /// What tips are collected for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<ChannelGoal>,
    /// SHA-256 of the overlay's whole secret. None: there is no overlay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay_sha256: Option<String>,
}

/// A sum that tips are to come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelGoal {
    /// In whole sat, at least 1.
    pub sat: u64,
    pub words: String,
    /// Tips from then on count, RFC 3339 in UTC.
    pub since: String,
}

/// Everything on one channel, for a time or for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelPass {
    /// The price in whole sat, at least 1.
    pub sat: u64,
    /// How long it lasts from the settlement on. None: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

impl ChannelFile {
    /// A channel with what is usual, and this hash of its key.
    pub fn new(name: String, key_sha256: String) -> Self {
        Self {
            name,
            key_sha256,
            mode: None,
            part_ms: default_part_ms(),
            grace_s: default_grace_s(),
            window_s: default_window_s(),
            record: default_record(),
            publish: false,
            tiers: None,
            preview_s: 0,
            passes: Vec::new(),
            description: String::new(),
            starts_at: None,
            tips_on_page: false,
            goal: None,
            overlay_sha256: None,
        }
    }
}

fn default_part_ms() -> u32 {
    200
}

fn default_grace_s() -> u32 {
    120
}

fn default_window_s() -> u32 {
    600
}

fn default_record() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_channel() {
        for (key, channel) in [
            ("films_0011", Some("films")),
            ("late-night_x_y", Some("late-night")),
            ("films", None),
            ("films_", None),
            ("_0011", None),
            ("../films_0011", None),
            ("-films_1", None),
        ] {
            let found = ChannelName::of_key(key).map(|name| name.to_string());
            assert_eq!(found.as_deref(), channel, "{key}");
        }
        assert_eq!(
            ChannelName::of_key(&format!("films_{}", "0".repeat(MAX_KEY))),
            None
        );
    }

    #[test]
    fn a_channel_needs_a_name_and_a_key_only() {
        let text = r#"{"name": "Films", "key_sha256": "00", "later": 1}"#;
        let channel: ChannelFile = serde_json::from_str(text).expect("a channel");
        assert_eq!(
            (channel.mode, channel.part_ms, channel.grace_s),
            (None, 200, 120)
        );
        assert!(channel.record && !channel.publish);
        assert_eq!(channel, ChannelFile::new("Films".into(), "00".into()));
    }
}
