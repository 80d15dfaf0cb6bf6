//! From a choice to an invoice, and how its payment stands.

use std::sync::Arc;

use super::{Error, Sale, random};
use crate::{
    catalog::Channel,
    core::{
        handle::Handle,
        ids::{InvoiceRef, VideoId},
        money::{Msats, Sats},
        offer::Tier,
        order::Order,
        ticket::Ticket,
        time::Timestamp,
    },
    metrics::OrderOutcome,
    payments::{Invoice, InvoiceState, NewInvoice},
};

/// An order with less time than this is not shown again.
const AGAIN_S: u64 = 120;

/// An order that waits for its payment.
#[derive(Debug)]
pub struct Placed {
    /// Its public name, sealed.
    pub order: String,
    /// The buyer's secret, sealed. None: a tip, which buys nothing.
    pub ticket: Option<String>,
    pub tier: Option<Tier>,
    pub amount: Sats,
    pub invoice: Invoice,
}

/// Where something is bought.
#[derive(Debug, Clone)]
pub enum Page {
    Title(VideoId),
    /// While nothing is on air.
    Channel(Arc<Channel>),
}

impl From<VideoId> for Page {
    fn from(title: VideoId) -> Self {
        Self::Title(title)
    }
}

/// How a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    pub state: PaymentState,
    pub received: Sats,
    pub amount: Sats,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    Open,
    Underpaid,
    /// Seen on chain, waiting for its confirmation.
    Confirming,
    Settled,
    Expired,
}

impl PaymentState {
    /// Nothing more will happen to this order.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Settled | Self::Expired)
    }
}

impl Sale {
    /// Orders what is offered on a page.
    pub async fn order(&self, page: impl Into<Page>, tier: &str) -> Result<Placed, Error> {
        let (title, tier) = self.offered(&page.into(), tier)?;
        let order = Order {
            title,
            tier,
            created_at: self.clock.now(),
        };
        let code = order.encode(random()?, &self.keyring());
        let invoice = self
            .invoice(tier.price().to_msats(), code.to_string(), None)
            .await?;
        let ticket = Ticket {
            code,
            order,
            invoice: invoice.reference.clone(),
        };
        Ok(self.placed(&ticket, invoice))
    }

    /// The order of this ticket again, instead of another invoice for the same thing. None: it is
    /// for something else, at another price, paid, or about to run out.
    pub async fn order_again(
        &self,
        page: impl Into<Page>,
        tier: &str,
        ticket: &str,
    ) -> Result<Option<Placed>, Error> {
        let (title, tier) = self.offered(&page.into(), tier)?;
        let now = self.clock.now();
        let Ok(ticket) = Ticket::open(ticket, &self.keyring(), now) else {
            return Ok(None);
        };
        let same_page = ticket.order.page().is_none_or(|page| page == title);
        if ticket.order.tier != tier || !same_page {
            return Ok(None);
        }
        let found = self.backend.look_up(&ticket.invoice).await;
        let found = found.map_err(Error::from);
        let found = found.inspect_err(|error| self.metrics.orders.add(outcome(error)))?;
        Ok(found
            .filter(|invoice| is_payable(invoice, now))
            .map(|invoice| {
                self.metrics.orders.add(OrderOutcome::Reused);
                self.placed(&ticket, invoice)
            }))
    }

    /// What is asked for, if it is for sale, and of which title.
    fn offered(&self, page: &Page, tier: &str) -> Result<(VideoId, Tier), Error> {
        let (title, offers) = match page {
            Page::Title(id) => (*id, self.offered_by(*id)?),
            Page::Channel(channel) => (Order::NOWHERE, self.passes_off_air(channel)),
        };
        let found = self.named(&offers, tier).ok_or_else(|| {
            let ids: Vec<_> = offers.iter().map(|tier| self.offer_id(tier)).collect();
            Error::NotOnOffer(ids.join(", "))
        })?;
        Ok((title, found))
    }

    fn offered_by(&self, title: VideoId) -> Result<Vec<Tier>, Error> {
        let title = self.public_title(title)?;
        if title.state == satreel_hls::title::State::Processing {
            return Err(Error::NotReady);
        }
        if !self.is_for_sale(&title) {
            return Err(Error::UnknownTitle);
        }
        if title.offer.is_free() {
            return Err(Error::Free);
        }
        Ok(self.offers(&title))
    }

    fn placed(&self, ticket: &Ticket, invoice: Invoice) -> Placed {
        let tier = ticket.order.tier;
        Placed {
            order: self.handle(&invoice, tier.price()),
            ticket: Some(ticket.seal(&self.keyring())),
            tier: Some(tier),
            amount: tier.price(),
            invoice,
        }
    }

    /// `description_hash`: see [`NewInvoice`].
    pub(super) async fn invoice(
        &self,
        amount: Msats,
        memo: String,
        description_hash: Option<[u8; 32]>,
    ) -> Result<Invoice, Error> {
        let new = NewInvoice {
            amount,
            memo,
            description_hash,
            expires_in_s: self.invoice_s,
        };
        let made = self.make(new).await;
        let made = made.inspect_err(|error| self.metrics.orders.add(outcome(error)))?;
        self.metrics.orders.add(OrderOutcome::Created);
        Ok(made)
    }

    async fn make(&self, new: NewInvoice) -> Result<Invoice, Error> {
        let room = self.make_room().await?;
        let invoice = self.backend.create(new).await?;
        room.fill(invoice.reference.clone(), invoice.expires_at);
        Ok(invoice)
    }

    /// The public name of an order, sealed.
    pub fn handle(&self, invoice: &Invoice, amount: Sats) -> String {
        handle(invoice, amount).seal(&self.keyring())
    }

    pub fn open_handle(&self, order: &str) -> Result<Handle, Error> {
        Handle::open(order, &self.keyring()).map_err(Error::BadOrder)
    }

    /// The invoice behind an order, as the node knows it now.
    pub async fn look_up(&self, reference: &InvoiceRef) -> Result<Invoice, Error> {
        // Ours by its signature, yet unknown to the node: another node's, after a move.
        let unknown = Error::BadOrder(crate::core::envelope::Error::UnknownKey);
        self.backend.look_up(reference).await?.ok_or(unknown)
    }

    /// How the payment of this order stands.
    pub async fn status(&self, handle: &Handle) -> Result<Status, Error> {
        let invoice = self.look_up(&handle.invoice).await?;
        let status = status(&invoice, handle.amount, self.clock.now());
        if status.state == PaymentState::Settled {
            // Whoever hears of it first sees to the record.
            self.record(&invoice).await;
        }
        Ok(status)
    }

    /// Access never waits for bookkeeping, and never fails with it: the stream and the
    /// reconciliation record this sale too.
    pub(super) async fn record(&self, invoice: &Invoice) {
        self.open.forget(&invoice.reference);
        if let Err(error) = self.settlement.settle(invoice).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "sale not recorded yet");
        }
    }
}

/// As what an order that came to nothing is counted.
const fn outcome(error: &Error) -> OrderOutcome {
    match error {
        Error::CannotReceive(_) => OrderOutcome::RefusedCannotReceive,
        Error::Crowded => OrderOutcome::RefusedLimit,
        _ => OrderOutcome::Failed,
    }
}

/// Worth showing again: money is on its way, or may still come in good time.
fn is_payable(invoice: &Invoice, now: Timestamp) -> bool {
    match invoice.state {
        InvoiceState::Confirming { .. } => true,
        InvoiceState::Open { .. } => now.plus_seconds(AGAIN_S) <= invoice.expires_at,
        InvoiceState::Settled(_) | InvoiceState::Expired { .. } | InvoiceState::Canceled => false,
    }
}

fn handle(invoice: &Invoice, amount: Sats) -> Handle {
    Handle {
        invoice: invoice.reference.clone(),
        amount,
        expires_at: invoice.expires_at,
    }
}

fn status(invoice: &Invoice, amount: Sats, now: Timestamp) -> Status {
    let (state, received) = match invoice.state {
        InvoiceState::Settled(settled)
            if settled.received >= amount.to_msats() || settled.marked =>
        {
            (PaymentState::Settled, settled.received)
        }
        InvoiceState::Settled(settled) => (PaymentState::Underpaid, settled.received),
        InvoiceState::Confirming { received } => (PaymentState::Confirming, received),
        InvoiceState::Open { received } | InvoiceState::Expired { received }
            if received.get() > 0 =>
        {
            (PaymentState::Underpaid, received)
        }
        InvoiceState::Open { received } if now < invoice.expires_at => {
            (PaymentState::Open, received)
        }
        InvoiceState::Open { received } | InvoiceState::Expired { received } => {
            (PaymentState::Expired, received)
        }
        InvoiceState::Canceled => (PaymentState::Expired, Msats::ZERO),
    };
    Status {
        state,
        received: received.to_sats_floor(),
        amount,
    }
}
