//! The titles on disk, `<data>/titles/<id>/title.json`, kept in memory and watched.
//!
//! Owns the reading and checking of `title.json` and the storefront's order and search. Does not
//! own the media files beside it (the gate serves them) nor who may watch. An edit by hand takes
//! effect at once; a broken file leaves the last good version standing and shows as a fault.

pub mod channels;
mod dearest;
mod offers;
mod query;
mod read;
mod snapshot;
mod title;
mod watch;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::RwLock;
use tokio::sync::watch as channel;

pub use query::{Page, Query};
pub use title::{Beside, Title, TitleFault, Wrong, check};

use crate::core::{ids::VideoId, money::Sats, offer::Offer};
pub use channels::{Channel, Channels};
use dearest::{Dearest, Of};
use offers::Offers;
use snapshot::Snapshot;
use watch::Watch;

/// Folder of the titles inside the data folder.
pub const TITLES: &str = "titles";
/// Longest `title.json`, in bytes.
pub const MAX_TITLE_BYTES: u64 = 64 * 1024;

/// All titles of a site. Dropping it ends the watch.
#[derive(Debug)]
pub struct Catalog {
    shared: Arc<Shared>,
    _watch: Watch,
}

/// What readers and the watch share.
#[derive(Debug)]
struct Shared {
    titles: PathBuf,
    offers: Offers,
    current: RwLock<Arc<Snapshot>>,
    version: channel::Sender<u64>,
    dearest: Dearest,
}

impl Catalog {
    /// Loads every title; the watches follow in the background, and nothing that happens
    /// meanwhile is lost. `defaults` are the site's own tiers (without a site-wide pass).
    pub fn open(data: &Path, defaults: Offer) -> io::Result<Self> {
        let titles = data.join(TITLES);
        std::fs::create_dir_all(&titles)?;
        let offers = Offers::new(defaults);
        let readings = read::all(&titles, &offers)?;
        let mut marks = read::Marks::default();
        let snapshot = Snapshot::default().with(readings, &mut marks);
        let dearest = Dearest::default();
        dearest.set(Of::Titles, snapshot.dearest(&offers.usual));
        let shared = Arc::new(Shared {
            titles,
            dearest,
            offers,
            current: RwLock::new(Arc::new(snapshot)),
            version: channel::Sender::new(0),
        });
        let watch = watch::start(Arc::clone(&shared), marks)?;
        Ok(Self {
            shared,
            _watch: watch,
        })
    }

    /// A title in whatever state; None: there is none, or its file was never right.
    pub fn get(&self, id: &VideoId) -> Option<Arc<Title>> {
        self.snapshot().titles.get(id).cloned()
    }

    /// One page of the published titles that match, newest first.
    pub fn list(&self, query: &Query) -> Page {
        query.run(&self.snapshot().listed)
    }

    /// What a title without tiers of its own offers.
    pub fn usual_offer(&self) -> Arc<Offer> {
        Arc::clone(&self.shared.offers.usual)
    }

    /// Every title, in whatever state, newest first: the studio's list.
    pub fn all(&self) -> Vec<Arc<Title>> {
        let mut all: Vec<_> = self.snapshot().titles.values().cloned().collect();
        snapshot::newest_first(&mut all);
        all
    }

    /// The `title.json` files that are wrong now.
    pub fn faults(&self) -> Vec<TitleFault> {
        self.snapshot().faults.values().cloned().collect()
    }

    /// A number that grows with every change that was taken in.
    pub fn changed(&self) -> channel::Receiver<u64> {
        self.shared.version.subscribe()
    }

    /// The channels of the same site; their prices count among [`Catalog::dearest`].
    pub fn channels(&self, data: &Path) -> Channels {
        Channels::telling(data, self.shared.dearest.clone())
    }

    /// The highest price that is asked: by the site's own tiers, by a title that is for sale or by a
    /// channel. None: all is free.
    pub fn dearest(&self) -> channel::Receiver<Option<Sats>> {
        self.shared.dearest.receiver()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shared.current.read())
    }
}

/// [`Catalog::dearest`] of a data folder that another process serves: looked at once, nothing is
/// written or watched.
pub fn dearest_on_disk(data: &Path, defaults: Offer) -> io::Result<Option<Sats>> {
    let offers = Offers::new(defaults);
    let readings = match read::all(&data.join(TITLES), &offers) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        readings => readings?,
    };
    let snapshot = Snapshot::default().with(readings, &mut read::Marks::default());
    let channels = channels::dearest_on_disk(data);
    Ok(snapshot.dearest(&offers.usual).max(channels))
}

#[cfg(test)]
mod tests;
