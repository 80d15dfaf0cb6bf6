//! Satreel's server. See ARCHITECTURE.md for the house; arrows between these modules point one
//! way: `app → {web, media, payments, catalog, ledger} → core` (held by `tests/arrows.rs`).

pub mod catalog;
pub mod clock;
pub mod core;
pub mod database;
pub mod keys;
pub mod ledger;
pub mod media;
pub mod payments;
pub mod web;
