//! Names of things in the payment world. A title's id lives in the `hls` crate.

use std::{fmt, str::FromStr};

pub use satreel_hls::naming::VideoId;

/// SHA-256 of a preimage (BOLT 11).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaymentHash([u8; 32]);

impl PaymentHash {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PaymentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PaymentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PaymentHash({self})")
    }
}

impl serde::Serialize for PaymentHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Text that names nothing of the kind it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct InvalidId(pub &'static str);

impl FromStr for PaymentHash {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| InvalidId("a payment hash: 64 hex digits"))?;
        Ok(Self(bytes))
    }
}

/// Longest reference that a backend of the BTCPay kind may use, in bytes.
pub const MAX_BTCPAY_ID: usize = 40;

/// How the payment backend names one invoice, and all that is needed to ask it again.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InvoiceRef {
    /// A Lightning node (LND, the built-in wallet) finds an invoice by its payment hash.
    Hash(PaymentHash),
    /// BTCPay Server finds it by its own id: 1 to [`MAX_BTCPAY_ID`] ASCII letters and digits.
    Btcpay(Box<str>),
}

impl InvoiceRef {
    /// A BTCPay invoice id as the server gave it.
    pub fn btcpay(id: &str) -> Result<Self, InvalidId> {
        let fits = !id.is_empty()
            && id.len() <= MAX_BTCPAY_ID
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits {
            Ok(Self::Btcpay(id.into()))
        } else {
            Err(InvalidId("a BTCPay invoice id: 1 to 40 letters and digits"))
        }
    }
}

impl fmt::Display for InvoiceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(hash) => hash.fmt(f),
            Self::Btcpay(id) => f.write_str(id),
        }
    }
}

/// As written by `Display`: BTCPay's ids are at most 40 letters long, a payment hash always 64.
impl FromStr for InvoiceRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.parse() {
            Ok(hash) => Ok(Self::Hash(hash)),
            Err(_) => Self::btcpay(text),
        }
    }
}

impl fmt::Debug for InvoiceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvoiceRef({self})")
    }
}

impl InvoiceRef {
    /// The reference inside a credential: a tag byte, then the hash or the id.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Hash(hash) => std::iter::once(0).chain(*hash.as_bytes()).collect(),
            Self::Btcpay(id) => std::iter::once(1).chain(id.bytes()).collect(),
        }
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (0, hash) => Some(Self::Hash(PaymentHash::from_bytes(hash.try_into().ok()?))),
            (1, id) => Self::btcpay(std::str::from_utf8(id).ok()?).ok(),
            _ => None,
        }
    }
}
