//! Films in, titles out: the real program on small real files, checked by ffprobe and ffmpeg.

#![allow(
    clippy::expect_used,
    reason = "a test that cannot go on is to fail there"
)]

mod doctor;
mod faults;
mod films;
mod hostile;
mod jobs;
mod live;
mod look;
mod matrix;
mod picture;
mod poster;
mod power;
mod rig;
mod service;
mod sound;
mod sync;
mod verify;
mod watch_folder;
mod wishes;
mod words;
