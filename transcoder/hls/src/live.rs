//! A broadcast while it runs: what its folder `live/<id>/` says, and the playlists made of it.
//!
//! The transcoder appends [`journal`] lines, one as each file is whole under its final name;
//! whoever serves replays them into a [`Window`] and renders playlists when somebody asks. A
//! restart of either is a replay. Low-latency HLS as in RFC 8216bis.
//!
//! - [`journal`][]: the lines
//! - [`checkpoint`][]: the lines in short, for a journal of hours
//! - [`window`][]: what they add up to
//! - [`render`][]: playlists, whole or as delta updates
//! - [`reload`][]: whether a reload is answered now, later or never
//! - [`broadcast`][]: `broadcast.json` and `health.json`, for server and studio
//! - [`channel`][]: `channels/<name>.json`

pub mod broadcast;
pub mod channel;
pub mod checkpoint;
pub mod journal;
pub mod reload;
pub mod render;
pub mod window;

pub use journal::{Event, Header, Mode, Place};
pub use reload::{Answer, Ask};
pub use render::{GAP, View};
pub use window::Window;

/// The journal's name in a broadcast's folder.
pub const JOURNAL: &str = "journal";
