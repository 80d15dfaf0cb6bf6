//! Whether a payment goes through, and what the payer is told.

use crate::{
    core::{money::Msats, receipt::Preimage, time::Timestamp},
    database,
    payments::{Invoice, InvoiceState},
};

/// A payment that went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The payer's proof.
    pub preimage: Preimage,
    /// What was paid: the first time, when it was paid twice.
    pub amount: Msats,
}

/// Why a payment does not go through.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    #[error("this is no payment request: it is the long text that begins with \"ln\"")]
    Unreadable,
    #[error("this invoice is not from this wallet, which pays with play money only its own")]
    Foreign,
    #[error("this invoice ran out at {0}: ask for a new one")]
    Expired(Timestamp),
    #[error("this invoice was withdrawn: ask for a new one")]
    Canceled,
    #[error("{} is too little: the invoice asks for {}", .offered.to_sats_floor(), .asked.to_sats_floor())]
    TooLittle { asked: Msats, offered: Msats },
    #[error("{} is too much: at most twice the {} asked for", .offered.to_sats_floor(), .asked.to_sats_floor())]
    TooMuch { asked: Msats, offered: Msats },
    #[error("the wallet cannot write at the moment; nothing was paid: try again")]
    Wallet(#[from] database::Error),
}

/// What to do about a payment.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Settle the invoice with this amount.
    Settle(Msats),
    /// It was paid before, with this amount.
    Before(Msats),
}

/// BOLT 4's rule for the receiver: not less than asked, and not more than twice that.
pub(super) fn judge(invoice: &Invoice, amount: Option<Msats>) -> Result<Verdict, PayError> {
    match invoice.state {
        InvoiceState::Settled(settled) => return Ok(Verdict::Before(settled.received)),
        InvoiceState::Expired { .. } => return Err(PayError::Expired(invoice.expires_at)),
        InvoiceState::Canceled => return Err(PayError::Canceled),
        InvoiceState::Open { .. } | InvoiceState::Confirming { .. } => {}
    }
    let asked = invoice.amount;
    let offered = amount.unwrap_or(asked);
    if offered < asked {
        return Err(PayError::TooLittle { asked, offered });
    }
    if offered.get() > asked.get().saturating_mul(2) {
        return Err(PayError::TooMuch { asked, offered });
    }
    Ok(Verdict::Settle(offered))
}
