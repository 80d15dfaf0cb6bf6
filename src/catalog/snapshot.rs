//! All titles at one moment. Readers hold one while the next is made.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use satreel_hls::title::State;

use super::{
    read::{Found, Marks, Reading},
    title::{Title, TitleFault},
};
use crate::core::{
    ids::VideoId,
    money::Sats,
    offer::{Offer, Tier},
};

#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    pub(super) titles: HashMap<VideoId, Arc<Title>>,
    /// The published ones, newest first.
    pub(super) listed: Vec<Arc<Title>>,
    pub(super) faults: BTreeMap<VideoId, TitleFault>,
}

impl Snapshot {
    /// The next snapshot: this one with what was just read. A broken file changes nothing but the
    /// faults, so the last good version stays; each fault is logged once.
    pub(super) fn with(mut self, readings: Vec<Reading>, marks: &mut Marks) -> Self {
        for Reading { id, mark, found } in readings {
            match mark {
                Some(mark) => marks.insert(id, mark),
                None => marks.remove(&id),
            };
            match found {
                Found::Good(title) => {
                    if self.faults.remove(&id).is_some() {
                        tracing::info!(%id, "title.json is in order again");
                    }
                    self.titles.insert(id, Arc::new(title));
                }
                Found::Broken(fault) => {
                    if self.faults.get(&id) != Some(&fault) {
                        tracing::warn!(%fault, "a title's file is wrong: its last good version stays");
                        self.faults.insert(id, fault);
                    }
                }
                Found::Nothing => {
                    self.faults.remove(&id);
                    self.titles.remove(&id);
                }
            }
        }
        self.listed = self
            .titles
            .values()
            .filter(|title| is_listed(title.state))
            .cloned()
            .collect();
        newest_first(&mut self.listed);
        self
    }

    /// The highest price, the site's own offer included.
    pub(super) fn dearest(&self, defaults: &Offer) -> Option<Sats> {
        let sold = self.titles.values().filter(|title| is_sold(title.state));
        let offers = sold.map(|title| &*title.offer).chain([defaults]);
        offers.flat_map(Offer::tiers).map(Tier::price).max()
    }
}

fn is_sold(state: State) -> bool {
    match state {
        State::Published | State::Live | State::Scheduled => true,
        State::Processing | State::Hidden => false,
    }
}

fn is_listed(state: State) -> bool {
    match state {
        State::Published => true,
        State::Processing | State::Hidden | State::Live | State::Scheduled => false,
    }
}

pub(super) fn newest_first(titles: &mut [Arc<Title>]) {
    titles.sort_unstable_by_key(|title| (Reverse(title.created_at), title.id));
}
