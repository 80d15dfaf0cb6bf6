//! What the supervisor and its workers both know of a film: its container, the facts, the plan, the
//! faults, the words between them, the confinement, and MP4 as it is written.
//!
//! Knows no FFmpeg, so that only the worker's program has to load it.

pub mod adts;
pub mod fault;
pub mod fmp4;
pub mod folder;
pub mod magic;
pub mod plan;
pub mod protocol;
pub mod rungs;
pub mod sandbox;
