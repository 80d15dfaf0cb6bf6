//! Live: RTMP in, low-latency HLS out, without decoding.
//!
//! A frame's way: [`server`] reads a [`wire`], [`rtmp`] makes messages of its bytes, [`gate`] lets
//! through what can go on air, [`house`] knows whose broadcast it is, [`segmenter`] makes parts and
//! segments, [`ladder`] has smaller pictures made of them, [`folder`] writes them and then the journal. [`recording`] is what remains.
//! Owns `live/<id>/` and the recordings beside the titles; holds no secret: keys come as hashes.

mod aac;
mod broadcast;
pub(crate) mod film;
pub(crate) mod flv;
mod folder;
pub(crate) mod gate;
mod health;
mod house;
mod key;
mod ladder;
mod master;
mod mend;
mod patience;
mod recording;
mod refusal;
mod rest;
pub(crate) mod rtmp;
pub(crate) mod segmenter;
mod server;
pub(crate) mod sps;
mod still;
mod wire;

pub(crate) use server::start;
