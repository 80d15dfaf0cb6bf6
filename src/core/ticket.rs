//! The ticket: the buyer's signed claim to what one invoice pays for, and [`mint`], which turns it
//! into access once the money is there.
//!
//! Body: order code 33 | invoice reference (tag 1, then 32 or up to 40 bytes).

use super::{
    access::{Access, Scope, Term},
    envelope::{self, Kind},
    ids::InvoiceRef,
    keyring::Keyring,
    money::Sats,
    order::{self, Order, OrderCode},
    time::Timestamp,
};
use crate::core::money::Msats;

/// How long a ticket is taken. Afterwards the wallet's history restores a purchase (`receipt`).
pub const LIFETIME_S: u64 = 90 * 24 * 3600;

/// A checked ticket. Not `Display`: turning it into text is [`Ticket::seal`], a deliberate act,
/// since whoever holds the text owns the purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub code: OrderCode,
    pub order: Order,
    pub invoice: InvoiceRef,
}

/// Why a ticket is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("this is no valid ticket: {0}")]
    Envelope(#[from] envelope::Error),
    #[error("this is no valid ticket: {0}")]
    Order(#[from] order::Error),
    #[error("this ticket is older than {} days", LIFETIME_S / 86400)]
    Expired,
}

impl Ticket {
    /// The ticket's text, signed.
    pub fn seal(&self, keyring: &Keyring) -> String {
        let mut body = self.code.as_bytes().to_vec();
        body.extend(self.invoice.to_bytes());
        envelope::seal(Kind::Ticket, &body, keyring.signing())
    }

    pub fn open(text: &str, keyring: &Keyring, now: Timestamp) -> Result<Self, Error> {
        let body = envelope::open_vec(Kind::Ticket, text, keyring)?;
        let (code, invoice) = body
            .split_first_chunk::<{ OrderCode::BYTES }>()
            .ok_or(envelope::Error::Malformed)?;
        let code = OrderCode::from_bytes(*code);
        let order = code.open(keyring)?;
        if now.seconds_since(order.created_at) > LIFETIME_S {
            return Err(Error::Expired);
        }
        let invoice = InvoiceRef::from_bytes(invoice).ok_or(envelope::Error::Malformed)?;
        Ok(Self {
            code,
            order,
            invoice,
        })
    }
}

/// What the payment backend says has arrived, and when: the same at every look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    pub received: Msats,
    pub at: Timestamp,
    /// The operator's own word that it is paid counts whatever was received.
    pub marked: bool,
}

/// Less than the price has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{received} arrived of {price}")]
pub struct Underpaid {
    pub received: Sats,
    pub price: Sats,
}

/// What a settled order gives: always the same for the same order and settlement, whoever asks,
/// however often, on whichever server.
pub fn mint(code: &OrderCode, order: &Order, settlement: Settlement) -> Result<Access, Underpaid> {
    let price = order.tier.price();
    if settlement.received < price.to_msats() && !settlement.marked {
        return Err(Underpaid {
            received: settlement.received.to_sats_floor(),
            price,
        });
    }
    Ok(Access {
        scope: Scope::of(&order.tier, order.title),
        tier: order.tier.kind(),
        // Counted from the payment, not from the order: nobody pays for time spent paying.
        term: order
            .tier
            .hours()
            .map_or(Term::Forever, |hours| Term::Hours {
                paid_at: settlement.at,
                hours,
            }),
        subject: code.subject(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{
        ids::PaymentHash,
        keyring::{
            Keyring,
            tests::{key, keyring},
        },
        offer::TierKind,
        order::tests::any_order,
    };
    use super::*;

    fn ticket(order: Order, hash: [u8; 32]) -> Ticket {
        let code = order.encode([1, 2, 3], &keyring(1));
        Ticket {
            code,
            order,
            invoice: InvoiceRef::Hash(PaymentHash::from_bytes(hash)),
        }
    }

    proptest! {
        #[test]
        fn a_ticket_survives_the_round_trip(order in any_order(), hash: [u8; 32]) {
            let ticket = ticket(order, hash);
            let text = ticket.seal(&keyring(1));
            let opened = Ticket::open(&text, &keyring(1), order.created_at);
            prop_assert_eq!(opened.as_ref(), Ok(&ticket));
            let late = order.created_at.plus_seconds(LIFETIME_S + 1);
            prop_assert_eq!(Ticket::open(&text, &keyring(1), late), Err(Error::Expired));
        }

        #[test]
        fn any_changed_letter_is_refused(order in any_order(), at in 0..127_usize, to in "[A-Za-z0-9_-]") {
            let text = ticket(order, [7; 32]).seal(&keyring(1));
            let at = at % text.len();
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != text);
            prop_assert!(Ticket::open(&changed, &keyring(1), order.created_at).is_err());
        }

        #[test]
        fn minting_is_a_pure_function(order in any_order(), paid: u32, at: u32) {
            let code = order.encode([9; 3], &keyring(1));
            let settlement = Settlement {
                received: Msats::new(u64::from(paid) * 1000).expect("an amount"),
                at: Timestamp::from_unix(u64::from(at)),
                marked: false,
            };
            let first = mint(&code, &order, settlement);
            prop_assert_eq!(first, mint(&code, &order, settlement));
            prop_assert_eq!(first.is_ok(), u64::from(paid) >= order.tier.price().get());
            if let Ok(access) = first {
                prop_assert_eq!(access.seal(&keyring(1)), access.seal(&keyring(1)));
            }
        }
    }

    #[test]
    fn a_millisat_short_is_short() {
        let order = Order {
            title: super::super::ids::VideoId::from_bytes([1; 8]),
            tier: super::super::offer::Tier::new(TierKind::Own, 100, None).expect("a tier"),
            created_at: Timestamp::default(),
        };
        let code = order.encode([0; 3], &keyring(1));
        let paid = |msats| Settlement {
            received: Msats::new(msats).expect("an amount"),
            at: Timestamp::default(),
            marked: false,
        };
        assert!(mint(&code, &order, paid(99_999)).is_err());
        let marked = Settlement {
            marked: true,
            ..paid(0)
        };
        assert!(mint(&code, &order, marked).is_ok());
        assert!(mint(&code, &order, paid(100_000)).is_ok());
    }

    #[test]
    fn btcpay_tickets_name_their_invoice() {
        let order = ticket_order();
        let ticket = Ticket {
            invoice: InvoiceRef::btcpay("Hj3kPq8LmN2RtV5xYz7AbC").expect("an id"),
            ..ticket(order, [0; 32])
        };
        let text = ticket.seal(&keyring(1));
        assert_eq!(
            Ticket::open(&text, &keyring(1), order.created_at),
            Ok(ticket)
        );
    }

    #[test]
    fn a_retired_key_is_named_as_the_reason() {
        let order = ticket_order();
        let text = ticket(order, [0; 32]).seal(&keyring(1));
        let retired = Keyring::new(key(2), Vec::new(), vec![key(1)]);
        let error = Ticket::open(&text, &retired, order.created_at);
        assert_eq!(error, Err(Error::Envelope(envelope::Error::RetiredKey)));
    }

    fn ticket_order() -> Order {
        Order {
            title: super::super::ids::VideoId::from_bytes([1; 8]),
            tier: super::super::offer::Tier::new(TierKind::Rent, 100, Some(24)).expect("a tier"),
            created_at: Timestamp::from_unix(1_700_000_000),
        }
    }
}
