//! Who waits for which invoice. An entry lives as long as somebody waits, so strangers who leave
//! leave nothing behind.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::core::ids::InvoiceRef;

#[derive(Debug, Default)]
pub(super) struct Waiters(Mutex<HashMap<InvoiceRef, watch::Sender<()>>>);

/// Hears when there is news of its invoice.
#[derive(Debug)]
pub struct Waiter {
    /// None only while it is being dropped.
    news: Option<watch::Receiver<()>>,
    reference: InvoiceRef,
    waiters: Arc<Waiters>,
}

impl Waiters {
    pub(super) fn subscribe(waiters: &Arc<Self>, reference: &InvoiceRef) -> Waiter {
        let mut map = waiters.0.lock();
        let sender = map.entry(reference.clone()).or_default();
        Waiter {
            news: Some(sender.subscribe()),
            reference: reference.clone(),
            waiters: Arc::clone(waiters),
        }
    }

    pub(super) fn wake(&self, reference: &InvoiceRef) {
        if let Some(sender) = self.0.lock().get(reference) {
            sender.send_replace(());
        }
    }

    pub(super) fn is_awaited(&self, reference: &InvoiceRef) -> bool {
        self.0.lock().contains_key(reference)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.lock().len()
    }
}

impl Waiter {
    /// Returns when there is news since the last call (the first: since it subscribed).
    pub async fn changed(&mut self) {
        let news = match &mut self.news {
            Some(news) => news.changed().await,
            None => return std::future::pending().await,
        };
        if news.is_err() {
            // Its sender stays in the map while it waits; no news is the safe answer anyway.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut map = self.waiters.0.lock();
        // Under the lock, so that nobody subscribes between the count and the removal.
        drop(self.news.take());
        if let Entry::Occupied(entry) = map.entry(self.reference.clone())
            && entry.get().receiver_count() == 0
        {
            entry.remove();
        }
    }
}
