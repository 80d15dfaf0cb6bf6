//! The highest price that is asked anywhere: by titles, by the site's own offer, by channels. What a
//! node must be able to receive.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::core::money::Sats;

/// Who asks it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Titles,
    Channels,
}

/// Shared by those who ask.
#[derive(Debug, Clone)]
pub(super) struct Dearest(Arc<State>);

#[derive(Debug)]
struct State {
    asked: Mutex<[Option<Sats>; 2]>,
    told: watch::Sender<Option<Sats>>,
}

impl Default for Dearest {
    fn default() -> Self {
        Self(Arc::new(State {
            asked: Mutex::default(),
            told: watch::Sender::new(None),
        }))
    }
}

impl Dearest {
    /// None: nothing that costs anything.
    pub(super) fn set(&self, of: Of, price: Option<Sats>) {
        let mut asked = self.0.asked.lock();
        asked[of as usize] = price;
        let dearest = asked.iter().copied().flatten().max();
        self.0.told.send_if_modified(|known| {
            let changed = *known != dearest;
            *known = dearest;
            changed
        });
    }

    pub(super) fn receiver(&self) -> watch::Receiver<Option<Sats>> {
        self.0.told.subscribe()
    }
}
