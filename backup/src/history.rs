//! The encrypted history on this machine: what every destination is brought up to.

use std::path::Path;

use jiff::SignedDuration;
use satreel_config::Place;
use satreel_destinations::{Destination, open, prepare};

use crate::{
    clock::Clock,
    error::{Error, Result},
    name::{Copy, Kind},
    retention::expired,
};

/// Below the guardian's folder.
pub const FOLDER: &str = "history";

#[derive(Debug)]
pub struct History {
    folder: Box<dyn Destination>,
    clock: Clock,
    keep: SignedDuration,
}

impl History {
    /// Makes the folder if there is none.
    pub async fn open(guardian: &Path, clock: Clock, keep: SignedDuration) -> Result<Self> {
        let path = guardian.join(FOLDER);
        let place = Place::Folder { path };
        prepare(&place).await?;
        Ok(Self {
            folder: open(&place)?,
            clock,
            keep,
        })
    }

    /// Writes a copy, whole or not at all, and lets go what is too old.
    pub async fn add(&self, kind: Kind, empty: bool, sealed: &[u8]) -> Result<Copy> {
        let mut copies = self.copies().await?;
        let before = copies.iter().filter(|copy| copy.kind == kind).max();
        let copy = Copy::new(kind, self.clock.now(), before.map(|copy| copy.at), empty);
        self.folder.put(&name(&copy)?, sealed).await?;
        copies.push(copy);
        self.prune(self.folder.as_ref(), &copies).await?;
        Ok(copy)
    }

    pub async fn copies(&self) -> Result<Vec<Copy>> {
        copies(self.folder.as_ref()).await
    }

    pub async fn read(&self, copy: &Copy) -> Result<Vec<u8>> {
        Ok(self.folder.get(&name(copy)?).await?)
    }

    /// Removes what is too old of `copies`, there.
    pub async fn prune(&self, there: &dyn Destination, copies: &[Copy]) -> Result<usize> {
        let expired = expired(copies, self.clock.now(), self.keep);
        for copy in &expired {
            there.remove(&name(copy)?).await?;
        }
        Ok(expired.len())
    }

    /// Whether a copy of that age is too old to be worth a way.
    pub fn is_expired(&self, copy: &Copy, among: &[Copy]) -> bool {
        expired(among, self.clock.now(), self.keep).contains(copy)
    }
}

/// The copies at a place, in the order of their names; other files are left out.
pub async fn copies(place: &dyn Destination) -> Result<Vec<Copy>> {
    let entries = place.list().await?;
    Ok(entries
        .iter()
        .filter_map(|entry| Copy::of(&entry.name))
        .collect())
}

pub fn name(copy: &Copy) -> Result<satreel_destinations::Name> {
    copy.name().ok_or_else(|| Error::Name(copy.to_string()))
}
