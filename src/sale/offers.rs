//! What the configuration's `[offers]` put up for sale.

use satreel_config::{Collection, Offers};

use crate::core::{
    offer::{self, Offer, Tier, TierKind},
    tag::TagId,
};

/// What is sold beyond single titles.
#[derive(Debug, Clone, Default)]
pub struct Passes {
    /// For the whole site.
    pub site: Option<Tier>,
    /// For all titles that carry a tag: the tag as the operator writes it.
    pub collections: Vec<(Box<str>, Tier)>,
}

/// The tiers of titles without their own, and the passes. The passes stay among the tiers: an
/// offer without any would mean that the title is free.
pub fn offers(config: &Offers) -> Result<(Offer, Passes), offer::Error> {
    let site = Offer::from_file(&config.tiers)?;
    let collection = |of: &Collection| {
        let tier = Tier::collection(TagId::of(&of.tag), of.sat, of.hours)?;
        Ok((of.tag.as_str().into(), tier))
    };
    let collections: Result<Vec<_>, offer::Error> =
        config.collections.iter().map(collection).collect();
    let collections = collections?;
    let all = collections.iter().map(|(_, tier)| *tier);
    let all = site.tiers().iter().copied().chain(all).collect();
    let passes = Passes {
        site: site.tier(TierKind::Pass),
        collections,
    };
    Ok((Offer::new(all)?, passes))
}
