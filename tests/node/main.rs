//! A real LND with something wrong about it: each fault has its own words, and passes when its
//! cause does.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod bench;
mod doctor;
mod faults;
