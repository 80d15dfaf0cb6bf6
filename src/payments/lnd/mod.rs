//! LND, by gRPC: the operator's own node.
//!
//! Owns: what an LND invoice means to us, and watching the node (its wallet, its network, what its
//! channels can bring). The connection and its faults are `satreel-lnd`'s. Nothing is kept on
//! disk: whatever is asked, the node answers.

mod inbound;
mod invoice;
mod list;
mod stream;
mod watch;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use satreel_config::Network;
use satreel_lnd::{
    Code, Node, Options, call,
    proto::{
        invoicesrpc::CancelInvoiceMsg,
        lnrpc::{Invoice as LndInvoice, PaymentHash as LndHash},
    },
};

use tokio::sync::watch as watched;

use self::watch::Watch;
pub(crate) use self::watch::channels;
use super::{Cursor, Error, Health, Invoice, InvoiceBackend, NewInvoice, Result};
use crate::{
    clock::Clock,
    core::{
        ids::{InvoiceRef, PaymentHash},
        money::{Msats, Sats},
        time::Timestamp,
    },
};

/// A node that has not answered by then has other troubles; the viewer is told.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// The node that the configuration names. Nothing is read or asked yet.
pub fn node(config: &satreel_config::Lnd) -> satreel_lnd::Result<Node> {
    let macaroon = config.macaroon.clone();
    Node::new(Options {
        address: config.address.as_str().to_owned(),
        certificate: config.certificate.clone(),
        macaroon: Arc::new(move || macaroon.read_bytes().map_err(std::io::Error::other)),
    })
}

/// What is expected of the node.
#[derive(Debug, Clone)]
pub struct Expected {
    /// None: any, on a site that only this machine sees.
    pub network: Option<Network>,
    /// The dearest tier at any time: channels that bring less are worth a warning. None: nobody
    /// says.
    pub dearest: Option<watched::Receiver<Option<Sats>>>,
}

/// An LND node as the till.
#[derive(Debug)]
pub struct Lnd {
    node: Node,
    expected: Expected,
    clock: Arc<dyn Clock>,
    watch: Watch,
}

impl Lnd {
    /// Begins to watch the node. It may be down, locked or still to come.
    pub fn new(node: Node, expected: Expected, clock: Arc<dyn Clock>) -> Self {
        let watch = Watch::start(node.clone(), expected.clone());
        Self {
            node,
            expected,
            clock,
            watch,
        }
    }

    async fn look(&self, hash: PaymentHash) -> Result<Option<Invoice>> {
        let request = LndHash {
            r_hash: hash.as_bytes().to_vec(),
        };
        let mut lightning = self.node.lightning();
        let asked = lightning.lookup_invoice(request);
        match call("LookupInvoice", LIMIT, asked).await {
            Ok(found) => Ok(invoice::read(found, self.clock.now())),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(self.away(error)),
        }
    }

    /// Whoever hits a fault makes the watch look again at once: it has words for the operator.
    fn away(&self, error: satreel_lnd::Error) -> Error {
        self.watch.look_soon();
        away(error)
    }

    /// Asks the channels anew before refusing: a peer may have come back just now.
    async fn check_receivable(&self, amount: Msats) -> Result<()> {
        if self.watch.can_receive(amount).is_ok() {
            return Ok(());
        }
        self.watch.look_now(LIMIT).await;
        self.watch
            .can_receive(amount)
            .map_err(|most| Error::CannotReceive { most })
    }
}

/// What an LND fault is for the sale. Only the operator can mend most of them, but they do pass.
pub(crate) fn away(error: satreel_lnd::Error) -> Error {
    match error {
        satreel_lnd::Error::Other { .. } => Error::Refused(error.into()),
        _ => Error::Away(error.into()),
    }
}

fn is_unknown(error: &satreel_lnd::Error) -> bool {
    // LND gives NotFound for a look-up, and the same words without the code elsewhere.
    matches!(error, satreel_lnd::Error::Other { code, message, .. }
        if *code == Code::NotFound || message.contains("unable to locate invoice"))
}

#[async_trait]
impl InvoiceBackend for Lnd {
    async fn create(&self, new: NewInvoice) -> Result<Invoice> {
        self.check_receivable(new.amount).await?;
        let refused = |words: &'static str| Error::Refused(anyhow::anyhow!(words));
        let request = LndInvoice {
            memo: new.memo.clone(),
            value_msat: i64::try_from(new.amount.get()).map_err(|_| refused("too much"))?,
            expiry: i64::from(new.expires_in_s),
            description_hash: new.description_hash.map(Vec::from).unwrap_or_default(),
            private: self.watch.needs_hints(),
            ..LndInvoice::default()
        };
        let mut lightning = self.node.lightning();
        let made = call("AddInvoice", LIMIT, lightning.add_invoice(request)).await;
        let made = made.map_err(|error| self.away(error))?;
        // Asking LND for the rest would cost as much again: the BOLT11 says it.
        invoice::made(&made, new, self.expected.network)
    }

    async fn look_up(&self, reference: &InvoiceRef) -> Result<Option<Invoice>> {
        match reference {
            InvoiceRef::Hash(hash) => self.look(*hash).await,
            InvoiceRef::Btcpay(_) => Ok(None),
        }
    }

    async fn find(&self, hash: PaymentHash, _memo: &str) -> Result<Option<Invoice>> {
        self.look(hash).await
    }

    async fn settlements(&self, after: Cursor) -> Result<BoxStream<'static, Result<Invoice>>> {
        let wake = self.watch.waker();
        Ok(stream::settlements(
            self.node.clone(),
            self.clock.clone(),
            after,
            wake,
        ))
    }

    async fn list_since(&self, since: Timestamp) -> Result<BoxStream<'static, Result<Invoice>>> {
        Ok(list::since(self.node.clone(), self.clock.clone(), since))
    }

    async fn cancel(&self, reference: &InvoiceRef) -> Result<()> {
        let InvoiceRef::Hash(hash) = reference else {
            return Err(Error::Refused(anyhow::anyhow!("no invoice of LND's")));
        };
        let request = CancelInvoiceMsg {
            payment_hash: hash.as_bytes().to_vec(),
        };
        let mut invoices = self.node.invoices();
        match call("CancelInvoice", LIMIT, invoices.cancel_invoice(request)).await {
            Ok(_) => Ok(()),
            Err(satreel_lnd::Error::Other { message, .. })
                if message.contains("already settled") =>
            {
                Err(Error::WrongState("paid"))
            }
            Err(satreel_lnd::Error::Other { message, .. })
                if message.contains("already canceled") =>
            {
                Ok(())
            }
            Err(error) => Err(self.away(error)),
        }
    }

    async fn health(&self) -> Health {
        self.watch.health(LIMIT).await
    }
}
