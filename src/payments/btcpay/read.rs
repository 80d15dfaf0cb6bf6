//! From BTCPay's answers to our invoice: what came, whether it counts, and since when. Pure.

use std::str::FromStr;

use lightning_invoice::SignedRawBolt11Invoice;

use super::{
    amount::{self, InvalidAmount},
    answers::{Additional, InvoiceData, LIGHTNING, Method, ONCHAIN, PaymentStatus, Status},
};
use crate::{
    core::{
        ids::{InvalidId, InvoiceRef, PaymentHash},
        money::Msats,
        time::Timestamp,
    },
    payments::{Cursor, Invoice, InvoiceState, Settled},
};

/// Longest BOLT11 that is looked at.
const MAX_REQUEST: usize = 4096;

/// An answer that says something impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(transparent)]
    Amount(#[from] InvalidAmount),
    #[error(transparent)]
    Id(#[from] InvalidId),
}

/// A payment that BTCPay counts.
#[derive(Debug, Clone, Copy)]
struct Came {
    at: u64,
    value: Msats,
    /// It cannot be taken back any more.
    sure: bool,
}

/// None: an invoice that we never made (another shop's price in euro, a top-up).
pub(super) fn invoice(
    data: &InvoiceData,
    methods: &[Method],
) -> Result<Option<Invoice>, Unreadable> {
    let (Some(price), "BTC") = (&data.amount, data.currency.as_str()) else {
        return Ok(None);
    };
    let amount = amount::parse(price)?;
    let came = came(methods)?;
    let (payment_request, payment_hash) = requests(methods)
        .next()
        // An order that is paid on chain stays one when its Lightning method has gone.
        .unwrap_or_else(|| (String::new(), PaymentHash::from_bytes([0; 32])));
    Ok(Some(Invoice {
        reference: InvoiceRef::btcpay(&data.id)?,
        payment_request,
        payment_hash,
        memo: data.order_id().to_owned(),
        amount,
        created_at: Timestamp::from_unix(data.created_time),
        expires_at: Timestamp::from_unix(data.expiration_time),
        onchain: destination(methods, ONCHAIN).map(str::to_owned),
        state: state(data, amount, &came),
    }))
}

/// The same invoice with that one of its BOLT11s which has this hash: after a part payment BTCPay
/// shows a new one for the rest.
pub(super) fn with_hash(
    invoice: Invoice,
    methods: &[Method],
    hash: PaymentHash,
) -> Option<Invoice> {
    let (payment_request, payment_hash) = requests(methods).find(|(_, found)| *found == hash)?;
    Some(Invoice {
        payment_request,
        payment_hash,
        ..invoice
    })
}

/// Whether Lightning can pay it.
pub(super) fn has_lightning(methods: &[Method]) -> bool {
    destination(methods, LIGHTNING).is_some_and(|text| hash_of(text).is_some())
}

/// The BOLT11s of an invoice: what was paid, then what is shown.
fn requests(methods: &[Method]) -> impl Iterator<Item = (String, PaymentHash)> {
    let paid = methods
        .iter()
        .flat_map(|method| &method.payments)
        .filter_map(|payment| payment.destination.as_deref());
    paid.chain(destination(methods, LIGHTNING))
        .filter_map(|text| Some((text.to_ascii_lowercase(), hash_of(text)?)))
}

fn destination<'a>(methods: &'a [Method], id: &str) -> Option<&'a str> {
    let method = methods
        .iter()
        .find(|method| method.payment_method_id == id)?;
    method
        .destination
        .as_deref()
        .filter(|text| !text.is_empty())
}

/// Its signature is the node's own affair.
fn hash_of(bolt11: &str) -> Option<PaymentHash> {
    if bolt11.len() > MAX_REQUEST {
        return None;
    }
    let invoice = SignedRawBolt11Invoice::from_str(bolt11).ok()?;
    let hash: &[u8; 32] = invoice.payment_hash()?.0.as_ref();
    Some(PaymentHash::from_bytes(*hash))
}

/// Oldest first. Methods of other currencies are not offered with our invoices.
fn came(methods: &[Method]) -> Result<Vec<Came>, Unreadable> {
    let mut came = Vec::new();
    let bitcoin = methods
        .iter()
        .filter(|method| method.payment_method_id.starts_with("BTC-"));
    for payment in bitcoin.flat_map(|method| &method.payments) {
        let sure = match payment.status {
            PaymentStatus::Invalid => continue,
            PaymentStatus::Processing => false,
            PaymentStatus::Settled => true,
        };
        came.push(Came {
            at: payment.received_date,
            value: amount::parse(&payment.value)?,
            sure,
        });
    }
    came.sort_by_key(|payment| payment.at);
    Ok(came)
}

fn sum<'a>(came: impl IntoIterator<Item = &'a Came>) -> Msats {
    let sum = came.into_iter().fold(0_u64, |sum, payment| {
        sum.saturating_add(payment.value.get())
    });
    // More than all bitcoin did not come.
    Msats::new(sum).unwrap_or(Msats::ZERO)
}

fn state(data: &InvoiceData, amount: Msats, came: &[Came]) -> InvoiceState {
    let received = sum(came);
    let settled = |marked| {
        let at = settled_at(amount, came).unwrap_or(data.expiration_time);
        InvoiceState::Settled(Settled {
            received,
            at: Timestamp::from_unix(at),
            cursor: Cursor(at),
            marked,
        })
    };
    match data.status {
        Status::New => InvoiceState::Open { received },
        Status::Processing => InvoiceState::Confirming { received },
        Status::Settled => settled(data.additional_status == Additional::Marked),
        Status::Expired if data.additional_status == Additional::PaidLate => {
            // SECURITY: BTCPay calls it paid late as soon as the transaction is seen. Unconfirmed
            // it can be taken back.
            if sum(came.iter().filter(|payment| payment.sure)) >= amount {
                settled(false)
            } else {
                InvoiceState::Confirming { received }
            }
        }
        Status::Expired => InvoiceState::Expired { received },
        Status::Invalid => InvoiceState::Canceled,
    }
}

/// When the payment came with which the price was there: the same at every look, whatever comes
/// later. Else the last one. None: nothing came, and the operator's mark, which makes it count all
/// the same, has no time of its own in the API.
fn settled_at(amount: Msats, came: &[Came]) -> Option<u64> {
    let mut so_far = 0_u64;
    let reached = came.iter().find(|payment| {
        so_far = so_far.saturating_add(payment.value.get());
        so_far >= amount.get()
    });
    Some(reached.or(came.last())?.at)
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
