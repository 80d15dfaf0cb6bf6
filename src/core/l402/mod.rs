//! L402, the payment as authorization for programs: a macaroon that names an invoice, and the
//! preimage that paying it reveals (specification of 2026-03).
//!
//! ```text
//! identifier = version 2 (0) | payment hash 32 | token id 32
//! token id   = key id 4 | random 28
//! root key   = HMAC-SHA256(l402 key of that key id, token id)
//! ```
//!
//! Caveats, `name=value`:
//!
//! | name | says |
//! |---|---|
//! | `title` | the one film it opens |
//! | `tier` | what was bought |
//! | `hours` | for how long, counted from the payment and not from the challenge |
//! | `order` | the order code: what is bought, at which price |
//! | `invoice` | how any server with the keys asks the payment backend about it |
//!
//! We mint each at most once. Whoever holds the macaroon may add more, and every one counts: a
//! repeated name never takes the place of an earlier one. A value that can't be read is refused.
//! Names that we don't know are skipped, as the specification wants, since other software has
//! caveats for itself. The danger of that rule is the other way round: a restriction of ours that
//! an older server does not know. So names that begin with `satreel-` are refused unless known,
//! and every later restriction of ours gets such a name.

mod claim;
mod header;

use hmac::Mac;
use zeroize::Zeroizing;

pub use claim::Claim;
pub use header::Authorization;

use super::{
    ids::{InvoiceRef, PaymentHash},
    keyring::{Key, Keyring, Purpose},
    macaroon::{self, Macaroon},
    offer::{TierKind, tier_name},
    order::{Order, OrderCode},
};

/// Random bytes of a token id.
pub const NONCE: usize = 28;
const TOKEN_ID: usize = 4 + NONCE;
const IDENTIFIER: usize = 2 + 32 + TOKEN_ID;
const VERSION: [u8; 2] = [0, 0];
/// Names that this version must know.
const OURS: &str = "satreel-";

/// Why an authorization is refused, whatever was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("write \"Authorization: L402 MACAROON:PREIMAGE\", the preimage as 64 hex digits")]
    Header,
    #[error("the macaroon can't be read: {0}")]
    Macaroon(#[from] macaroon::Error),
    #[error("the macaroon was not made by this site, or was changed")]
    Forged,
    #[error(
        "the key of this macaroon has been retired: the paid invoice restores the purchase with \
         POST /api/tokens/recover"
    )]
    RetiredKey,
    #[error("the macaroon's caveat \"{0}\" can't be read")]
    Caveat(&'static str),
    #[error("the macaroon has a caveat of a later version")]
    UnknownCaveat,
    #[error("this preimage belongs to another payment")]
    WrongPreimage,
}

/// Why a good authorization does not open this film now: to be paid (again).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Insufficient {
    #[error("this authorization is for another film")]
    WrongTitle,
    #[error("this authorization is narrowed to another tier than was bought")]
    WrongTier,
}

/// The macaroon of a challenge: good for nothing until its invoice is paid.
pub fn mint(
    keyring: &Keyring,
    nonce: [u8; NONCE],
    location: &str,
    order: (&OrderCode, &Order),
    invoice: (&InvoiceRef, PaymentHash),
) -> Macaroon {
    let (code, order) = order;
    let (reference, hash) = invoice;
    let key = keyring.signing();
    let mut id = [0; TOKEN_ID];
    id[..4].copy_from_slice(key.id().as_bytes());
    id[4..].copy_from_slice(&nonce);
    let mut identifier = [0; IDENTIFIER];
    identifier[..2].copy_from_slice(&VERSION);
    identifier[2..34].copy_from_slice(hash.as_bytes());
    identifier[34..].copy_from_slice(&id);

    let mut macaroon = Macaroon::mint(root_key(key, &id).as_slice(), location, &identifier);
    match order.tier.kind() {
        TierKind::Rent | TierKind::Own => {
            macaroon = macaroon.with_caveat(&format!("title={}", order.title));
        }
        // The order code says what a pass covers.
        TierKind::Pass => {}
    }
    macaroon = macaroon.with_caveat(&format!("tier={}", tier_name(order.tier.kind())));
    if let Some(hours) = order.tier.hours() {
        macaroon = macaroon.with_caveat(&format!("hours={hours}"));
    }
    macaroon
        .with_caveat(&format!("order={code}"))
        .with_caveat(&format!("invoice={reference}"))
}

fn root_key(key: &Key, token_id: &[u8; TOKEN_ID]) -> Zeroizing<[u8; 32]> {
    let mut mac = key.mac(Purpose::L402);
    mac.update(token_id);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests;
