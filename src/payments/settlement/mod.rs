//! Taking in settlements: one function records what was paid, whoever heard of it first.
//!
//! Owns the outcome of a settled invoice ([`Settlement::settle`]), the following of the backend's
//! list and stream ([`Settlement::follow`]), and waking whoever waits for an invoice. Does not own
//! access: that is minted from what the backend says, recorded or not.

mod backoff;
mod follow;
mod waiters;

use std::sync::Arc;

use tokio::sync::watch;

pub use waiters::Waiter;

use self::{backoff::Backoff, waiters::Waiters};
use super::{Cursor, Invoice, InvoiceBackend, Settled};
use crate::{
    clock::Clock,
    core::{
        ids::InvoiceRef,
        money::Sats,
        order::{Order, OrderCode},
        tip::Tip,
    },
    keys::Keys,
    ledger::{self, Entry, Ledger, Sale},
    metrics::{Metrics, SettlementOutcome},
};

/// What became of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its purchase or tip stands in the sales record now.
    Recorded,
    /// It stood there already.
    Replayed,
    /// The node's owner uses it for other things too.
    Foreign,
    /// Too little for the order's price: nothing was bought.
    Underpaid { received: Sats, price: Sats },
    /// Nothing to record: not paid, or not yet.
    NotSettled,
}

impl Outcome {
    const fn counted(&self) -> Option<SettlementOutcome> {
        match self {
            Self::Recorded => Some(SettlementOutcome::Recorded),
            Self::Replayed => Some(SettlementOutcome::Replayed),
            Self::Foreign => Some(SettlementOutcome::Foreign),
            Self::Underpaid { .. } => Some(SettlementOutcome::Underpaid),
            Self::NotSettled => None,
        }
    }
}

/// How far settlements were taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// What happened while nobody listened has been made up for, at least once.
    pub reconciled: bool,
    /// The last settlement of the stream that is recorded.
    pub cursor: Cursor,
}

/// See the module's head. Shared by everything that hears of payments.
#[derive(Debug)]
pub struct Settlement {
    backend: Arc<dyn InvoiceBackend>,
    ledger: Ledger,
    keys: Arc<Keys>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    waiters: Arc<Waiters>,
    taken: watch::Sender<Taken>,
    backoff: Backoff,
}

impl Settlement {
    pub fn new(
        backend: Arc<dyn InvoiceBackend>,
        ledger: Ledger,
        keys: Arc<Keys>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            backend,
            ledger,
            keys,
            metrics,
            clock,
            waiters: Arc::default(),
            taken: watch::Sender::default(),
            backoff: Backoff::default(),
        }
    }

    /// Records an invoice that the backend says is settled, once, and wakes whoever waits for it.
    /// The backend's word comes in as `invoice`; nothing here asks again.
    pub async fn settle(&self, invoice: &Invoice) -> Result<Outcome, ledger::Error> {
        let outcomes = self.settle_all(std::slice::from_ref(invoice)).await?;
        Ok(outcomes.first().copied().unwrap_or(Outcome::NotSettled))
    }

    /// [`Self::settle`] for many, with one write to disk for all purchases among them; answers
    /// for each in turn.
    pub async fn settle_all(&self, invoices: &[Invoice]) -> Result<Vec<Outcome>, ledger::Error> {
        let mut outcomes = Vec::with_capacity(invoices.len());
        let mut sales = Vec::new();
        let mut sold = Vec::new();
        for invoice in invoices {
            let Some(settled) = invoice.settled() else {
                outcomes.push(Outcome::NotSettled);
                continue;
            };
            let Some((code, order)) = self.order(invoice) else {
                outcomes.push(self.settle_tip(invoice, settled).await?);
                continue;
            };
            // Before the record: a viewer's access waits for no disk of ours.
            self.waiters.wake(&invoice.reference);
            match sale(invoice, settled, code, &order) {
                Ok(sale) => {
                    sold.push(outcomes.len());
                    sales.push(sale);
                    outcomes.push(Outcome::Recorded);
                }
                Err(underpaid) => outcomes.push(underpaid),
            }
        }
        if !sales.is_empty() {
            let entries = self.ledger.record_sales(sales).await?;
            for (at, entry) in sold.into_iter().zip(entries) {
                outcomes[at] = entry.into();
            }
        }
        self.count(invoices, &outcomes);
        Ok(outcomes)
    }

    fn count(&self, invoices: &[Invoice], outcomes: &[Outcome]) {
        let counted = outcomes.iter().filter_map(Outcome::counted);
        counted.for_each(|outcome| self.metrics.settlements.add(outcome));
        let now = self.clock.now().as_unix();
        for (invoice, outcome) in invoices.iter().zip(outcomes) {
            // A replayed one was late once, and counted then.
            if let (Outcome::Recorded, Some(settled)) = (outcome, invoice.settled()) {
                let delay = now.saturating_sub(settled.at.as_unix());
                self.metrics.delays.add(delay);
            }
        }
    }

    /// What the invoice's memo says was bought, if one of our keys made it.
    fn order(&self, invoice: &Invoice) -> Option<(OrderCode, Order)> {
        let code: OrderCode = invoice.memo.parse().ok()?;
        let order = code.open(&self.keys.current()).ok()?;
        Some((code, order))
    }

    fn tip(&self, invoice: &Invoice) -> Option<Tip> {
        let code: OrderCode = invoice.memo.parse().ok()?;
        Tip::open(&code, &self.keys.current()).ok().flatten()
    }

    async fn settle_tip(
        &self,
        invoice: &Invoice,
        settled: Settled,
    ) -> Result<Outcome, ledger::Error> {
        let Settled { received, at, .. } = settled;
        let noted = self
            .ledger
            .settle_tip(&invoice.reference, received, at)
            .await;
        let entry = match (noted, self.tip(invoice)) {
            // Our record of it is gone, and with it the message; the invoice says the rest.
            (Ok(None), Some(tip)) => {
                let tip = ledger::Tip {
                    reference: invoice.reference.clone(),
                    title: tip.title,
                    channel: None,
                    hidden: false,
                    amount: received,
                    message: String::new(),
                    at,
                };
                self.ledger.record_tip(tip).await.map(Some)
            }
            (noted, _) => noted,
        };
        // After the record: the thanks show the new sum. A failure keeps nobody waiting.
        self.waiters.wake(&invoice.reference);
        Ok(entry?.map_or(Outcome::Foreign, Outcome::from))
    }

    /// Says that something about this invoice changed; whoever waits for it looks.
    pub fn wake(&self, reference: &InvoiceRef) {
        self.waiters.wake(reference);
    }

    /// Waits for news of one invoice. Subscribe first and look it up then: nothing falls between.
    pub fn subscribe(&self, reference: &InvoiceRef) -> Waiter {
        Waiters::subscribe(&self.waiters, reference)
    }

    /// Whether anybody waits for news of this invoice.
    pub fn is_awaited(&self, reference: &InvoiceRef) -> bool {
        self.waiters.is_awaited(reference)
    }

    /// How far [`Self::follow`] has come; for readiness.
    pub fn taken(&self) -> watch::Receiver<Taken> {
        self.taken.subscribe()
    }
}

/// The purchase that this settlement pays for, or by how much it falls short.
fn sale(
    invoice: &Invoice,
    settled: Settled,
    code: OrderCode,
    order: &Order,
) -> Result<Sale, Outcome> {
    let price = order.tier.price();
    if settled.received < price.to_msats() && !settled.marked {
        let received = settled.received.to_sats_floor();
        tracing::info!(invoice = %invoice.reference, %received, %price, "paid too little");
        return Err(Outcome::Underpaid { received, price });
    }
    Ok(Sale {
        reference: invoice.reference.clone(),
        order: code,
        sold: order.into(),
        tier: order.tier.kind(),
        hours: order.tier.hours(),
        price,
        received: settled.received,
        settled_at: settled.at,
        subject: code.subject(),
        marked: settled.marked,
    })
}

impl From<Entry> for Outcome {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Recorded => Self::Recorded,
            Entry::Replayed => Self::Replayed,
        }
    }
}

#[cfg(test)]
mod tests;
