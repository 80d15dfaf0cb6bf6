//! Where invoices come from. The backend is the only truth about money.
//!
//! [`InvoiceBackend`] is what the rest of the house needs from a node, and no more; every
//! implementation passes the same contract suite (`tests/`).

pub mod settlement;
pub mod wallet;

use std::fmt;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::core::{
    ids::{InvoiceRef, PaymentHash},
    money::Msats,
    time::Timestamp,
};

/// An invoice to be made.
#[derive(Debug, Clone)]
pub struct NewInvoice {
    pub amount: Msats,
    /// The order code, or what a tip is for. Anybody who sees the invoice can read it.
    pub memo: String,
    /// Seconds until it can no longer be paid.
    pub expires_in_s: u32,
}

/// An invoice as the backend knows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub reference: InvoiceRef,
    /// The BOLT11 text, as made.
    pub payment_request: String,
    pub payment_hash: PaymentHash,
    pub memo: String,
    pub amount: Msats,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub state: InvoiceState,
}

/// What the backend says about an invoice's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceState {
    /// Waiting; `received` is what has come so far (BTCPay takes part payments).
    Open { received: Msats },
    /// The money is there, at least the invoice's amount. `at` never changes afterwards.
    Settled { received: Msats, at: Timestamp },
    /// Can no longer be paid; `received` came too little.
    Expired { received: Msats },
    /// Withdrawn before it was paid.
    Canceled,
}

/// How far the stream of settlements has been taken in: the backend's own counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor(pub u64);

/// One settlement from the stream, with the cursor to store once it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub cursor: Cursor,
    pub invoice: Invoice,
}

/// How the backend is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Ready,
    /// Cannot make or look up invoices now; says why, for the operator.
    Away(String),
}

/// What a backend could not do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Worth trying again: not reached, starting, overloaded.
    #[error("the payment backend is away: {0}")]
    Away(#[source] anyhow::Error),
    /// Trying again changes nothing: refused credentials, a request it does not take.
    #[error("the payment backend refused: {0}")]
    Refused(#[source] anyhow::Error),
    /// An invoice in a state that does not allow it (cancelling what is paid).
    #[error("the invoice is {0}")]
    WrongState(&'static str),
}

pub type Result<T> = std::result::Result<T, Error>;

/// A Lightning node or payment server that takes money for us.
#[async_trait]
pub trait InvoiceBackend: Send + Sync + fmt::Debug {
    async fn create(&self, new: NewInvoice) -> Result<Invoice>;

    /// None: this backend never made such an invoice.
    async fn look_up(&self, reference: &InvoiceRef) -> Result<Option<Invoice>>;

    /// All settlements after `after`, oldest first: what is already there at once, then as they
    /// happen. Ends only with an error, after which the caller lists and subscribes anew.
    async fn settlements(&self, after: Cursor) -> Result<BoxStream<'static, Result<Settled>>>;

    /// Up to `limit` invoices made at or after `since`, oldest first, skipping `offset`: for
    /// reconciliation.
    async fn list_since(&self, since: Timestamp, offset: u64, limit: u32) -> Result<Vec<Invoice>>;

    /// Withdraws an unpaid invoice. Withdrawing twice is no fault.
    async fn cancel(&self, reference: &InvoiceRef) -> Result<()>;

    async fn health(&self) -> Health;
}
