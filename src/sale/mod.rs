//! A sale from order to playback: the steps that pages and API share. Knows no HTTP.
//!
//! - [`Sale::order`], [`Sale::tip`]: make an invoice
//! - [`Sale::status`]: how its payment stands
//! - [`Sale::redeem`], [`Sale::recover`]: turn a settled payment into access
//! - [`Sale::grant`]: turn access into playback
//! - [`Sale::macaroon`], [`Sale::enter`]: all of it for programs (L402)
//!
//! Stateless: everything is decided from what the caller holds and what the node says.

mod error;
mod grant;
mod l402;
mod open;
mod order;
mod redeem;
mod tip;

use std::sync::Arc;

pub use error::Error;
pub use grant::{GRANT_LIFETIME_S, GrantRequest, Granted, NATIVE_LIFETIME_S};
pub use l402::Entrance;
pub use open::OpenInvoices;
pub use order::{PaymentState, Placed, Status};
pub use redeem::Redeemed;
pub use tip::{MAX_TIP_MESSAGE, MAX_TIP_SAT, NewTip};

use crate::{
    admission::Admission,
    catalog::{Catalog, Title},
    clock::Clock,
    core::{
        ids::VideoId,
        keyring::Keyring,
        offer::{Tier, TierKind},
    },
    keys::Keys,
    ledger::Ledger,
    media::store::Store,
    payments::{InvoiceBackend, settlement::Settlement},
};

/// What the steps of a sale need.
#[derive(Debug, Clone)]
pub struct Sale {
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<Keys>,
    pub catalog: Arc<Catalog>,
    pub store: Arc<Store>,
    pub admission: Arc<Admission>,
    pub backend: Arc<dyn InvoiceBackend>,
    pub settlement: Arc<Settlement>,
    pub ledger: Ledger,
    pub open: Arc<OpenInvoices>,
    /// The site-wide pass, when one is sold.
    pub pass: Option<Tier>,
    /// How long an invoice can be paid, in seconds.
    pub invoice_s: u32,
}

impl Sale {
    fn keyring(&self) -> Arc<Keyring> {
        self.keys.current()
    }

    /// All that can be bought on a title's page: its own tiers, then the site's pass.
    pub fn tiers(&self, title: &Title) -> Vec<Tier> {
        if title.offer.is_free() {
            return Vec::new();
        }
        // A title without tiers of its own has the site's, the pass among them.
        let own = title.offer.tiers().iter().copied();
        own.filter(|tier| tier.kind() != TierKind::Pass)
            .chain(self.pass)
            .collect()
    }

    fn tier(&self, title: &Title, kind: TierKind) -> Option<Tier> {
        self.tiers(title)
            .into_iter()
            .find(|tier| tier.kind() == kind)
    }

    /// A title that a stranger may know of.
    pub fn public_title(&self, id: VideoId) -> Result<Arc<Title>, Error> {
        use satreel_hls::title::State;
        let title = self.catalog.get(&id).ok_or(Error::UnknownTitle)?;
        match title.state {
            State::Published | State::Live | State::Scheduled | State::Processing => Ok(title),
            State::Hidden => Err(Error::UnknownTitle),
        }
    }
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::Randomness)?;
    Ok(bytes)
}
