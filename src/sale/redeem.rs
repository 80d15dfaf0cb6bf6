//! From a settled payment to access: by the ticket, or by the wallet's history.

use std::str::FromStr;

use lightning_invoice::Bolt11Invoice;

use super::{Error, Sale};
use crate::core::{
    access::Access,
    ids::PaymentHash,
    money::{Msats, Sats},
    order::{Order, OrderCode},
    receipt::Preimage,
    ticket::{self, Settlement, Ticket, mint},
};
use crate::payments::{Invoice, InvoiceState};

/// Longest payment request that is looked at.
const MAX_PAYMENT_REQUEST: usize = 4096;

/// What a viewer owns from now on.
#[derive(Debug)]
pub struct Redeemed {
    /// The access token's text, theirs to keep.
    pub token: String,
    pub access: Access,
    /// What was bought with it.
    pub order: Order,
}

impl Sale {
    /// The access that this ticket's payment bought. The node is asked anew every time: whatever
    /// crashed since the payment, the answer is the same.
    pub async fn redeem(&self, ticket: &str) -> Result<Redeemed, Error> {
        let ticket =
            Ticket::open(ticket, &self.keyring(), self.clock.now()).map_err(
                |error| match error {
                    ticket::Error::Expired => Error::OldTicket(error),
                    ticket::Error::Envelope(_) | ticket::Error::Order(_) => Error::BadTicket(error),
                },
            )?;
        let invoice = self.look_up(&ticket.invoice).await?;
        self.mint(&ticket.code, &ticket.order, &invoice).await
    }

    /// The access that a paid BOLT11 bought, proven by its preimage.
    pub async fn recover(&self, request: &str, preimage: &str) -> Result<Redeemed, Error> {
        let (hash, memo) = read_payment_request(request)?;
        let preimage = preimage.trim().parse::<Preimage>().map_err(|_| {
            Error::BadReceipt(
                "the preimage is 64 hex digits: your wallet shows it with the payment",
            )
        })?;
        if !preimage.proves(hash) {
            return Err(Error::BadReceipt(
                "this preimage belongs to another payment",
            ));
        }
        let foreign = Error::BadReceipt("this payment did not buy anything here");
        let Some((code, order)) = self.order_in(&memo) else {
            return Err(foreign);
        };
        let memo = code.to_string();
        let invoice = self.backend.find(hash, &memo).await?.ok_or(foreign)?;
        // SECURITY: the text must be the one that our node made: a preimage is known to every hop
        // that forwarded the payment, the payment secret inside the BOLT11 is not.
        if !invoice.payment_request.eq_ignore_ascii_case(request.trim()) || invoice.memo != memo {
            return Err(Error::BadReceipt("this payment request was not made here"));
        }
        self.mint(&code, &order, &invoice).await
    }

    /// The order whose code stands in this text: alone (LND), or among a store's own words
    /// (BTCPay's description template).
    fn order_in(&self, description: &str) -> Option<(OrderCode, Order)> {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        let keyring = self.keyring();
        description
            .split(|letter| !is_part(letter))
            .filter_map(|word| word.parse::<OrderCode>().ok())
            .find_map(|code| Some((code, code.open(&keyring).ok()?)))
    }

    pub(super) async fn mint(
        &self,
        code: &OrderCode,
        order: &Order,
        invoice: &Invoice,
    ) -> Result<Redeemed, Error> {
        let amount = order.tier.price();
        let settlement = match invoice.state {
            InvoiceState::Settled(settled) => Settlement {
                received: settled.received,
                at: settled.at,
                marked: settled.marked,
            },
            InvoiceState::Expired {
                received: Msats::ZERO,
            } => return Err(Error::Expired),
            InvoiceState::Open {
                received: Msats::ZERO,
            } if self.clock.now() >= invoice.expires_at => {
                return Err(Error::Expired);
            }
            InvoiceState::Canceled => return Err(Error::Canceled),
            InvoiceState::Confirming { received } => {
                return Err(Error::Unpaid {
                    state: "confirming",
                    received: received.to_sats_floor(),
                    amount,
                });
            }
            InvoiceState::Open { received } | InvoiceState::Expired { received } => {
                return Err(unpaid(received.to_sats_floor(), amount));
            }
        };
        let access =
            mint(code, order, settlement).map_err(|short| unpaid(short.received, short.price))?;
        self.record(invoice).await;
        Ok(Redeemed {
            token: access.seal(&self.keyring()),
            access,
            order: *order,
        })
    }
}

fn unpaid(received: Sats, amount: Sats) -> Error {
    let state = if received == Sats::ZERO {
        "open"
    } else {
        "underpaid"
    };
    Error::Unpaid {
        state,
        received,
        amount,
    }
}

fn read_payment_request(text: &str) -> Result<(PaymentHash, String), Error> {
    let text = text.trim();
    let unreadable = || {
        Error::BadReceipt("this is no payment request: it is the long text that begins with \"ln\"")
    };
    if text.len() > MAX_PAYMENT_REQUEST {
        return Err(unreadable());
    }
    let invoice = Bolt11Invoice::from_str(text).map_err(|_| unreadable())?;
    let hash = PaymentHash::from_bytes(*AsRef::<[u8; 32]>::as_ref(invoice.payment_hash()));
    Ok((hash, invoice.description().to_string()))
}
