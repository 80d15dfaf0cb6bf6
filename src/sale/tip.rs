//! Thanks: an invoice that buys nothing.

use satreel_hls::live::channel::ChannelName;

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
    /// On a channel's page, while nothing may be on air.
    pub channel: Option<ChannelName>,
    pub message: String,
    /// What the invoice commits to in place of its memo (LNURL-pay).
    pub description_hash: Option<[u8; 32]>,
}

impl Sale {
    /// Makes the invoice, and notes what it is for.
    pub async fn tip(&self, tip: NewTip) -> Result<Placed, Error> {
        let mut channel = tip.channel;
        if let Some(title) = tip.title {
            let title = self.public_title(title)?;
            // A broadcast and its recording carry their channel's name.
            let mut channels = title.tags.iter().filter_map(|tag| self.channels.get(tag));
            channel = channel.or_else(|| Some(channels.next()?.id.clone()));
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
                channel: channel.map(|channel| channel.to_string()),
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
