//! The site's signing keys: one signs, older ones verify until they are retired.
//!
//! From each key's 32 secret bytes a key for each purpose is derived,
//! `HMAC-SHA256(secret, "satreel/1/<purpose>")`, so that a credential of one kind can never verify
//! as another even if their bytes were equal.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub(super) type HmacSha256 = Hmac<Sha256>;

/// The first four bytes of SHA-256 over the key's secret, so that the id can't be mistyped for
/// another key and two servers name the same key alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 4]);

impl KeyId {
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl std::str::FromStr for KeyId {
    type Err = super::ids::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 4];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| super::ids::InvalidId("a key id: 8 hex digits"))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// What a derived key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    OrderTag,
    OrderCipher,
    Ticket,
    Access,
    Grant,
    Handle,
    L402,
    StudioLink,
    StudioSession,
    StudioKey,
    Rental,
}

impl Purpose {
    const ALL: [Self; 11] = [
        Self::OrderTag,
        Self::OrderCipher,
        Self::Ticket,
        Self::Access,
        Self::Grant,
        Self::Handle,
        Self::L402,
        Self::StudioLink,
        Self::StudioSession,
        Self::StudioKey,
        Self::Rental,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::OrderTag => "satreel/1/order-tag",
            Self::OrderCipher => "satreel/1/order-cipher",
            Self::Ticket => "satreel/1/ticket",
            Self::Access => "satreel/1/access",
            Self::Grant => "satreel/1/grant",
            Self::Handle => "satreel/1/handle",
            Self::L402 => "satreel/1/l402",
            Self::StudioLink => "satreel/1/studio-link",
            Self::StudioSession => "satreel/1/studio-session",
            Self::StudioKey => "satreel/1/studio-key",
            Self::Rental => "satreel/1/rental",
        }
    }
}

/// One signing key with its derived keys, ready to use: the first two SHA-256 blocks of every
/// HMAC are computed once, here.
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    derived: [HmacSha256; Purpose::ALL.len()],
}

impl Key {
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let digest = Sha256::digest(secret);
        let mut id = [0; 4];
        id.copy_from_slice(&digest[..4]);
        let derived = Purpose::ALL.map(|purpose| {
            let mut mac = keyed(secret);
            mac.update(purpose.label().as_bytes());
            let derived: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
            keyed(&derived)
        });
        Self {
            id: KeyId(id),
            derived,
        }
    }

    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// A fresh HMAC under the key derived for `purpose`.
    pub(super) fn mac(&self, purpose: Purpose) -> HmacSha256 {
        self.derived[purpose as usize].clone()
    }
}

/// An HMAC under this key.
pub(super) fn keyed(key: &[u8; 32]) -> HmacSha256 {
    // HMAC takes keys of every length (RFC 2104), and its block is longer than 32 bytes.
    let mut block = hmac::digest::Key::<HmacSha256>::default();
    block[..32].copy_from_slice(key);
    HmacSha256::new(&block)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// All keys of a site.
#[derive(Debug, Clone)]
pub struct Keyring {
    signing: Key,
    verifying: Vec<Key>,
    retired: Vec<Key>,
}

/// Why a key id finds no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Retired,
    Unknown,
}

impl Keyring {
    /// `signing` makes new credentials; `verifying` are older keys that still verify; credentials
    /// of `retired` ones are refused with that reason, but orders made under them can still be read,
    /// so that a paid invoice restores its purchase.
    pub const fn new(signing: Key, verifying: Vec<Key>, retired: Vec<Key>) -> Self {
        Self {
            signing,
            verifying,
            retired,
        }
    }

    pub const fn signing(&self) -> &Key {
        &self.signing
    }

    /// Every key that verifies, the signing one first.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.signing).chain(&self.verifying)
    }

    /// Every key that an order may have been made with, retired ones last.
    // SECURITY: an order code alone opens nothing: our own node must have settled an invoice that
    // carries it. So a leaked key, once retired, forges no purchase, and honest buyers keep theirs.
    pub(super) fn keys_of_orders(&self) -> impl Iterator<Item = &Key> {
        self.keys().chain(&self.retired)
    }

    pub(super) fn find(&self, id: KeyId) -> Result<&Key, Missing> {
        // Key ids are public: an early exit tells nothing.
        self.keys().find(|key| key.id == id).ok_or_else(|| {
            if self.retired.iter().any(|key| key.id == id) {
                Missing::Retired
            } else {
                Missing::Unknown
            }
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A key for tests: its secret is one byte repeated.
    pub(crate) fn key(byte: u8) -> Key {
        Key::from_secret(&[byte; 32])
    }

    pub(crate) fn keyring(byte: u8) -> Keyring {
        Keyring::new(key(byte), Vec::new(), Vec::new())
    }

    #[test]
    fn debug_shows_ids_and_no_secret() {
        let shown = format!("{:?}", keyring(7));
        assert!(shown.contains(&key(7).id().to_string()));
        assert!(!shown.contains("07070707") && !shown.contains("[7, 7"));
    }

    #[test]
    fn every_purpose_has_its_own_key() {
        let key = key(1);
        let macs: std::collections::HashSet<[u8; 32]> = Purpose::ALL
            .iter()
            .map(|purpose| key.mac(*purpose).finalize().into_bytes().into())
            .collect();
        assert_eq!(macs.len(), Purpose::ALL.len());
    }
}
