//! What the handlers share.

use std::sync::Arc;

use super::{
    assets::Assets,
    board::Boards,
    client::{Client, Clients},
    l402::Challenges,
    limits::{Kind, Limits},
    lnurl::Tips,
    metrics::Scrape,
    pages,
    problem::ApiError,
};
use crate::{
    media::gate::Gate,
    metrics::{GrantOutcome, OrderOutcome},
    payments::{btcpay::webhook::Webhook, wallet::Wallet},
    sale::Sale,
    studio::Studio,
};

/// Everything that pages and API need; cheap to clone by its `Arc`.
#[derive(Debug)]
pub struct Web {
    pub sale: Sale,
    pub studio: Studio,
    /// How the node is.
    pub scrape: Scrape,
    pub clients: Clients,
    /// For a web server in front that serves media itself.
    pub gate: Arc<Gate>,
    pub limits: Limits,
    pub challenges: Challenges,
    /// What channels show of their tips.
    pub boards: Boards,
    pub tips: Tips,
    pub assets: Assets,
    pub site: pages::Site,
    /// The operator's accent, `#rrggbb`.
    pub accent: Option<String>,
    /// The site is reached over TLS: its cookies are marked so.
    pub secure: bool,
    /// The built-in wallet, when it is the payment backend.
    pub wallet: Option<Arc<Wallet>>,
    /// BTCPay's webhooks, when it is the payment backend.
    pub webhook: Option<Webhook>,
    /// Ends event streams when the server stops.
    pub shutdown: tokio_util::sync::CancellationToken,
}

impl Web {
    /// Counts one more request of this visitor, or refuses it.
    pub fn count(&self, kind: Kind, client: Client) -> Result<(), ApiError> {
        let taken = self.limits.take(kind, client, self.sale.clock.now());
        taken.inspect_err(|_| {
            let metrics = &self.sale.metrics;
            match kind {
                Kind::Order => metrics.orders.add(OrderOutcome::RefusedLimit),
                Kind::Grant => metrics.grants.add(GrantOutcome::RefusedLimit),
                Kind::Token | Kind::Recovery | Kind::Look | Kind::Knock => {}
            }
        })
    }

    /// The built-in wallet's page, ready to pay this: play money only.
    pub fn wallet_url(&self, payment_request: &str) -> Option<String> {
        self.wallet
            .as_ref()
            .map(|_| format!("/wallet?pr={payment_request}"))
    }
}

pub type Shared = Arc<Web>;
