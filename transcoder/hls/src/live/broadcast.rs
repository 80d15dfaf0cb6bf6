//! `broadcast.json` and `health.json` in a broadcast's folder: how it stands, in words for the
//! studio and in numbers for the server.

use serde::{Deserialize, Serialize};

/// The file's name.
pub const BROADCAST: &str = "broadcast.json";
/// What the ingest doctor says, written anew every second.
pub const HEALTH: &str = "health.json";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A publisher sends.
    Live,
    /// None does, and the grace time runs: "back in a moment".
    Away,
    /// It is over.
    Ended,
}

/// A time without a publisher, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    pub from_ms: u64,
    /// None: it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_ms: Option<u64>,
}

/// The contents of `broadcast.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroadcastFile {
    /// Whose it is: the name of a file in `channels/`.
    pub channel: String,
    pub standing: Standing,
    pub started_ms: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outages: Vec<Outage>,
    /// Why nothing is recorded any more, in words. None: all of it is, if the channel wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrecorded: Option<String>,
}

/// What the uplink is like. Rates are of the last seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HealthFile {
    pub kbit_s: u64,
    /// Frames in a thousand seconds.
    pub frames_ks: u64,
    pub keyframes_apart_ms: u64,
    pub dropped_frames: u64,
    pub late_frames: u64,
    /// How much later the sound is than the picture.
    pub drift_ms: i64,
    pub jitter_ms: u64,
    /// The smaller pictures that are to be made of it, largest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rungs: Vec<RungHealth>,
    /// One plain sentence a fault, worst first.
    pub says: Vec<String>,
}

/// How one smaller picture of the broadcast is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RungHealth {
    /// Its name in the playlists.
    pub track: String,
    /// False: who asks for it gets the publisher's own picture.
    pub made: bool,
    /// Why it is not made any more, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<String>,
}
