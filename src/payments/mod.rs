//! Where invoices come from. The backend is the only truth about money.
//!
//! [`InvoiceBackend`] is what the rest of the house needs from a node, and no more; every
//! implementation passes the same contract suite (`tests/`).

pub mod btcpay;
pub mod lnd;
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
    /// SHA-256 of a text that the BOLT11 commits to in place of the memo (LNURL-pay, LUD-06). The
    /// memo stays with the backend.
    pub description_hash: Option<[u8; 32]>,
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
    /// A bitcoin address for the same amount, where the backend takes both.
    pub onchain: Option<String>,
    pub state: InvoiceState,
}

/// What the backend says about an invoice's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceState {
    /// Waiting; `received` is what has come so far (BTCPay takes part payments).
    Open { received: Msats },
    /// Seen on chain in full, waiting for its confirmation.
    Confirming { received: Msats },
    /// The money is there.
    Settled(Settled),
    /// Can no longer be paid; `received` came too little.
    Expired { received: Msats },
    /// Withdrawn before it was paid.
    Canceled,
}

/// How far the stream of settlements has been taken in: the backend's own counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor(pub u64);

/// A settlement: the same at every look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// At least the invoice's amount, unless it is `marked`.
    pub received: Msats,
    pub at: Timestamp,
    /// To be stored once the settlement is recorded.
    pub cursor: Cursor,
    /// Marked as paid by the operator's own hand: counts whatever was received.
    pub marked: bool,
}

impl Invoice {
    /// Its settlement, if there is one.
    pub const fn settled(&self) -> Option<Settled> {
        match self.state {
            InvoiceState::Settled(settled) => Some(settled),
            InvoiceState::Open { .. }
            | InvoiceState::Confirming { .. }
            | InvoiceState::Expired { .. }
            | InvoiceState::Canceled => None,
        }
    }
}

/// How the backend is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Ready {
        /// The most that one payment can bring now; None: unknown, or without limit.
        receivable: Option<Msats>,
    },
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
    /// No channel can bring this much.
    #[error("no channel can bring this much: {} at most", .most.to_sats_floor())]
    CannotReceive { most: Msats },
}

pub type Result<T> = std::result::Result<T, Error>;

/// A Lightning node or payment server that takes money for us.
#[async_trait]
pub trait InvoiceBackend: Send + Sync + fmt::Debug {
    async fn create(&self, new: NewInvoice) -> Result<Invoice>;

    /// None: this backend never made such an invoice.
    async fn look_up(&self, reference: &InvoiceRef) -> Result<Option<Invoice>>;

    /// The invoice behind a BOLT11 that somebody shows: by its hash, and by its memo (the order
    /// code) where a backend can't search by hash.
    async fn find(&self, hash: PaymentHash, memo: &str) -> Result<Option<Invoice>>;

    /// Settled invoices after `after`, oldest settlement first: what is already there at once,
    /// then as they happen. May repeat, never omits. Ends only with an error, after which the
    /// caller lists and subscribes anew.
    async fn settlements(&self, after: Cursor) -> Result<BoxStream<'static, Result<Invoice>>>;

    /// All invoices made at or after `since`, oldest first: for reconciliation.
    async fn list_since(&self, since: Timestamp) -> Result<BoxStream<'static, Result<Invoice>>>;

    /// Withdraws an unpaid invoice. Withdrawing twice is no fault.
    async fn cancel(&self, reference: &InvoiceRef) -> Result<()>;

    async fn health(&self) -> Health;
}
