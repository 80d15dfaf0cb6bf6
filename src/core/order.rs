//! An order, and the order code: the order encrypted and authenticated, short enough for an
//! invoice's memo, telling an onlooker nothing.
//!
//! Layout, 33 bytes, written as 44 letters of base64url:
//!
//! ```text
//! head 1 | tag 10 | cipher text 22
//! head   = version 1 in the upper half, the low half of the key id's first byte in the lower
//! plain  = title 8 (a pass for a collection: its tag) | tier 1 | hours 2 (0: for ever) | price in sat 4 | created, unix seconds 4 | salt 3
//! tag    = HMAC-SHA256(order-tag key, head | plain), first 10 bytes
//! cipher = plain XOR HMAC-SHA256(order-cipher key, head | tag), first 22 bytes
//! ```
//!
//! The tag doubles as the nonce (the SIV construction, RFC 5297): equal codes only come from equal
//! orders. 80 bits are enough because guesses can't be tried offline against anything of worth:
//! a forged code opens nothing until our own node has settled an invoice that carries it.
//!
//! A tip's invoice carries such a code too, with a tier that is none: see [`super::tip`].

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    ids::{InvalidId, VideoId},
    keyring::{Key, Keyring, Purpose},
    offer::{COLLECTION_CODE, Tier, tier_code, tier_of_code},
    tag::TagId,
    time::Timestamp,
    tip,
};

const TAG: usize = 10;
pub(super) const PLAIN: usize = 22;
/// Where in the plain text it stands what is bought.
pub(super) const TIER_AT: usize = 8;
const CODE: usize = 1 + TAG + PLAIN;
const VERSION: u8 = 1;

/// What a buyer asked for, at which price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// What is bought, or for a pass: on whose page. [`Order::NOWHERE`] where the code has no
    /// room for it: see [`Order::page`].
    pub title: VideoId,
    pub tier: Tier,
    pub created_at: Timestamp,
}

/// An order as it stands on the invoice.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrderCode([u8; CODE]);

/// Why an order code opens to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("no key of this site has made this order code")]
    Foreign,
    #[error("the order in this code is of a later version")]
    Version,
    #[error("this code is a tip's, which bought nothing")]
    Tip,
}

impl Order {
    /// No title: what a pass for a collection is bought on is not kept.
    pub const NOWHERE: VideoId = VideoId::from_bytes([0; 8]);

    /// The title on whose page it was bought, where that is known.
    pub fn page(&self) -> Option<VideoId> {
        self.tier.tag().is_none().then_some(self.title)
    }

    /// `salt` tells apart orders for the same thing in the same second; any random bytes do.
    pub fn encode(&self, salt: [u8; 3], keyring: &Keyring) -> OrderCode {
        OrderCode::encode(self.plain(salt), keyring.signing())
    }

    fn plain(&self, salt: [u8; 3]) -> [u8; PLAIN] {
        // `Tier` holds hours within a year and prices within 10 bitcoin; seconds fit until 2106.
        let hours = u16::try_from(self.tier.hours().unwrap_or(0)).unwrap_or(u16::MAX);
        let price = u32::try_from(self.tier.price().get()).unwrap_or(u32::MAX);
        let created = u32::try_from(self.created_at.as_unix()).unwrap_or(u32::MAX);
        let mut plain = [0; PLAIN];
        let (thing, code) = match self.tier.tag() {
            Some(tag) => (*tag.as_bytes(), COLLECTION_CODE),
            None => (*self.title.as_bytes(), tier_code(self.tier.kind())),
        };
        plain[..8].copy_from_slice(&thing);
        plain[8] = code;
        plain[9..11].copy_from_slice(&hours.to_be_bytes());
        plain[11..15].copy_from_slice(&price.to_be_bytes());
        plain[15..19].copy_from_slice(&created.to_be_bytes());
        plain[19..].copy_from_slice(&salt);
        plain
    }

    fn from_plain(plain: &[u8; PLAIN]) -> Option<Self> {
        let [
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            t6,
            t7,
            code,
            h0,
            h1,
            p0,
            p1,
            p2,
            p3,
            c0,
            c1,
            c2,
            c3,
            ..,
        ] = *plain;
        let thing = [t0, t1, t2, t3, t4, t5, t6, t7];
        let hours = u16::from_be_bytes([h0, h1]);
        let hours = (hours > 0).then(|| u32::from(hours));
        let sat = u64::from(u32::from_be_bytes([p0, p1, p2, p3]));
        let (title, tier) = if code == COLLECTION_CODE {
            let tag = TagId::from_bytes(thing);
            (Self::NOWHERE, Tier::collection(tag, sat, hours))
        } else {
            let tier = Tier::new(tier_of_code(code)?, sat, hours);
            (VideoId::from_bytes(thing), tier)
        };
        Some(Self {
            title,
            tier: tier.ok()?,
            created_at: Timestamp::from_unix(u64::from(u32::from_be_bytes([c0, c1, c2, c3]))),
        })
    }
}

impl OrderCode {
    pub(super) const BYTES: usize = CODE;

    pub(super) const fn from_bytes(bytes: [u8; CODE]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; CODE] {
        &self.0
    }

    pub(super) fn encode(plain: [u8; PLAIN], key: &Key) -> Self {
        let head = VERSION << 4 | hint(key);
        let tag = tag(key, head, &plain);
        let mut code = [0; CODE];
        code[0] = head;
        code[1..=TAG].copy_from_slice(&tag);
        code[1 + TAG..].copy_from_slice(&crypt(key, head, &tag, plain));
        Self(code)
    }

    /// The order, if a key of this site made the code.
    pub fn open(&self, keyring: &Keyring) -> Result<Order, Error> {
        let plain = self.decode(keyring)?;
        if plain[TIER_AT] == tip::TIER {
            return Err(Error::Tip);
        }
        Order::from_plain(&plain).ok_or(Error::Version)
    }

    pub(super) fn decode(&self, keyring: &Keyring) -> Result<[u8; PLAIN], Error> {
        let head = self.0[0];
        let (tag, cipher) = self.0[1..].split_at(TAG);
        let mut plain = [0; PLAIN];
        for key in keyring
            .keys_of_orders()
            .filter(|key| head == VERSION << 4 | hint(key))
        {
            plain.copy_from_slice(cipher);
            plain = crypt(key, head, tag, plain);
            // SECURITY: constant time, as for every MAC.
            if bool::from(self::tag(key, head, &plain).ct_eq(tag)) {
                return Ok(plain);
            }
        }
        Err(Error::Foreign)
    }

    /// Who bought: one purchase is one subject everywhere. No secret, and no key in it, so that it
    /// outlives every key.
    pub fn subject(&self) -> Subject {
        let digest = Sha256::new()
            .chain_update(b"satreel/1/subject")
            .chain_update(self.0)
            .finalize();
        let mut subject = [0; 8];
        subject.copy_from_slice(&digest[..8]);
        Subject(subject)
    }
}

fn hint(key: &Key) -> u8 {
    key.id().as_bytes()[0] & 0x0f
}

fn tag(key: &Key, head: u8, plain: &[u8; PLAIN]) -> [u8; TAG] {
    let mut mac = key.mac(Purpose::OrderTag);
    mac.update(&[head]);
    mac.update(plain);
    let mut tag = [0; TAG];
    tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG]);
    tag
}

fn crypt(key: &Key, head: u8, tag: &[u8], mut text: [u8; PLAIN]) -> [u8; PLAIN] {
    let mut mac = key.mac(Purpose::OrderCipher);
    mac.update(&[head]);
    mac.update(tag);
    for (byte, pad) in text.iter_mut().zip(mac.finalize().into_bytes()) {
        *byte ^= pad;
    }
    text
}

impl fmt::Display for OrderCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for OrderCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrderCode({self})")
    }
}

impl FromStr for OrderCode {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut code = [0; CODE];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut code) {
            Ok(CODE) => Ok(Self(code)),
            _ => Err(InvalidId("an order code: 44 letters of base64url")),
        }
    }
}

/// Derived from the payment's order code; names a purchase in the deny list and among sessions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject([u8; 8]);

impl Subject {
    /// Nobody: the subject of previews and free titles.
    pub const NOBODY: Self = Self([0; 8]);

    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({self})")
    }
}

impl FromStr for Subject {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| InvalidId("a subject: 16 hex digits"))?;
        Ok(Self(bytes))
    }
}

impl<'de> serde::Deserialize<'de> for Subject {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::super::{
        keyring::tests::{key, keyring},
        offer::{MAX_HOURS, MAX_PRICE_SAT, TierKind},
    };
    use super::*;

    pub(crate) fn any_tier() -> impl Strategy<Value = Tier> {
        let tag = any::<[u8; 8]>().prop_map(TagId::from_bytes);
        let numbers = (1..=MAX_PRICE_SAT, 1..=MAX_HOURS, 0..6_u8, tag);
        numbers.prop_map(|(sat, hours, kind, tag)| match kind {
            0 => Tier::new(TierKind::Rent, sat, Some(hours)).expect("a rent"),
            1 => Tier::new(TierKind::Own, sat, None).expect("a sale"),
            2 => Tier::new(TierKind::Pass, sat, Some(hours)).expect("a pass"),
            3 => Tier::new(TierKind::Pass, sat, None).expect("a pass for ever"),
            4 => Tier::collection(tag, sat, Some(hours)).expect("a pass"),
            _ => Tier::collection(tag, sat, None).expect("a pass for ever"),
        })
    }

    pub(crate) fn any_order() -> impl Strategy<Value = Order> {
        (any::<[u8; 8]>(), any_tier(), any::<u32>()).prop_map(|(title, tier, created)| Order {
            title: match tier.tag() {
                Some(_) => Order::NOWHERE,
                None => VideoId::from_bytes(title),
            },
            tier,
            created_at: Timestamp::from_unix(u64::from(created)),
        })
    }

    proptest! {
        #[test]
        fn an_order_survives_the_round_trip(order in any_order(), salt: [u8; 3]) {
            let code = order.encode(salt, &keyring(1));
            let text = code.to_string();
            prop_assert_eq!(text.len(), 44);
            prop_assert_eq!(text.parse::<OrderCode>(), Ok(code));
            prop_assert_eq!(code.open(&keyring(1)), Ok(order));
        }

        #[test]
        fn any_changed_bit_is_refused(order in any_order(), bit in 0..CODE * 8) {
            let mut code = order.encode([0; 3], &keyring(1));
            code.0[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(code.open(&keyring(1)), Err(Error::Foreign));
        }

        #[test]
        fn the_salt_changes_the_whole_code(order in any_order()) {
            let one = order.encode([0, 0, 0], &keyring(1));
            let two = order.encode([0, 0, 1], &keyring(1));
            prop_assert_ne!(&one.0[1..11], &two.0[1..11]);
            prop_assert_ne!(&one.0[11..], &two.0[11..]);
            prop_assert_ne!(one.subject(), two.subject());
        }

        #[test]
        fn other_keys_open_nothing(order in any_order(), other in 2..=255_u8) {
            let code = order.encode([0; 3], &keyring(1));
            prop_assert_eq!(code.open(&keyring(other)), Err(Error::Foreign));
            let rotated = Keyring::new(key(other), vec![key(1)], Vec::new());
            prop_assert_eq!(code.open(&rotated), Ok(order));
            let retired = Keyring::new(key(other), Vec::new(), vec![key(1)]);
            prop_assert_eq!(code.open(&retired), Ok(order));
        }
    }
}
