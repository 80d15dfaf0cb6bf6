//! One suite, run against every kind of destination: on a real folder, and on real servers.

#![allow(clippy::expect_used, reason = "a test may stop where it stands")]

mod folder;
mod s3;
mod sftp;
mod suite;
