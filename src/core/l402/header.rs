//! The header that a program sends with its proof of payment.

use super::{Claim, Error};
use crate::core::{
    keyring::Keyring,
    macaroon::{self, Macaroon},
    receipt::Preimage,
};

/// Macaroons in one header, at most.
const MAX_MACAROONS: usize = 4;
const MAX_HEADER: usize = MAX_MACAROONS * (macaroon::MAX_TEXT + 1) + 128;

/// An `Authorization: L402 …` header, read but not checked.
#[derive(Debug, Clone)]
pub struct Authorization {
    macaroons: Vec<Macaroon>,
    preimage: Preimage,
}

impl Authorization {
    /// None: another scheme's. `LSAT` is the older name of this one.
    pub fn parse(header: &str) -> Option<Result<Self, Error>> {
        let (scheme, rest) = header.trim().split_once([' ', '\t'])?;
        let known = ["l402", "lsat"]
            .iter()
            .any(|name| scheme.eq_ignore_ascii_case(name));
        known.then(|| Self::read(rest.trim()))
    }

    fn read(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_HEADER {
            return Err(Error::Header);
        }
        let (macaroons, preimage) = text.rsplit_once(':').ok_or(Error::Header)?;
        let preimage = preimage.trim().parse().map_err(|_| Error::Header)?;
        let texts: Vec<_> = macaroons.split(',').map(str::trim).collect();
        if texts.len() > MAX_MACAROONS {
            return Err(Error::Header);
        }
        let macaroons = texts.into_iter().map(Macaroon::decode);
        Ok(Self {
            macaroons: macaroons.collect::<Result<_, _>>()?,
            preimage,
        })
    }

    /// What it claims. One of several macaroons has to be ours; the others are for other services.
    pub fn open(&self, keyring: &Keyring) -> Result<Claim, Error> {
        let mut refusal = Error::Header;
        for macaroon in &self.macaroons {
            match Claim::open(macaroon, &self.preimage, keyring) {
                Ok(claim) => return Ok(claim),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}
