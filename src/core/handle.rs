//! An order's public name: enough for any server with the keys to ask the node how the payment
//! stands, and signed so that a stranger can't make us ask about invoices that aren't ours.
//!
//! Body: amount in sat 8 | expires, unix seconds 8 | invoice reference.

use super::{
    envelope::{self, Kind},
    ids::InvoiceRef,
    keyring::Keyring,
    money::Sats,
    time::Timestamp,
};

/// A checked order handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle {
    pub invoice: InvoiceRef,
    pub amount: Sats,
    /// When the invoice can no longer be paid.
    pub expires_at: Timestamp,
}

impl Handle {
    pub fn seal(&self, keyring: &Keyring) -> String {
        let mut body = Vec::with_capacity(64);
        body.extend(self.amount.get().to_be_bytes());
        body.extend(self.expires_at.as_unix().to_be_bytes());
        body.extend(self.invoice.to_bytes());
        envelope::seal(Kind::Handle, &body, keyring.signing())
    }

    pub fn open(text: &str, keyring: &Keyring) -> Result<Self, envelope::Error> {
        let malformed = envelope::Error::Malformed;
        let body = envelope::open_vec(Kind::Handle, text, keyring)?;
        let (amount, rest) = body.split_first_chunk().ok_or(malformed)?;
        let (expires, invoice) = rest.split_first_chunk().ok_or(malformed)?;
        Ok(Self {
            amount: Sats::new(u64::from_be_bytes(*amount)).map_err(|_| malformed)?,
            expires_at: Timestamp::from_unix(u64::from_be_bytes(*expires)),
            invoice: InvoiceRef::from_bytes(invoice).ok_or(malformed)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ids::PaymentHash, keyring::tests::keyring, ticket::Ticket};
    use super::*;

    #[test]
    fn a_handle_survives_the_round_trip_and_is_no_ticket() {
        for invoice in [
            InvoiceRef::Hash(PaymentHash::from_bytes([5; 32])),
            InvoiceRef::btcpay(&"B".repeat(super::super::ids::MAX_BTCPAY_ID)).expect("an id"),
        ] {
            let handle = Handle {
                invoice,
                amount: Sats::new(100).expect("an amount"),
                expires_at: Timestamp::from_unix(1_700_000_900),
            };
            let text = handle.seal(&keyring(1));
            assert_eq!(Handle::open(&text, &keyring(1)), Ok(handle));
            let as_ticket = Ticket::open(&text, &keyring(1), Timestamp::default());
            assert_eq!(as_ticket, Err(envelope::Error::WrongKind.into()));
        }
    }
}
