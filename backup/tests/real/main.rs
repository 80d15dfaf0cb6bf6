//! The guardian's program on real LND nodes: what it copies, what it outlives, and a node that is
//! gone for good and gets its money back.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod asked;
mod bench;
mod copies;
mod restore;
