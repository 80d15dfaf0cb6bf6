//! BTCPay Server as the backend, over its Greenfield API.
//!
//! The order code travels as the invoice's `orderId`. BTCPay's word on an invoice is always read
//! from the API; its webhooks (see [`webhook`]) only say when to look, and since one may never
//! come, open orders are polled anyway (see [`poll`]).

mod amount;
mod answers;
mod client;
mod connect;
mod poll;
mod read;
mod store;
pub mod webhook;

use std::sync::Arc;

use anyhow::anyhow;
use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::Notify;

pub use connect::{Connection, Finding, connect};
pub use poll::Pace;

use self::{
    client::Client,
    store::{Query, Store},
};
use super::{Cursor, Error, Health, Invoice, InvoiceBackend, InvoiceState, NewInvoice, Result};
use crate::core::{
    ids::{InvoiceRef, PaymentHash},
    time::Timestamp,
};

/// One store of a BTCPay Server.
#[derive(Debug)]
pub struct Btcpay {
    store: Store,
    pace: Pace,
    /// Wakes the poll when an order is made.
    made: Arc<Notify>,
}

impl Btcpay {
    /// Reads the key; asks nobody yet.
    pub fn open(config: &satreel_config::Btcpay) -> anyhow::Result<Self> {
        let api_key = config.api_key.read()?;
        Ok(Self {
            store: Store {
                client: Client::new(&config.url, &api_key)?,
                id: config.store.clone(),
            },
            pace: Pace::default(),
            made: Arc::default(),
        })
    }

    /// Asks more or less often.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }
}

#[async_trait]
impl InvoiceBackend for Btcpay {
    async fn create(&self, new: NewInvoice) -> Result<Invoice> {
        let refused = |words: &'static str| Error::Refused(anyhow!(words));
        if new.description_hash.is_some() {
            return Err(refused(
                "BTCPay Server commits to no text of ours: a Lightning address needs LND",
            ));
        }
        if new.amount.get() == 0 || !new.amount.get().is_multiple_of(1000) {
            return Err(refused("BTCPay Server counts whole sat"));
        }
        // BTCPay counts minutes; the viewer gets what is missing on top.
        let minutes = new.expires_in_s.div_ceil(60);
        let made = self.store.create(new.amount, &new.memo, minutes).await?;
        let methods = self.store.methods(&made.id).await?;
        if !read::has_lightning(&methods) {
            return Err(Error::Away(anyhow!(
                "BTCPay Server made invoice {} without Lightning: its Lightning node took longer \
                 than 5 s, or the store has none",
                made.id
            )));
        }
        self.made.notify_one();
        let invoice = read::invoice(&made, &methods).map_err(unreadable)?;
        invoice.ok_or_else(|| refused("BTCPay Server made another invoice than was asked for"))
    }

    async fn look_up(&self, reference: &InvoiceRef) -> Result<Option<Invoice>> {
        let InvoiceRef::Btcpay(id) = reference else {
            return Ok(None);
        };
        let Some((data, methods)) = self.store.invoice(id).await? else {
            return Ok(None);
        };
        read::invoice(&data, &methods).map_err(unreadable)
    }

    async fn find(&self, hash: PaymentHash, memo: &str) -> Result<Option<Invoice>> {
        let query = Query {
            order_id: Some(memo),
            in_full: true,
            ..Query::default()
        };
        for data in self.store.list(query).await? {
            let (data, methods) = self.store.with_methods(data).await?;
            let invoice = read::invoice(&data, &methods).map_err(unreadable)?;
            let shown = invoice.and_then(|invoice| read::with_hash(invoice, &methods, hash));
            if shown.is_some() {
                return Ok(shown);
            }
        }
        Ok(None)
    }

    async fn settlements(&self, after: Cursor) -> Result<BoxStream<'static, Result<Invoice>>> {
        poll::settlements(self.store.clone(), self.pace, self.made.clone(), after).await
    }

    /// BTCPay lists the newest first, so all of it is read before the first is handed on.
    async fn list_since(&self, since: Timestamp) -> Result<BoxStream<'static, Result<Invoice>>> {
        let query = Query {
            made_since: Some(since),
            in_full: true,
            ..Query::default()
        };
        let mut found = Vec::new();
        for data in self.store.list(query).await? {
            let (data, methods) = self.store.with_methods(data).await?;
            match read::invoice(&data, &methods) {
                Ok(invoice) => found.extend(invoice),
                // One that nobody can read must not keep all others from being recorded.
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(invoice = data.id, error, "an invoice can't be read");
                }
            }
        }
        Ok(stream::iter(found.into_iter().rev().map(Ok)).boxed())
    }

    /// The key may make and read invoices, not change them: an unpaid one just runs out.
    async fn cancel(&self, reference: &InvoiceRef) -> Result<()> {
        let unknown = || Error::Refused(anyhow!("no invoice of this store"));
        match self.look_up(reference).await?.ok_or_else(unknown)?.state {
            InvoiceState::Settled(_) => Err(Error::WrongState("already paid")),
            InvoiceState::Confirming { .. } => Err(Error::WrongState("being paid")),
            InvoiceState::Open { .. } | InvoiceState::Expired { .. } | InvoiceState::Canceled => {
                Ok(())
            }
        }
    }

    async fn health(&self) -> Health {
        match self.is_ready().await {
            Ok(true) => Health::Ready { receivable: None },
            Ok(false) => {
                Health::Away("BTCPay Server is still catching up with the chain".to_owned())
            }
            Err(Error::Away(error) | Error::Refused(error)) => Health::Away(format!("{error:#}")),
            Err(error) => Health::Away(error.to_string()),
        }
    }
}

impl Btcpay {
    async fn is_ready(&self) -> Result<bool> {
        self.store.probe().await?;
        self.store.synchronized().await
    }
}

fn unreadable(error: read::Unreadable) -> Error {
    Error::Away(anyhow!(error).context("BTCPay Server's answer"))
}
