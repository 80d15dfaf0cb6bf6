//! What a title costs: tiers and prices.

use std::fmt;

pub use satreel_hls::title::TierKind;

use super::{money::Sats, tag::TagId};

/// The highest price, 10 bitcoin: more is a slip of the hand.
pub const MAX_PRICE_SAT: u64 = 1_000_000_000;
/// The longest rent, one year.
pub const MAX_HOURS: u32 = 8760;

/// One thing that can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    kind: TierKind,
    price: Sats,
    hours: Option<u32>,
    /// Passes only: the one collection that it opens, and not the whole site.
    tag: Option<TagId>,
}

/// Why a line of an offer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a price is 1 to {MAX_PRICE_SAT} sat (for a free film write \"tiers\": [])")]
    Price(u64),
    #[error("\"rent\" needs \"hours\", 1 to {MAX_HOURS}")]
    RentHours(Option<u32>),
    #[error("\"own\" is for ever: leave out \"hours\"")]
    OwnHours(u32),
    #[error("a pass lasts 1 to {MAX_HOURS} hours, or for ever without \"hours\"")]
    PassHours(u32),
    #[error("the tier \"{}\" is there twice: keep one", tier_name(*.0))]
    Twice(TierKind),
}

impl Tier {
    pub fn new(kind: TierKind, sat: u64, hours: Option<u32>) -> Result<Self, Error> {
        let price = Sats::new(sat).map_err(|_| Error::Price(sat))?;
        if sat == 0 || sat > MAX_PRICE_SAT {
            return Err(Error::Price(sat));
        }
        match (kind, hours) {
            (TierKind::Rent | TierKind::Pass, Some(1..=MAX_HOURS))
            | (TierKind::Own | TierKind::Pass, None) => {}
            (TierKind::Rent, other) => return Err(Error::RentHours(other)),
            (TierKind::Own, Some(other)) => return Err(Error::OwnHours(other)),
            (TierKind::Pass, Some(other)) => return Err(Error::PassHours(other)),
        }
        Ok(Self {
            kind,
            price,
            hours,
            tag: None,
        })
    }

    /// A pass for all titles that carry a tag.
    pub fn collection(tag: TagId, sat: u64, hours: Option<u32>) -> Result<Self, Error> {
        let pass = Self::new(TierKind::Pass, sat, hours)?;
        Ok(Self {
            tag: Some(tag),
            ..pass
        })
    }

    /// The collection that this pass opens; None for everything else.
    pub const fn tag(&self) -> Option<TagId> {
        self.tag
    }

    pub const fn kind(&self) -> TierKind {
        self.kind
    }

    pub const fn price(&self) -> Sats {
        self.price
    }

    /// How long the access lasts from the settlement on. None: for ever.
    pub const fn hours(&self) -> Option<u32> {
        self.hours
    }
}

/// The tiers of one title, at most one of each kind (of passes for collections: one of each tag).
/// Without any, the title is free.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer(Vec<Tier>);

impl Offer {
    pub fn new(tiers: Vec<Tier>) -> Result<Self, Error> {
        for (position, tier) in tiers.iter().enumerate() {
            if tiers[..position]
                .iter()
                .any(|earlier| (earlier.kind, earlier.tag) == (tier.kind, tier.tag))
            {
                return Err(Error::Twice(tier.kind));
            }
        }
        Ok(Self(tiers))
    }

    /// An offer as written in `title.json`.
    pub fn from_file(tiers: &[satreel_hls::title::Tier]) -> Result<Self, Error> {
        let tiers = tiers
            .iter()
            .map(|tier| Tier::new(tier.tier, tier.sat, tier.hours));
        Self::new(tiers.collect::<Result<_, _>>()?)
    }

    pub fn tiers(&self) -> &[Tier] {
        &self.0
    }

    /// The tier of this kind; of passes the one for the whole site.
    pub fn tier(&self, kind: TierKind) -> Option<Tier> {
        let mut tiers = self.0.iter().copied();
        tiers.find(|tier| tier.kind == kind && tier.tag.is_none())
    }

    pub fn is_free(&self) -> bool {
        self.0.is_empty()
    }
}

/// The tier's name in the API, in files and in the sales record.
pub const fn tier_name(kind: TierKind) -> &'static str {
    match kind {
        TierKind::Rent => "rent",
        TierKind::Own => "own",
        TierKind::Pass => "pass",
    }
}

/// The tier of this name.
pub fn tier_named(name: &str) -> Option<TierKind> {
    [TierKind::Rent, TierKind::Own, TierKind::Pass]
        .into_iter()
        .find(|kind| tier_name(*kind) == name)
}

/// In an order code: a pass for a collection, whose tag stands in the title's place. Beside the
/// numbers of [`tier_code`], and like them never reused.
pub(super) const COLLECTION_CODE: u8 = 4;

/// The tier's number inside credentials. Never reused.
pub(super) const fn tier_code(kind: TierKind) -> u8 {
    match kind {
        TierKind::Rent => 1,
        TierKind::Own => 2,
        TierKind::Pass => 3,
    }
}

pub(super) const fn tier_of_code(code: u8) -> Option<TierKind> {
    match code {
        1 => Some(TierKind::Rent),
        2 => Some(TierKind::Own),
        3 => Some(TierKind::Pass),
        _ => None,
    }
}

impl fmt::Display for Tier {
    /// `rent 24 h, 100 sat`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(tier_name(self.kind))?;
        if let Some(hours) = self.hours {
            write!(f, " {hours} h")?;
        }
        write!(f, ", {}", self.price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_that_make_no_sense_are_refused() {
        use TierKind::{Own, Pass, Rent};
        for (kind, sat, hours, error) in [
            (Own, 0, None, Error::Price(0)),
            (
                Own,
                MAX_PRICE_SAT + 1,
                None,
                Error::Price(MAX_PRICE_SAT + 1),
            ),
            (Own, u64::MAX, None, Error::Price(u64::MAX)),
            (Rent, 100, None, Error::RentHours(None)),
            (Rent, 100, Some(0), Error::RentHours(Some(0))),
            (
                Rent,
                100,
                Some(MAX_HOURS + 1),
                Error::RentHours(Some(MAX_HOURS + 1)),
            ),
            (Own, 100, Some(1), Error::OwnHours(1)),
            (Pass, 100, Some(0), Error::PassHours(0)),
        ] {
            assert_eq!(Tier::new(kind, sat, hours), Err(error));
        }
        let own = Tier::new(Own, 1, None).expect("a tier");
        assert_eq!(Offer::new(vec![own, own]), Err(Error::Twice(Own)));
        assert!(Offer::default().is_free());
    }
}
