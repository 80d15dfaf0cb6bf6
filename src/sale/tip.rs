//! Thanks: an invoice that buys nothing.

use super::{Error, Placed, Sale, random};
use crate::{
    core::{ids::VideoId, money::Msats, tip::Tip},
    ledger::PendingTip,
};

/// The largest tip, 1 bitcoin: more is a slip of the hand.
pub const MAX_TIP_SAT: u64 = 100_000_000;
/// The longest message with a tip, in characters.
pub const MAX_TIP_MESSAGE: usize = 280;

/// A tip to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTip {
    pub amount: Msats,
    /// None: for the site.
    pub title: Option<VideoId>,
    pub message: String,
    /// What the invoice commits to in place of its memo (LNURL-pay).
    pub description_hash: Option<[u8; 32]>,
}

impl Sale {
    /// Makes the invoice, and notes what it is for.
    pub async fn tip(&self, tip: NewTip) -> Result<Placed, Error> {
        if let Some(title) = tip.title {
            self.public_title(title)?;
        }
        let amount = tip.amount.to_sats_floor();
        let now = self.clock.now();
        let code = Tip {
            title: tip.title,
            amount,
            created_at: now,
        }
        .encode(random()?, &self.keyring());
        let invoice = self
            .invoice(tip.amount, code.to_string(), tip.description_hash)
            .await?;
        // Before anybody can pay: the settlement shall find the message too.
        self.ledger
            .note_tip(PendingTip {
                reference: invoice.reference.clone(),
                title: tip.title,
                amount,
                message: tip.message,
                at: now,
            })
            .await?;
        Ok(Placed {
            order: self.handle(&invoice, amount),
            ticket: None,
            tier: None,
            amount,
            invoice,
        })
    }
}
