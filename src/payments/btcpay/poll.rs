//! Settlements without webhooks: every open order is asked for, often while it is young, seldom
//! later. A webhook may never come; this always does.
//!
//! Each round lists what is new and what is open, in a few requests however many orders there are,
//! and reads those in full that changed or left the list. An order that ran out stays watched as
//! long as BTCPay itself looks for late payments.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::{sync::Notify, time::Instant};

use super::{
    answers::{InvoiceData, Method, Status},
    read,
    store::{Query, Store},
};
use crate::{
    core::time::Timestamp,
    payments::{Cursor, Invoice, Result},
};

/// How far before the cursor the first round begins: as long as a transaction can wait for its
/// confirmation before the network forgets it.
const LOOK_BACK_S: u64 = 14 * 24 * 3600;
/// Made this long before the newest, an invoice may still show up behind it.
const OVERLAP_S: u64 = 120;

/// How often to ask.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// While an order is young: somebody may be standing at the till.
    pub soon: Duration,
    /// For how long an order is young.
    pub young: Duration,
    /// When nothing is young; what lies between grows by half each time.
    pub later: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            soon: Duration::from_secs(5),
            young: Duration::from_mins(3),
            later: Duration::from_mins(1),
        }
    }
}

/// An order that may still be paid.
#[derive(Debug, Clone, Copy)]
struct Watched {
    status: Status,
    made_at: u64,
    since: Instant,
    /// From when on BTCPay looks for no payment any more.
    until: Instant,
}

struct Poll {
    store: Store,
    pace: Pace,
    made: Arc<Notify>,
    watched: HashMap<String, Watched>,
    /// Settled ones that the overlap shows again, and when they were made.
    told: HashMap<String, u64>,
    /// The newest invoice's time by BTCPay's own clock.
    newest: u64,
    wait: Duration,
    /// When those that ran out are looked at next.
    late_at: Instant,
    ready: VecDeque<Invoice>,
}

/// Ends with an error. `made` is told of every invoice that this process makes.
pub(super) async fn settlements(
    store: Store,
    pace: Pace,
    made: Arc<Notify>,
    after: Cursor,
) -> Result<BoxStream<'static, Result<Invoice>>> {
    let mut poll = Poll {
        store,
        pace,
        made,
        watched: HashMap::new(),
        told: HashMap::new(),
        newest: 0,
        wait: pace.soon,
        late_at: Instant::now() + pace.later,
        ready: VecDeque::new(),
    };
    poll.first_round(after).await?;
    let stream = stream::unfold(Some(poll), |poll| async {
        let mut poll = poll?;
        match poll.next().await {
            Ok(invoice) => Some((Ok(invoice), Some(poll))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(stream.boxed())
}

impl Poll {
    async fn next(&mut self) -> Result<Invoice> {
        loop {
            if let Some(invoice) = self.ready.pop_front() {
                return Ok(invoice);
            }
            self.pause().await;
            self.round().await?;
        }
    }

    /// Until the next round; an order made meanwhile brings it nearer.
    async fn pause(&mut self) {
        let mut end = Instant::now() + self.wait;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end) => return,
                () = self.made.notified() => end = end.min(Instant::now() + self.pace.soon),
            }
        }
    }

    /// Everything that can have settled after the cursor, also by a payment that came before it
    /// and was confirmed since.
    async fn first_round(&mut self, after: Cursor) -> Result<()> {
        let since = Timestamp::from_unix(after.0.saturating_sub(LOOK_BACK_S));
        let query = Query {
            made_since: Some(since),
            in_full: true,
            ..Query::default()
        };
        for data in self.store.list(query).await? {
            let (data, methods) = self.store.with_methods(data).await?;
            self.take(&data, &methods);
        }
        self.look_at_open().await?;
        self.in_order();
        Ok(())
    }

    async fn round(&mut self) -> Result<()> {
        self.look_at_new().await?;
        self.look_at_open().await?;
        let now = Instant::now();
        if now >= self.late_at {
            self.look_at_late().await?;
            self.late_at = now + self.pace.later;
        }
        self.in_order();
        self.wait = self.next_wait(now);
        Ok(())
    }

    /// Also what was made and paid since the last round.
    async fn look_at_new(&mut self) -> Result<()> {
        let since = self.newest.saturating_sub(OVERLAP_S);
        self.told.retain(|_, made_at| *made_at >= since);
        let query = Query {
            made_since: Some(Timestamp::from_unix(since)),
            ..Query::default()
        };
        for data in self.store.list(query).await? {
            self.newest = self.newest.max(data.created_time);
            if !data.is_paid() {
                self.watch(&data);
            } else if !self.told.contains_key(&data.id) {
                self.read(&data.id).await?;
            }
        }
        Ok(())
    }

    async fn look_at_open(&mut self) -> Result<()> {
        let query = Query {
            statuses: &["New", "Processing"],
            ..Query::default()
        };
        let listed = self.store.list(query).await?;
        for data in &listed {
            self.watch(data);
        }
        self.read_what_left(&listed, is_open).await
    }

    /// Those that ran out and may be paid, or marked as paid, all the same. What ran out before
    /// anybody watched is the list's affair.
    async fn look_at_late(&mut self) -> Result<()> {
        let now = Instant::now();
        self.watched
            .retain(|_, order| is_open(order.status) || order.until > now);
        let late = self.watched.values().filter(|order| !is_open(order.status));
        let Some(oldest) = late.map(|order| order.made_at).min() else {
            return Ok(());
        };
        let query = Query {
            made_since: Some(Timestamp::from_unix(oldest)),
            statuses: &["Expired", "Invalid"],
            ..Query::default()
        };
        let listed = self.store.list(query).await?;
        for data in listed.iter().filter(|data| data.is_paid()) {
            if self.watched.contains_key(&data.id) {
                self.read(&data.id).await?;
            }
        }
        self.read_what_left(&listed, |status| !is_open(status))
            .await
    }

    /// An order that is not on its list any more has become something else.
    async fn read_what_left(
        &mut self,
        listed: &[InvoiceData],
        kind: impl Fn(Status) -> bool + Send,
    ) -> Result<()> {
        let listed: HashSet<&str> = listed.iter().map(|data| data.id.as_str()).collect();
        let mut left = Vec::new();
        for (id, order) in &self.watched {
            if kind(order.status) && !listed.contains(id.as_str()) {
                left.push(id.clone());
            }
        }
        for id in left {
            self.read(&id).await?;
        }
        Ok(())
    }

    async fn read(&mut self, id: &str) -> Result<()> {
        match self.store.invoice(id).await? {
            Some((data, methods)) => self.take(&data, &methods),
            None => drop(self.watched.remove(id)),
        }
        Ok(())
    }

    fn take(&mut self, data: &InvoiceData, methods: &[Method]) {
        self.newest = self.newest.max(data.created_time);
        match read::invoice(data, methods) {
            Ok(Some(invoice)) if invoice.settled().is_some() => {
                self.watched.remove(&data.id);
                if self
                    .told
                    .insert(data.id.clone(), data.created_time)
                    .is_none()
                {
                    self.ready.push_back(invoice);
                }
            }
            Ok(Some(_)) => self.watch(data),
            // Never ours; remembered, so that it is not read again.
            Ok(None) => drop(self.told.insert(data.id.clone(), data.created_time)),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(invoice = data.id, error, "an invoice can't be read");
                self.told.insert(data.id.clone(), data.created_time);
            }
        }
    }

    fn watch(&mut self, data: &InvoiceData) {
        let now = Instant::now();
        // By BTCPay's clock, which is not behind its newest invoice.
        let monitored = data.monitoring_expiration.saturating_sub(self.newest);
        if monitored == 0 && !is_open(data.status) {
            self.watched.remove(&data.id);
            return;
        }
        let order = self.watched.entry(data.id.clone()).or_insert(Watched {
            status: data.status,
            made_at: data.created_time,
            since: now,
            until: now + Duration::from_secs(monitored),
        });
        order.status = data.status;
    }

    /// Oldest settlement first.
    fn in_order(&mut self) {
        let cursor = |invoice: &Invoice| invoice.settled().map(|settled| settled.cursor);
        self.ready.make_contiguous().sort_by_key(cursor);
    }

    fn next_wait(&self, now: Instant) -> Duration {
        let mut open = self.watched.values().filter(|order| is_open(order.status));
        if open.any(|order| now < order.since + self.pace.young) {
            self.pace.soon
        } else {
            (self.wait * 3 / 2).min(self.pace.later)
        }
    }
}

fn is_open(status: Status) -> bool {
    match status {
        Status::New | Status::Processing => true,
        Status::Expired | Status::Invalid | Status::Settled => false,
    }
}

#[cfg(test)]
#[path = "poll_tests.rs"]
mod tests;
