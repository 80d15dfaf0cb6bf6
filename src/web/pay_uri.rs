//! The address that a wallet opens: `lightning:`, or `bitcoin:` with both ways in one (BIP 21).

use std::fmt::Write as _;

use crate::{
    core::money::Msats,
    payments::{Invoice, InvoiceState},
};

/// For a link.
pub fn link(invoice: &Invoice) -> String {
    uri(invoice, ToOwned::to_owned)
}

/// For a QR code, in upper case where that means the same: it packs tighter.
pub fn qr_payload(invoice: &Invoice) -> String {
    match &invoice.onchain {
        Some(_) => uri(invoice, str::to_ascii_uppercase),
        None => link(invoice).to_ascii_uppercase(),
    }
}

fn uri(invoice: &Invoice, case: impl Fn(&str) -> String) -> String {
    let request = &invoice.payment_request;
    let Some(address) = &invoice.onchain else {
        return format!("lightning:{request}");
    };
    let address = if is_bech32(address) {
        case(address)
    } else {
        address.clone()
    };
    let mut uri = format!("bitcoin:{address}?amount={}", btc(due(invoice)));
    if !request.is_empty() {
        // Into a String it can't fail.
        let _ = write!(uri, "&lightning={}", case(request));
    }
    uri
}

/// After a part payment: the rest.
fn due(invoice: &Invoice) -> Msats {
    let received = match invoice.state {
        InvoiceState::Open { received } => received.get(),
        InvoiceState::Confirming { .. }
        | InvoiceState::Settled(_)
        | InvoiceState::Expired { .. }
        | InvoiceState::Canceled => 0,
    };
    let due = invoice.amount.get().saturating_sub(received);
    Msats::new(due).unwrap_or(invoice.amount)
}

/// Rounded up: a part of a sat can't be sent on chain.
fn btc(amount: Msats) -> String {
    let sats = amount.get().div_ceil(1000);
    format!("{}.{:08}", sats / 100_000_000, sats % 100_000_000)
}

/// The other kind tells upper from lower case.
fn is_bech32(address: &str) -> bool {
    let address = address.to_ascii_lowercase();
    ["bc1", "tb1", "bcrt1"]
        .iter()
        .any(|prefix| address.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        ids::{InvoiceRef, PaymentHash},
        time::Timestamp,
    };

    fn invoice(onchain: Option<&str>, received: u64) -> Invoice {
        let amount = |sats: u64| Msats::new(sats * 1000).expect("an amount");
        Invoice {
            reference: InvoiceRef::btcpay("Inv1").expect("an id"),
            payment_request: "lnbc1abc".into(),
            payment_hash: PaymentHash::from_bytes([0; 32]),
            memo: String::new(),
            amount: amount(3000),
            created_at: Timestamp::default(),
            expires_at: Timestamp::default(),
            onchain: onchain.map(str::to_owned),
            state: InvoiceState::Open {
                received: amount(received),
            },
        }
    }

    #[test]
    fn one_address_for_both_ways() {
        let lightning = invoice(None, 0);
        assert_eq!(link(&lightning), "lightning:lnbc1abc");
        assert_eq!(qr_payload(&lightning), "LIGHTNING:LNBC1ABC");

        let both = invoice(Some("bc1qxyz"), 0);
        let expected = "bitcoin:bc1qxyz?amount=0.00003000&lightning=lnbc1abc";
        assert_eq!(link(&both), expected);
        let expected = "bitcoin:BC1QXYZ?amount=0.00003000&lightning=LNBC1ABC";
        assert_eq!(qr_payload(&both), expected);
    }

    #[test]
    fn old_addresses_keep_their_case_and_part_payments_count() {
        let old = invoice(Some("3J98t1Wp"), 60);
        let expected = "bitcoin:3J98t1Wp?amount=0.00002940&lightning=LNBC1ABC";
        assert_eq!(qr_payload(&old), expected);
        let mut gone = invoice(Some("3J98t1Wp"), 0);
        gone.payment_request.clear();
        assert_eq!(link(&gone), "bitcoin:3J98t1Wp?amount=0.00003000");
    }
}
