//! Why a step of a sale does not go on, in words for whoever asked.

use crate::{
    admission::Elsewhere,
    core::{access, envelope, l402, money::Sats, ticket},
    ledger, media, payments,
};

/// What stops a sale.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no film has this id: see GET /api/titles")]
    UnknownTitle,
    #[error("this film is still being prepared: try again in a moment")]
    NotReady,
    #[error("this film is free: ask for a grant without a token")]
    Free,
    #[error("this film has no such tier on offer; it has: {0}")]
    NotOnOffer(String),
    #[error("this film has no free part: send a token")]
    NoPreview,
    #[error("the free part of this broadcast is over for this session: send a token")]
    GlimpseOver,
    #[error("{received} of {amount} arrived")]
    Unpaid {
        state: &'static str,
        received: Sats,
        amount: Sats,
    },
    #[error("nothing was paid before the code ran out: order again")]
    Expired,
    #[error("the payment was withdrawn: order again")]
    Canceled,
    #[error("{0}: restore the purchase with POST /api/tokens/recover")]
    OldTicket(#[source] ticket::Error),
    #[error("{0}{restore}", restore = how_to_restore(matches!(
        .0,
        ticket::Error::Envelope(envelope::Error::RetiredKey)
    )))]
    BadTicket(#[source] ticket::Error),
    #[error("this is no order of this site: {0}")]
    BadOrder(#[source] envelope::Error),
    #[error("this is no token of this site: {0}{restore}", restore = how_to_restore(matches!(
        .0,
        envelope::Error::RetiredKey
    )))]
    BadToken(#[source] envelope::Error),
    #[error("{}", access_words(.0))]
    Access(#[source] access::Refusal),
    #[error(
        "this purchase was closed by the cinema: if that is a mistake, ask whoever runs it, and \
         name the purchase by its subject"
    )]
    Denied,
    #[error(
        "this purchase is playing on as many other devices as it may: to watch here, ask for a \
         grant without a session"
    )]
    Elsewhere(#[from] Elsewhere),
    #[error("many are ordering at the moment; nothing was charged: try again soon")]
    Crowded,
    #[error("{0}; without the header you get an invoice")]
    BadAuthorization(#[from] l402::Error),
    #[error("{0}")]
    BadReceipt(&'static str),
    #[error("the cinema's till is closed for the moment; nothing was charged: try again soon")]
    NodeAway(#[source] payments::Error),
    #[error("this amount can't be taken at the moment; nothing was charged: try again later")]
    CannotReceive(#[source] payments::Error),
    #[error("this can't be recorded at the moment; nothing was charged: try again soon")]
    Ledger(#[from] ledger::Error),
    #[error("this film can't be read at the moment: try again soon")]
    Media(#[from] media::store::Error),
    #[error("the system gives no randomness: try again soon")]
    Randomness(getrandom::Error),
}

impl From<payments::Error> for Error {
    fn from(error: payments::Error) -> Self {
        match error {
            payments::Error::CannotReceive { .. } => Self::CannotReceive(error),
            payments::Error::Away(_)
            | payments::Error::Refused(_)
            | payments::Error::WrongState(_) => Self::NodeAway(error),
        }
    }
}

/// After a retired key the purchase itself is as good as before.
fn how_to_restore(retired: bool) -> &'static str {
    if retired {
        ": restore the purchase from the wallet's history, with POST /api/tokens/recover"
    } else {
        ""
    }
}

fn access_words(refusal: &access::Refusal) -> String {
    match refusal {
        access::Refusal::WrongTitle => "this token is for another film".to_owned(),
        access::Refusal::Expired(at) => {
            format!("this token's time ran out at {at}: buy again to go on")
        }
    }
}
