//! A test tool, not a part of Satreel: what a disk may hold after the power was cut.
//!
//! A real program runs under strace, which writes down what it does to the files of one folder. From that
//! follow the states that a disk may be in if the power is cut after any of these calls:
//!
//! - What a file holds is sure from the end of an `fsync` of it on. Writes since then may all be there, or
//!   none, or some in any order, or half of one.
//! - That a name is in a folder, or no longer, is sure from the end of an `fsync` of the folder on. Changes
//!   of names since then may be there up to any of them: file systems keep their order, and none of them
//!   leaves half a rename.
//! - Nothing of a file makes its name sure, and nothing of its name what it holds.
//!
//! That is less than today's Linux file systems promise, and no more than POSIX does. Not seen: writes by
//! `mmap`, which a recording refuses (but for SQLite's `-shm`, which is no part of the data).

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test may stop where it stands"
)]

mod call;
mod disk;
mod folders;
mod recorder;
mod recording;

pub use recorder::Recorder;
pub use recording::{Recording, State};
