//! The payment as authorization, for programs: an order with a macaroon in place of the ticket,
//! and a film for the macaroon and the preimage of its payment.

use super::{Error, GrantRequest, Granted, Placed, Sale, random};
use crate::core::{
    access::Refusal,
    ids::VideoId,
    l402::{self, Authorization},
    order,
    ticket::Ticket,
};

/// What an authorization opens.
#[derive(Debug)]
pub enum Entrance {
    Open(Granted),
    /// The proof is good, but the payment backend does not call it settled yet.
    Wait,
    /// Good, and not for this film now: why.
    Pay(String),
}

impl Sale {
    /// The macaroon that this order's payment makes good. `place` is a hint for people.
    pub fn macaroon(&self, placed: &Placed, place: &str) -> Result<String, Error> {
        let keyring = self.keyring();
        let ticket = placed.ticket.as_deref().unwrap_or_default();
        let ticket = Ticket::open(ticket, &keyring, self.clock.now()).map_err(Error::BadTicket)?;
        let macaroon = l402::mint(
            &keyring,
            random()?,
            place,
            (&ticket.code, &ticket.order),
            (&ticket.invoice, placed.invoice.payment_hash),
        );
        Ok(macaroon.encode())
    }

    /// Opens a title to whoever paid for it. The node is asked every time, as for a ticket.
    pub async fn enter(
        &self,
        title: VideoId,
        authorization: &Authorization,
    ) -> Result<Entrance, Error> {
        let keyring = self.keyring();
        let claim = authorization.open(&keyring)?;
        let order = claim.order.open(&keyring).map_err(|error| match error {
            order::Error::Foreign | order::Error::Version | order::Error::Tip => {
                l402::Error::Forged
            }
        })?;
        if let Err(insufficient) = claim.check(title, order.tier.kind()) {
            return Ok(Entrance::Pay(insufficient.to_string()));
        }
        let Some(invoice) = self.backend.look_up(&claim.invoice).await? else {
            return Ok(Entrance::Pay(
                "this site's node knows no such payment".into(),
            ));
        };
        // SECURITY: as for a receipt, the node must have been paid for this very order.
        if invoice.memo != claim.order.to_string() {
            return Err(l402::Error::Forged.into());
        }
        let redeemed = match self.mint(&claim.order, &order, &invoice).await {
            Ok(redeemed) => redeemed,
            Err(Error::Unpaid { .. }) => return Ok(Entrance::Wait),
            Err(error @ (Error::Expired | Error::Canceled)) => {
                return Ok(Entrance::Pay(error.to_string()));
            }
            Err(error) => return Err(error),
        };
        let paid_at = invoice
            .settled()
            .map_or_else(|| self.clock.now(), |settled| settled.at);
        let access = claim.narrow(redeemed.access, paid_at);
        let request = GrantRequest {
            title,
            token: Some(access.seal(&keyring)),
            session: None,
            whole_timeline: false,
            native: true,
        };
        match self.grant(request).await {
            Ok(granted) => Ok(Entrance::Open(granted)),
            Err(Error::Access(Refusal::WrongTitle)) => {
                Ok(Entrance::Pay(l402::Insufficient::WrongTitle.to_string()))
            }
            Err(Error::Access(Refusal::Expired(at))) => Ok(Entrance::Pay(format!(
                "the time that was paid for ran out at {at}"
            ))),
            Err(error) => Err(error),
        }
    }
}
