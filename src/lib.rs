//! Satreel's server. See ARCHITECTURE.md for the house; arrows between these modules point one
//! way: `app → {web, media, payments, catalog, ledger} → core` (held by `tests/arrows.rs`).

pub mod admission;
pub mod app;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod core;
pub mod database;
pub mod doctor;
pub mod event_stream;
mod file_watch;
pub mod keys;
pub mod ledger;
pub mod media;
pub mod metrics;
pub mod outages;
pub mod payments;
pub mod sale;
pub mod server;
mod service;
mod small_file;
pub mod studio;
pub mod web;
