//! One destination, brought up to the history: what it lacks is written, newest first, read back
//! and compared. Whatever it missed while it was away it gets in the same way.

use std::cmp::Reverse;

use jiff::Timestamp;
use satreel_destinations::Destination;

use crate::{
    error::{Error, Result},
    history::{History, copies, name},
    name::{Copy, Kind},
};

/// A destination and what the configuration calls it.
#[derive(Debug)]
pub struct Place {
    pub name: String,
    pub there: Box<dyn Destination>,
}

/// How a destination stands after it was brought up to the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// When its newest channel backup was made, which was read back.
    pub channels: Option<Timestamp>,
    pub site: Option<Timestamp>,
    /// How many copies were written, all of them read back.
    pub written: usize,
    /// How many were too old.
    pub removed: usize,
}

/// What a look at all copies of a destination found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    pub compared: usize,
    /// In the history and not there.
    pub missing: Vec<Copy>,
    /// There, and not the same.
    pub differ: Vec<Copy>,
}

impl Place {
    /// Writes what is missing, and what has not the size it should have; confirms the newest of each
    /// kind; removes what is too old.
    pub async fn bring_up(&self, history: &History) -> Result<Standing> {
        let mut ours = history.copies().await?;
        // Newest first, channels before all: should it go away again, it has what counts.
        ours.sort_by_key(|copy| (copy.kind, Reverse(copy.at)));
        let mut standing = Standing::default();
        let mut theirs = copies(self.there.as_ref()).await?;
        for copy in &ours {
            if theirs.contains(copy) || history.is_expired(copy, &ours) {
                continue;
            }
            self.write(history, copy).await?;
            theirs.push(*copy);
            standing.written += 1;
        }
        standing.channels = self.confirm(history, &ours, Kind::Channels).await?;
        standing.site = self.confirm(history, &ours, Kind::Site).await?;
        standing.removed = history.prune(self.there.as_ref(), &theirs).await?;
        Ok(standing)
    }

    /// Compares every copy that the history has.
    pub async fn look(&self, history: &History) -> Result<Looked> {
        let theirs = copies(self.there.as_ref()).await?;
        let mut looked = Looked::default();
        let ours = history.copies().await?;
        for copy in &ours {
            if !theirs.contains(copy) {
                if !history.is_expired(copy, &ours) {
                    looked.missing.push(*copy);
                }
            } else if self.is_same(history, copy).await? {
                looked.compared += 1;
            } else {
                looked.differ.push(*copy);
            }
        }
        Ok(looked)
    }

    async fn write(&self, history: &History, copy: &Copy) -> Result<()> {
        let sealed = history.read(copy).await?;
        let name = name(copy)?;
        self.there.put(&name, &sealed).await?;
        if self.there.get(&name).await? == sealed {
            return Ok(());
        }
        // It must not stand there as if it were a copy; that it can't be removed changes nothing.
        let _ = self.there.remove(&name).await;
        let place = self.there.describe();
        Err(Error::Differs { place, name })
    }

    /// Reads the newest copy back; one that was damaged there is written again.
    async fn confirm(
        &self,
        history: &History,
        ours: &[Copy],
        kind: Kind,
    ) -> Result<Option<Timestamp>> {
        let newest = ours.iter().filter(|copy| copy.kind == kind).max();
        let Some(newest) = newest else {
            return Ok(None);
        };
        if !self.is_same(history, newest).await? {
            tracing::warn!(
                destination = self.name,
                "{newest} was damaged there and is written again"
            );
            self.write(history, newest).await?;
        }
        Ok(Some(newest.at))
    }

    async fn is_same(&self, history: &History, copy: &Copy) -> Result<bool> {
        let ours = history.read(copy).await?;
        let theirs = self.there.get(&name(copy)?).await?;
        Ok(ours == theirs)
    }
}
