//! Payment requests (BOLT 11): made and signed with the wallet's node key, and read again.

use std::{fmt, str::FromStr, time::Duration};

use bitcoin::{
    hashes::{Hash, sha256},
    secp256k1::{Message, Secp256k1, SecretKey, SignOnly},
};
use lightning_invoice::{
    Bolt11Invoice, Bolt11InvoiceDescription, Currency, Description, InvoiceBuilder, PaymentSecret,
    Sha256,
};

use crate::{
    core::{
        ids::{InvoiceRef, PaymentHash},
        money::Msats,
        time::Timestamp,
    },
    payments::{Error, Invoice, InvoiceState, NewInvoice, Result},
};

/// Longest text that is looked at; ours are a tenth of it.
const MAX_REQUEST: usize = 4096;
/// Blocks that the last hop leaves the receiver; BOLT 11's own default.
const FINAL_CLTV: u64 = 18;

/// Signs invoices.
pub(super) struct NodeKey {
    secret: SecretKey,
    secp: Secp256k1<SignOnly>,
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKey(hidden)")
    }
}

impl NodeKey {
    pub(super) fn new(secret: &[u8; 32]) -> Result<Self> {
        let secret = SecretKey::from_slice(secret).map_err(|error| Error::Refused(error.into()))?;
        Ok(Self {
            secret,
            secp: Secp256k1::signing_only(),
        })
    }

    /// Regtest: no wallet with real money takes it.
    pub(super) fn invoice(
        &self,
        new: &NewInvoice,
        hash: PaymentHash,
        payment_secret: [u8; 32],
        now: Timestamp,
    ) -> Result<Invoice> {
        let refused = |words: &'static str| Error::Refused(anyhow::anyhow!(words));
        if new.amount == Msats::ZERO {
            return Err(refused("an invoice needs an amount"));
        }
        if new.expires_in_s == 0 {
            return Err(refused("an invoice needs time to be paid"));
        }
        let description = match new.description_hash {
            Some(hash) => {
                Bolt11InvoiceDescription::Hash(Sha256(sha256::Hash::from_byte_array(hash)))
            }
            None => Bolt11InvoiceDescription::Direct(
                Description::new(new.memo.clone())
                    .map_err(|error| Error::Refused(anyhow::anyhow!("{error}")))?,
            ),
        };
        let signed = InvoiceBuilder::new(Currency::Regtest)
            .invoice_description(description)
            .payment_hash(sha256::Hash::from_byte_array(*hash.as_bytes()))
            .payment_secret(PaymentSecret(payment_secret))
            .duration_since_epoch(Duration::from_secs(now.as_unix()))
            .expiry_time(Duration::from_secs(u64::from(new.expires_in_s)))
            .min_final_cltv_expiry_delta(FINAL_CLTV)
            .amount_milli_satoshis(new.amount.get())
            .basic_mpp()
            .build_signed(|digest: &Message| self.secp.sign_ecdsa_recoverable(digest, &self.secret))
            .map_err(|error| Error::Refused(anyhow::anyhow!("{error}")))?;
        Ok(Invoice {
            reference: InvoiceRef::Hash(hash),
            payment_request: signed.to_string(),
            payment_hash: hash,
            memo: new.memo.clone(),
            amount: new.amount,
            created_at: now,
            expires_at: now.plus_seconds(u64::from(new.expires_in_s)),
            onchain: None,
            state: InvoiceState::Open {
                received: Msats::ZERO,
            },
        })
    }
}

/// The payment hash of a payment request and its text as invoices carry it: lower case, without
/// `lightning:`.
pub(super) fn read(text: &str) -> Option<(PaymentHash, String)> {
    let (invoice, text) = parse(text)?;
    let hash = PaymentHash::from_bytes(invoice.payment_hash().to_byte_array());
    Some((hash, text))
}

/// What a payment request asks for, in whole sat; None when it cannot be read or leaves it open.
pub fn requested_sat(payment_request: &str) -> Option<u64> {
    let (invoice, _) = parse(payment_request)?;
    Some(invoice.amount_milli_satoshis()?.div_ceil(1000))
}

fn parse(text: &str) -> Option<(Bolt11Invoice, String)> {
    if text.len() > MAX_REQUEST {
        return None;
    }
    // BOLT 11: all upper or all lower case; mixed is refused by the parser.
    let text = text.trim();
    let text = match text.get(..10) {
        Some(scheme) if scheme.eq_ignore_ascii_case("lightning:") => &text[10..],
        Some(_) | None => text,
    };
    let invoice = Bolt11Invoice::from_str(text).ok()?;
    Some((invoice, text.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_request_says_what_it_was_made_of(
            memo in "[ -~äöü€]{0,80}",
            sats in 1..=1_000_000_000_u64,
            msats in 0..1000_u64,
            hash: [u8; 32],
            payment_secret: [u8; 32],
            created in 1_600_000_000..4_000_000_000_u64,
            expires_in_s in 1..=1_000_000_u32,
        ) {
            let key = NodeKey::new(&[7; 32]).expect("a key");
            let amount = Msats::new(sats * 1000 + msats).expect("an amount");
            let new = NewInvoice { amount, memo: memo.clone(), description_hash: None, expires_in_s };
            let hash = PaymentHash::from_bytes(hash);
            let now = Timestamp::from_unix(created);
            let made = key.invoice(&new, hash, payment_secret, now).expect("an invoice");

            let upper = format!("LIGHTNING:{}", made.payment_request.to_ascii_uppercase());
            prop_assert_eq!(read(&upper), Some((hash, made.payment_request.clone())));
            prop_assert_eq!(requested_sat(&upper), Some(sats + u64::from(msats > 0)));

            let parsed: Bolt11Invoice = made.payment_request.parse().expect("BOLT11");
            prop_assert_eq!(parsed.description().to_string(), memo);
            prop_assert_eq!(parsed.amount_milli_satoshis(), Some(amount.get()));
            prop_assert_eq!(parsed.payment_secret().0, payment_secret);
            prop_assert_eq!(parsed.duration_since_epoch().as_secs(), created);
            prop_assert_eq!(parsed.expiry_time().as_secs(), u64::from(expires_in_s));
            prop_assert_eq!(parsed.currency(), Currency::Regtest);
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            prop_assert_eq!(read(&text), None);
            prop_assert_eq!(requested_sat(&text), None);
        }
    }

    #[test]
    fn what_cannot_be_an_invoice_is_refused() {
        let key = NodeKey::new(&[7; 32]).expect("a key");
        let make = |sats: u64, memo: String, expires_in_s| {
            let amount = Msats::new(sats * 1000).expect("an amount");
            let new = NewInvoice {
                amount,
                memo,
                description_hash: None,
                expires_in_s,
            };
            let hash = PaymentHash::from_bytes([1; 32]);
            key.invoice(&new, hash, [2; 32], Timestamp::from_unix(1_700_000_000))
        };
        assert!(make(1, "a".repeat(639), 60).is_ok());
        for refused in [
            make(0, String::new(), 60),
            make(1, String::new(), 0),
            make(1, "a".repeat(640), 60),
            make(2_100_000_000_000_000, String::new(), 60),
        ] {
            assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        }
    }
}
