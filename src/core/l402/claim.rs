//! What a macaroon of ours claims: signature, identifier and caveats.

use std::str::FromStr;

use super::{Error, Insufficient, OURS, TOKEN_ID, VERSION, root_key};
use crate::core::{
    access::{Access, Term},
    ids::{InvoiceRef, PaymentHash, VideoId},
    keyring::{KeyId, Keyring, Missing},
    macaroon::Macaroon,
    offer::{TierKind, tier_named},
    order::OrderCode,
    receipt::Preimage,
    time::Timestamp,
};

/// What an authorization claims: signed by us, its preimage known to the bearer. Whether the
/// invoice is settled is the payment backend's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub payment_hash: PaymentHash,
    pub order: OrderCode,
    pub invoice: InvoiceRef,
    titles: Vec<VideoId>,
    tiers: Vec<TierKind>,
    /// The fewest of all.
    hours: Option<u32>,
}

impl Claim {
    pub(super) fn open(
        macaroon: &Macaroon,
        preimage: &Preimage,
        keyring: &Keyring,
    ) -> Result<Self, Error> {
        let (version, rest) = macaroon
            .identifier()
            .split_first_chunk::<2>()
            .ok_or(Error::Forged)?;
        let (hash, id) = rest.split_first_chunk::<32>().ok_or(Error::Forged)?;
        let id: &[u8; TOKEN_ID] = id.try_into().map_err(|_| Error::Forged)?;
        if *version != VERSION {
            return Err(Error::Forged);
        }
        let key = KeyId::from_bytes([id[0], id[1], id[2], id[3]]);
        let key = keyring.find(key).map_err(|missing| match missing {
            Missing::Retired => Error::RetiredKey,
            Missing::Unknown => Error::Forged,
        })?;
        if !macaroon.is_signed_with(root_key(key, id).as_slice()) {
            return Err(Error::Forged);
        }
        let payment_hash = PaymentHash::from_bytes(*hash);
        if !preimage.proves(payment_hash) {
            return Err(Error::WrongPreimage);
        }
        Caveats::read(macaroon)?.claim(payment_hash)
    }

    /// Whether the caveats allow this film under the order that was paid.
    pub fn check(&self, title: VideoId, bought: TierKind) -> Result<(), Insufficient> {
        if self.titles.iter().any(|only| *only != title) {
            return Err(Insufficient::WrongTitle);
        }
        if self.tiers.iter().any(|only| *only != bought) {
            return Err(Insufficient::WrongTier);
        }
        Ok(())
    }

    /// The access that was bought, no longer than the caveats allow.
    pub fn narrow(&self, access: Access, paid_at: Timestamp) -> Access {
        let end = access.term.end();
        let term = match self.hours {
            Some(hours) if end.is_none_or(|end| paid_at.plus_hours(hours) < end) => {
                Term::Hours { paid_at, hours }
            }
            Some(_) | None => access.term,
        };
        Access { term, ..access }
    }
}

#[derive(Default)]
struct Caveats {
    titles: Vec<VideoId>,
    tiers: Vec<TierKind>,
    hours: Option<u32>,
    order: Option<OrderCode>,
    invoice: Option<InvoiceRef>,
}

impl Caveats {
    fn read(macaroon: &Macaroon) -> Result<Self, Error> {
        let mut caveats = Self::default();
        for caveat in macaroon.caveats() {
            caveats.add(caveat)?;
        }
        Ok(caveats)
    }

    fn add(&mut self, caveat: &[u8]) -> Result<(), Error> {
        let text = String::from_utf8_lossy(caveat);
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        // Spaces and capitals make no other name: the bearer meant to narrow it.
        let name = name.trim().to_ascii_lowercase();
        let value = value.trim();
        match name.as_str() {
            "title" => self.titles.push(read("title", value)?),
            "tier" => self
                .tiers
                .push(tier_named(value).ok_or(Error::Caveat("tier"))?),
            "hours" => {
                let hours: u32 = read("hours", value)?;
                self.hours = Some(self.hours.map_or(hours, |fewest| fewest.min(hours)));
            }
            "order" => once(&mut self.order, read("order", value)?, "order")?,
            "invoice" => once(&mut self.invoice, read("invoice", value)?, "invoice")?,
            other if other.starts_with(OURS) => return Err(Error::UnknownCaveat),
            _ => {}
        }
        Ok(())
    }

    fn claim(self, payment_hash: PaymentHash) -> Result<Claim, Error> {
        Ok(Claim {
            payment_hash,
            order: self.order.ok_or(Error::Caveat("order"))?,
            invoice: self.invoice.ok_or(Error::Caveat("invoice"))?,
            titles: self.titles,
            tiers: self.tiers,
            hours: self.hours,
        })
    }
}

fn read<T: FromStr>(name: &'static str, value: &str) -> Result<T, Error> {
    value.parse().map_err(|_| Error::Caveat(name))
}

/// Two that differ can't both hold.
fn once<T: PartialEq>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), Error> {
    match slot {
        Some(known) if *known != value => Err(Error::Caveat(name)),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}
