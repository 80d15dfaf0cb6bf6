//! LND's invoices as ours.

use lightning_invoice::{Bolt11Invoice, Currency};
use satreel_config::Network;
use satreel_lnd::proto::lnrpc::{
    AddInvoiceResponse, Invoice as LndInvoice, invoice::InvoiceState as LndState,
};

use crate::{
    core::{
        ids::{InvoiceRef, PaymentHash},
        money::Msats,
        time::Timestamp,
    },
    payments::{Cursor, Error, Invoice, InvoiceState, NewInvoice, Result, Settled},
};

/// What LND answered to `new`.
pub(super) fn made(
    made: &AddInvoiceResponse,
    new: NewInvoice,
    network: Option<Network>,
) -> Result<Invoice> {
    let unreadable = |what| Error::Refused(anyhow::anyhow!("LND's new invoice: {what}"));
    let hash = hash(&made.r_hash).ok_or_else(|| unreadable("no payment hash".to_owned()))?;
    let parsed: Bolt11Invoice = made
        .payment_request
        .parse()
        .map_err(|error| unreadable(format!("{error}")))?;
    // SECURITY: play money from a test network must not buy films.
    if let Some(network) = network
        && parsed.currency() != currency(network)
    {
        return Err(unreadable(format!("it is not for {network}")));
    }
    let created_at = Timestamp::from_unix(parsed.duration_since_epoch().as_secs());
    Ok(Invoice {
        reference: InvoiceRef::Hash(hash),
        payment_request: made.payment_request.clone(),
        payment_hash: hash,
        memo: new.memo,
        amount: new.amount,
        created_at,
        expires_at: created_at.plus_seconds(parsed.expiry_time().as_secs()),
        onchain: None,
        state: InvoiceState::Open {
            received: Msats::ZERO,
        },
    })
}

/// An invoice as LND shows it. None: a kind that we never make (a spontaneous payment, an amount
/// beyond all coins).
pub(super) fn read(shown: LndInvoice, now: Timestamp) -> Option<Invoice> {
    if shown.payment_request.is_empty() {
        return None;
    }
    let hash = hash(&shown.r_hash)?;
    let created_at = time(shown.creation_date)?;
    let expires_at = created_at.plus_seconds(u64::try_from(shown.expiry).ok()?);
    let state = state(&shown, expires_at, now)?;
    Some(Invoice {
        reference: InvoiceRef::Hash(hash),
        payment_hash: hash,
        amount: msats(shown.value_msat)?,
        created_at,
        expires_at,
        onchain: None,
        state,
        payment_request: shown.payment_request,
        memo: shown.memo,
    })
}

fn state(shown: &LndInvoice, expires_at: Timestamp, now: Timestamp) -> Option<InvoiceState> {
    let nothing = Msats::ZERO;
    Some(match shown.state() {
        LndState::Settled => InvoiceState::Settled(Settled {
            received: msats(shown.amt_paid_msat)?,
            at: time(shown.settle_date)?,
            cursor: Cursor(shown.settle_index),
            marked: false,
        }),
        // LND itself withdraws what ran out, and keeps no note of when.
        LndState::Canceled if now >= expires_at => InvoiceState::Expired { received: nothing },
        LndState::Canceled => InvoiceState::Canceled,
        // A payment on its way counts once it has arrived.
        LndState::Open | LndState::Accepted => InvoiceState::Open { received: nothing },
    })
}

fn hash(bytes: &[u8]) -> Option<PaymentHash> {
    Some(PaymentHash::from_bytes(bytes.try_into().ok()?))
}

fn msats(msat: i64) -> Option<Msats> {
    Msats::new(u64::try_from(msat).ok()?).ok()
}

fn time(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp::from_unix(u64::try_from(seconds).ok()?))
}

const fn currency(network: Network) -> Currency {
    match network {
        Network::Mainnet => Currency::Bitcoin,
        Network::Testnet => Currency::BitcoinTestnet,
        Network::Signet => Currency::Signet,
        Network::Regtest => Currency::Regtest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(state: LndState) -> LndInvoice {
        LndInvoice {
            memo: "code".into(),
            r_hash: vec![7; 32],
            value_msat: 100_000,
            creation_date: 1000,
            settle_date: 1500,
            payment_request: "lnbc1…".into(),
            expiry: 600,
            settle_index: 9,
            amt_paid_msat: 150_000,
            state: state.into(),
            ..LndInvoice::default()
        }
    }

    fn state_at(state: LndState, now: u64) -> InvoiceState {
        read(shown(state), Timestamp::from_unix(now)).unwrap().state
    }

    #[test]
    fn each_state_is_told() {
        let received = Msats::ZERO;
        let open = InvoiceState::Open { received };
        assert_eq!(state_at(LndState::Open, 1100), open);
        assert_eq!(state_at(LndState::Accepted, 1100), open);
        assert_eq!(state_at(LndState::Canceled, 1599), InvoiceState::Canceled);
        let expired = InvoiceState::Expired { received };
        assert_eq!(state_at(LndState::Canceled, 1600), expired);
        let settled = InvoiceState::Settled(Settled {
            received: Msats::new(150_000).unwrap(),
            at: Timestamp::from_unix(1500),
            cursor: Cursor(9),
            marked: false,
        });
        assert_eq!(state_at(LndState::Settled, 9999), settled);
    }

    #[test]
    fn what_we_never_make_is_passed_over() {
        let now = Timestamp::from_unix(1100);
        let spontaneous = LndInvoice {
            payment_request: String::new(),
            ..shown(LndState::Settled)
        };
        assert_eq!(read(spontaneous, now), None);
        for broken in [
            LndInvoice {
                r_hash: vec![7; 31],
                ..shown(LndState::Open)
            },
            LndInvoice {
                value_msat: -1,
                ..shown(LndState::Open)
            },
            LndInvoice {
                amt_paid_msat: i64::MAX,
                ..shown(LndState::Settled)
            },
        ] {
            assert_eq!(read(broken, now), None);
        }
    }
}
