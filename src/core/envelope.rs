//! How a credential is written: `version 1 | kind 1 | key id 4 | body | HMAC-SHA256 32`, as
//! base64url without padding (RFC 4648 §5). The MAC covers everything before it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac;
use subtle::ConstantTimeEq;

use super::keyring::{HmacSha256, Key, KeyId, Keyring, Missing, Purpose};

const VERSION: u8 = 1;
const HEAD: usize = 6;
const MAC: usize = 32;
/// Longest body, in bytes.
const MAX_BODY: usize = 80;
const MAX_BYTES: usize = HEAD + MAX_BODY + MAC;
/// Longest text that can be a credential.
pub const MAX_TEXT: usize = MAX_BYTES.div_ceil(3) * 4;

/// The kinds of credential. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ticket = 1,
    Access = 2,
    Grant = 3,
    Handle = 4,
    StudioLink = 5,
    StudioSession = 6,
    StudioKey = 7,
    Rental = 8,
}

impl Kind {
    const fn purpose(self) -> Purpose {
        match self {
            Self::Ticket => Purpose::Ticket,
            Self::Access => Purpose::Access,
            Self::Grant => Purpose::Grant,
            Self::Handle => Purpose::Handle,
            Self::StudioLink => Purpose::StudioLink,
            Self::StudioSession => Purpose::StudioSession,
            Self::StudioKey => Purpose::StudioKey,
            Self::Rental => Purpose::Rental,
        }
    }
}

/// Why a text is not a credential of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("it is not complete, or has letters that don't belong")]
    Malformed,
    #[error("it has version {0}, which this server doesn't know")]
    Version(u8),
    #[error("it is of another kind")]
    WrongKind,
    #[error("its key has been retired")]
    RetiredKey,
    #[error("no key of this site has signed it")]
    UnknownKey,
    #[error("it has been changed, or was not made here")]
    Forged,
}

/// Signs `body` as a credential of this kind.
pub(super) fn seal(kind: Kind, body: &[u8], key: &Key) -> String {
    debug_assert!(body.len() <= MAX_BODY);
    let mut bytes = Vec::with_capacity(MAX_BYTES);
    bytes.extend_from_slice(&[VERSION, kind as u8]);
    bytes.extend_from_slice(key.id().as_bytes());
    bytes.extend_from_slice(body);
    let tag = mac(key, kind, &bytes);
    bytes.extend_from_slice(&tag);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Checks a credential whose body has `N` bytes.
pub(super) fn open<const N: usize>(
    kind: Kind,
    text: &str,
    keyring: &Keyring,
) -> Result<[u8; N], Error> {
    let mut buffer = [0; MAX_BYTES];
    let body = open_any(kind, text, keyring, &mut buffer)?;
    body.try_into().map_err(|_| Error::Malformed)
}

/// Checks a credential, decoding into `buffer`: no allocation, since the gate does this for every
/// request.
fn open_any<'a>(
    kind: Kind,
    text: &str,
    keyring: &Keyring,
    buffer: &'a mut [u8; MAX_BYTES],
) -> Result<&'a [u8], Error> {
    if text.len() > MAX_TEXT {
        return Err(Error::Malformed);
    }
    let length = URL_SAFE_NO_PAD
        .decode_slice(text, buffer)
        .map_err(|_| Error::Malformed)?;
    let bytes = &buffer[..length];
    if length < HEAD + MAC {
        return Err(Error::Malformed);
    }
    if bytes[0] != VERSION {
        return Err(Error::Version(bytes[0]));
    }
    if bytes[1] != kind as u8 {
        return Err(Error::WrongKind);
    }
    let id = KeyId::from_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]);
    let key = keyring.find(id).map_err(|missing| match missing {
        Missing::Retired => Error::RetiredKey,
        Missing::Unknown => Error::UnknownKey,
    })?;
    let (signed, tag) = bytes.split_at(length - MAC);
    // SECURITY: constant time, so that a forger learns nothing from how long a refusal takes.
    if bool::from(mac(key, kind, signed).ct_eq(tag)) {
        Ok(&signed[HEAD..])
    } else {
        Err(Error::Forged)
    }
}

/// As [`open`], for kinds whose bodies differ in length.
pub(super) fn open_vec(kind: Kind, text: &str, keyring: &Keyring) -> Result<Vec<u8>, Error> {
    let mut buffer = [0; MAX_BYTES];
    open_any(kind, text, keyring, &mut buffer).map(<[u8]>::to_vec)
}

fn mac(key: &Key, kind: Kind, bytes: &[u8]) -> [u8; MAC] {
    let mut mac: HmacSha256 = key.mac(kind.purpose());
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}
