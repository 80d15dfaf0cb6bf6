//! The built-in wallet: play money, for demos and tests.
//!
//! Makes real BOLT11 invoices (own node key, real payment hash, expiry, memo) for regtest, which
//! no real wallet pays, and settles them when [`Wallet::pay`] is called. Kept in one SQLite file;
//! survives restarts and kill -9. Whoever reaches it gets films for nothing: the configuration
//! keeps it on this machine.

mod bolt11;
mod pay;
mod store;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::sync::watch;

pub use bolt11::requested_sat;
pub use pay::{Paid, PayError};

use self::{bolt11::NodeKey, store::Store};
use super::{Cursor, Error, Health, Invoice, InvoiceBackend, NewInvoice, Result};
use crate::{
    clock::Clock,
    core::{
        ids::{InvoiceRef, PaymentHash},
        money::Msats,
        receipt::Preimage,
        time::Timestamp,
    },
    database,
};

/// How many settlements a stream reads ahead.
const BATCH: u32 = 100;
/// Invoices to a page of the list.
const PAGE: u32 = 500;

/// The wallet. One process at a time may have it open: streams hear of their own only.
#[derive(Debug)]
pub struct Wallet {
    store: Store,
    key: NodeKey,
    clock: Arc<dyn Clock>,
    /// The newest settlement; wakes the streams.
    settled: watch::Sender<Cursor>,
}

/// A payment that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastPayment {
    pub payment_request: String,
    pub preimage: Preimage,
    pub amount: Msats,
    pub at: Timestamp,
}

/// Not reached for SQLite's faults, refused for invoices that cannot be.
impl From<database::Error> for Error {
    fn from(error: database::Error) -> Self {
        Self::Away(error.into())
    }
}

impl Wallet {
    /// Opens the wallet, or makes one with a new node key.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let store = Store::open(path, clock.now()).await?;
        let secret = store.node_secret(random()?).await?;
        let key = NodeKey::new(&secret)?;
        let settled = watch::Sender::new(store.newest().await?);
        Ok(Self {
            store,
            key,
            clock,
            settled,
        })
    }

    /// Pays one of its own invoices. `amount`: another amount than asked (a tip on top).
    /// Paying again gives the same proof and moves no money.
    pub async fn pay(
        &self,
        payment_request: &str,
        amount: Option<Msats>,
    ) -> std::result::Result<Paid, PayError> {
        let (hash, request) = bolt11::read(payment_request).ok_or(PayError::Unreadable)?;
        let now = self.clock.now();
        let outcome = self.store.pay(hash, request, amount, now).await?;
        let (paid, cursor) = outcome?;
        if let Some(cursor) = cursor {
            self.settled.send_if_modified(|newest| {
                let newer = cursor > *newest;
                *newest = cursor.max(*newest);
                newer
            });
        }
        Ok(paid)
    }

    /// The last payments, newest first.
    pub async fn history(&self, limit: u32) -> Result<Vec<PastPayment>> {
        Ok(self.store.history(limit).await?)
    }
}

#[async_trait]
impl InvoiceBackend for Wallet {
    async fn create(&self, new: NewInvoice) -> Result<Invoice> {
        let preimage = random()?;
        let hash = Preimage::from_bytes(preimage).hash();
        let made = self.key.invoice(&new, hash, random()?, self.clock.now())?;
        self.store.insert(made.clone(), preimage).await?;
        Ok(made)
    }

    async fn look_up(&self, reference: &InvoiceRef) -> Result<Option<Invoice>> {
        let InvoiceRef::Hash(hash) = reference else {
            return Ok(None);
        };
        Ok(self.store.find(*hash, self.clock.now()).await?)
    }

    async fn find(&self, hash: PaymentHash, _memo: &str) -> Result<Option<Invoice>> {
        Ok(self.store.find(hash, self.clock.now()).await?)
    }

    async fn settlements(&self, after: Cursor) -> Result<BoxStream<'static, Result<Invoice>>> {
        let state = (self.store.clone(), self.settled.subscribe(), after);
        let batches = stream::unfold(Some(state), |state| async {
            let (store, mut newest, after) = state?;
            match next_batch(&store, &mut newest, after).await {
                Ok(batch) => {
                    let last = batch.last().and_then(Invoice::settled);
                    let last = last.map_or(after, |settled| settled.cursor);
                    let batch: Vec<_> = batch.into_iter().map(Ok).collect();
                    Some((batch, Some((store, newest, last))))
                }
                Err(error) => Some((vec![Err(error)], None)),
            }
        });
        Ok(batches.flat_map(stream::iter).boxed())
    }

    async fn list_since(&self, since: Timestamp) -> Result<BoxStream<'static, Result<Invoice>>> {
        let state = (self.store.clone(), self.clock.clone(), 0);
        let pages = stream::try_unfold(state, move |(store, clock, offset)| async move {
            let page = store.list(since, offset, PAGE, clock.now()).await?;
            let next = offset + page.len() as u64;
            let page = stream::iter(page.into_iter().map(Ok));
            Ok::<_, Error>((next > offset).then_some((page, (store, clock, next))))
        });
        Ok(pages.try_flatten().boxed())
    }

    async fn cancel(&self, reference: &InvoiceRef) -> Result<()> {
        let unknown = || Error::Refused(anyhow::anyhow!("no invoice of this wallet"));
        let InvoiceRef::Hash(hash) = reference else {
            return Err(unknown());
        };
        self.store.cancel(*hash).await?;
        let found = self.store.find(*hash, self.clock.now()).await?;
        match found.ok_or_else(unknown)?.state {
            super::InvoiceState::Settled(_) => Err(Error::WrongState("already paid")),
            super::InvoiceState::Open { .. }
            | super::InvoiceState::Confirming { .. }
            | super::InvoiceState::Expired { .. }
            | super::InvoiceState::Canceled => Ok(()),
        }
    }

    async fn health(&self) -> Health {
        match self.store.newest().await {
            Ok(_) => Health::Ready { receivable: None },
            Err(error) => Health::Away(error.to_string()),
        }
    }
}

/// What lies beyond the cursor, at least one; waits until there is something.
async fn next_batch(
    store: &Store,
    newest: &mut watch::Receiver<Cursor>,
    after: Cursor,
) -> Result<Vec<Invoice>> {
    loop {
        // Marked as seen before the look: what settles in between wakes the wait below.
        newest.mark_unchanged();
        let batch = store.settled_after(after, BATCH).await?;
        if !batch.is_empty() {
            return Ok(batch);
        }
        newest
            .changed()
            .await
            .map_err(|_| Error::Away(anyhow::anyhow!("the wallet is closed")))?;
    }
}

fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::Away(error.into()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
