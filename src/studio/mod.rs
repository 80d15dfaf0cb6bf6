//! The creator's side, without HTTP: who may come in, and what he may change.
//!
//! Owns entry to the studio ([`entrance`]). Knows no request and no answer: those are `web`'s.

pub mod entrance;

use entrance::Entrance;

/// What the studio's pages and programs work with.
#[derive(Debug)]
pub struct Studio {
    pub entrance: std::sync::Arc<Entrance>,
}
