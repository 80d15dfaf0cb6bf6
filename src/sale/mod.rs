//! A sale from order to playback: the steps that pages and API share. Knows no HTTP.
//!
//! - [`Sale::order`], [`Sale::tip`]: make an invoice
//! - [`Sale::status`]: how its payment stands
//! - [`Sale::redeem`], [`Sale::recover`]: turn a settled payment into access
//! - [`Sale::grant`]: turn access into playback
//! - [`Sale::macaroon`], [`Sale::enter`]: all of it for programs (L402)
//!
//! Stateless: everything is decided from what the caller holds and what the node says.

mod broadcasts;
mod error;
mod grant;
mod l402;
mod offers;
mod open;
mod order;
mod redeem;
mod tip;

use std::sync::Arc;

pub use error::Error;
pub use grant::{GRANT_LIFETIME_S, GrantRequest, Granted, NATIVE_LIFETIME_S, Rent};
pub use l402::Entrance;
pub use offers::{Passes, offers};
pub use open::OpenInvoices;
pub use order::{Page, PaymentState, Placed, Status};
pub use redeem::Redeemed;
pub use tip::{MAX_TIP_MESSAGE, MAX_TIP_SAT, NewTip};

use crate::{
    admission::Admission,
    catalog::{Catalog, Channels, Title},
    clock::Clock,
    core::{
        access::Access,
        ids::VideoId,
        keyring::Keyring,
        offer::{Tier, TierKind, tier_name, tier_named},
        tag::TagId,
    },
    keys::Keys,
    ledger::Ledger,
    media::{live::Live, store::Store},
    metrics::Metrics,
    outages::Outages,
    payments::{InvoiceBackend, settlement::Settlement},
};

/// What the steps of a sale need.
#[derive(Debug, Clone)]
pub struct Sale {
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<Keys>,
    pub catalog: Arc<Catalog>,
    pub channels: Arc<Channels>,
    pub store: Arc<Store>,
    pub live: Arc<Live>,
    pub outages: Arc<Outages>,
    pub admission: Arc<Admission>,
    pub backend: Arc<dyn InvoiceBackend>,
    pub settlement: Arc<Settlement>,
    pub ledger: Ledger,
    pub metrics: Arc<Metrics>,
    pub open: Arc<OpenInvoices>,
    pub passes: Passes,
    /// How long an invoice can be paid, in seconds.
    pub invoice_s: u32,
}

impl Sale {
    fn keyring(&self) -> Arc<Keyring> {
        self.keys.current()
    }

    /// What outages have added to an access by now, in seconds.
    pub fn credit_s(&self, access: &Access) -> u64 {
        self.outages.credit_s(access, self.clock.now())
    }

    /// What a title's page sells of its own and for the whole site: its tiers, then the pass.
    pub fn tiers(&self, title: &Title) -> Vec<Tier> {
        if title.offer.is_free() {
            return Vec::new();
        }
        // A title without tiers of its own has the site's, the passes among them.
        let own = title.offer.tiers().iter().copied();
        own.filter(|tier| tier.kind() != TierKind::Pass)
            .chain(self.passes.site)
            .collect()
    }

    /// All that can be bought on a title's page: its tiers, the collections that it belongs to,
    /// the site's pass.
    pub fn offers(&self, title: &Title) -> Vec<Tier> {
        let mut offers = self.tiers(title);
        let collections = self.passes.collections.iter().map(|(_, tier)| *tier);
        let collections =
            collections.filter(|tier| tier.tag().is_some_and(|tag| title.has_tag(tag)));
        let channels = self.channel_passes(title);
        if !title.offer.is_free() {
            let at = offers.len() - usize::from(self.passes.site.is_some());
            offers.splice(at..at, collections.chain(channels));
        }
        offers
    }

    /// What an offer is ordered by: "rent", "own", "pass", or "pass:noir" for a collection, and
    /// "pass:news:24" for a day of a channel.
    pub fn offer_id(&self, tier: &Tier) -> String {
        let name = tier_name(tier.kind());
        let Some(tag) = tier.tag() else {
            return name.to_owned();
        };
        let tag = self.tag_name(tag).unwrap_or_default();
        match tier.hours() {
            Some(hours) if !self.is_collection(tier) => format!("{name}:{tag}:{hours}"),
            _ => format!("{name}:{tag}"),
        }
    }

    pub(super) fn is_collection(&self, tier: &Tier) -> bool {
        self.passes.collections.iter().any(|(_, own)| own == tier)
    }

    /// The tag of a collection that is sold, or a channel's name.
    pub fn tag_name(&self, tag: TagId) -> Option<String> {
        let mut collections = self.passes.collections.iter();
        let collection = collections.find(|(_, tier)| tier.tag() == Some(tag));
        match collection {
            Some((name, _)) => Some(name.to_string()),
            None => Some(self.channels.of_tag(tag)?.id.to_string()),
        }
    }

    /// The offer of this name on a title's page.
    pub fn offer(&self, title: &Title, id: &str) -> Option<Tier> {
        self.named(&self.offers(title), id)
    }

    fn named(&self, offers: &[Tier], id: &str) -> Option<Tier> {
        let (name, tag) = match id.split_once(':') {
            Some((name, tag)) => (name, Some(TagId::of(tag))),
            None => (id, None),
        };
        let kind = tier_named(name)?;
        let exact = offers.iter().find(|tier| self.offer_id(tier) == id);
        let alike = |tier: &&Tier| (tier.kind(), tier.tag()) == (kind, tag);
        exact.or_else(|| offers.iter().find(alike)).copied()
    }

    /// A title that a stranger may know of.
    pub fn public_title(&self, id: VideoId) -> Result<Arc<Title>, Error> {
        use satreel_hls::title::State;
        let title = self.title(id).ok_or(Error::UnknownTitle)?;
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
