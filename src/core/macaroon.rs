//! Macaroons: bearer credentials that whoever holds one may narrow by adding caveats, and nobody
//! may widen. Format V2, binary, as libmacaroons writes it; first-party caveats only.
//!
//! ```text
//! 2 | location? identifier 0 | (location? identifier 0)* | 0 | signature
//! field     = tag varint | length varint | bytes; a section ends with a 0
//! tags      = location 1, identifier 2, verification id 4, signature 6
//! signature = HMAC-SHA256 chain: HMAC("macaroons-key-generator", root key) keys the first link,
//!             over the identifier; each link's result keys the next, over the next caveat
//! ```
//!
//! What the identifier and the caveats mean is not known here: see `l402`.

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::Mac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::keyring::keyed;

/// Longest macaroon in bytes; ours have about 300.
const MAX_BYTES: usize = 2048;
/// Longest text that can be a macaroon.
pub const MAX_TEXT: usize = MAX_BYTES.div_ceil(3) * 4;
/// Most caveats, added ones included.
pub const MAX_CAVEATS: usize = 32;

const VERSION: u8 = 2;
const END: u8 = 0;
const LOCATION: u8 = 1;
const IDENTIFIER: u8 = 2;
const VERIFICATION: u8 = 4;
const SIGNATURE: u8 = 6;

/// HMAC's own key, shorter than 32 bytes: RFC 2104 fills it up with zeros.
const GENERATOR: &[u8; 32] = b"macaroons-key-generator\0\0\0\0\0\0\0\0\0";

/// Either alphabet, with padding or without: clients re-encode as their libraries like.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A macaroon, checked or not: see [`Macaroon::is_signed_with`].
#[derive(Clone, PartialEq, Eq)]
pub struct Macaroon {
    /// A hint for people, not signed. Empty: none.
    location: Vec<u8>,
    identifier: Vec<u8>,
    caveats: Vec<Vec<u8>>,
    signature: [u8; 32],
}

/// Why bytes are no macaroon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("it is not base64")]
    NotBase64,
    #[error("it is not in the binary format, version 2")]
    NotV2,
    #[error("it breaks off, or has parts that don't belong")]
    Malformed,
    #[error("it has more than {MAX_CAVEATS} caveats")]
    TooManyCaveats,
    #[error("it asks for a third party's word, which nobody here gives")]
    ThirdParty,
}

impl Macaroon {
    /// `root` is the secret that this one macaroon is signed with.
    pub fn mint(root: &[u8], location: &str, identifier: &[u8]) -> Self {
        Self {
            location: location.as_bytes().to_vec(),
            identifier: identifier.to_vec(),
            caveats: Vec::new(),
            signature: first_link(root, identifier),
        }
    }

    /// Narrows it. Needs no key: anybody who holds a macaroon may do so.
    #[must_use]
    pub fn with_caveat(mut self, predicate: &str) -> Self {
        self.signature = link(&self.signature, predicate.as_bytes());
        self.caveats.push(predicate.as_bytes().to_vec());
        self
    }

    pub fn identifier(&self) -> &[u8] {
        &self.identifier
    }

    pub fn caveats(&self) -> impl Iterator<Item = &[u8]> {
        self.caveats.iter().map(Vec::as_slice)
    }

    /// Whether its identifier and caveats are what the holder of this root key, and after that its
    /// bearers, wrote.
    pub fn is_signed_with(&self, root: &[u8]) -> bool {
        let signature = self
            .caveats
            .iter()
            .fold(first_link(root, &self.identifier), |key, caveat| {
                link(&key, caveat)
            });
        // SECURITY: constant time, as for every MAC.
        bool::from(signature.ct_eq(&self.signature))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        if !self.location.is_empty() {
            field(&mut bytes, LOCATION, &self.location);
        }
        field(&mut bytes, IDENTIFIER, &self.identifier);
        bytes.push(END);
        for caveat in &self.caveats {
            field(&mut bytes, IDENTIFIER, caveat);
            bytes.push(END);
        }
        bytes.push(END);
        field(&mut bytes, SIGNATURE, &self.signature);
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_BYTES {
            return Err(Error::TooLong);
        }
        let (&VERSION, rest) = bytes.split_first().ok_or(Error::Malformed)? else {
            return Err(Error::NotV2);
        };
        let mut reader = Reader(rest);
        let first = reader.section()?.ok_or(Error::Malformed)?;
        let mut caveats = Vec::new();
        while let Some(caveat) = reader.section()? {
            if caveats.len() == MAX_CAVEATS {
                return Err(Error::TooManyCaveats);
            }
            caveats.push(caveat.identifier.to_vec());
        }
        let signature = reader.signature()?;
        Ok(Self {
            location: first.location.to_vec(),
            identifier: first.identifier.to_vec(),
            caveats,
            signature,
        })
    }

    /// The text for a header. In the standard alphabet with padding, since clients in the field
    /// (Aperture's) read no other. Not `Display`: together with its preimage it opens a film.
    pub fn encode(&self) -> String {
        STANDARD.encode(self.to_bytes())
    }

    pub fn decode(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::TooLong);
        }
        let text = text.replace('-', "+").replace('_', "/");
        let bytes = LENIENT.decode(text).map_err(|_| Error::NotBase64)?;
        Self::from_bytes(&bytes)
    }
}

impl fmt::Debug for Macaroon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Macaroon(hidden)")
    }
}

fn first_link(root: &[u8], identifier: &[u8]) -> [u8; 32] {
    let derived = Zeroizing::new(link(GENERATOR, root));
    link(&derived, identifier)
}

fn link(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let mut mac = keyed(key);
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn field(bytes: &mut Vec<u8>, tag: u8, content: &[u8]) {
    bytes.push(tag);
    let mut length = content.len();
    while length > 0x7f {
        bytes.push(0x80 | low_seven(length));
        length >>= 7;
    }
    bytes.push(low_seven(length));
    bytes.extend_from_slice(content);
}

const fn low_seven(number: usize) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

/// One section of the format.
struct Section<'a> {
    /// Empty: none.
    location: &'a [u8],
    identifier: &'a [u8],
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// None: the empty section that ends the list.
    fn section(&mut self) -> Result<Option<Section<'a>>, Error> {
        if self.take_if(END) {
            return Ok(None);
        }
        let location = if self.take_if(LOCATION) {
            self.content()?
        } else {
            &[]
        };
        if !self.take_if(IDENTIFIER) {
            return Err(Error::Malformed);
        }
        let identifier = self.content()?;
        if self.take_if(VERIFICATION) {
            return Err(Error::ThirdParty);
        }
        if self.take_if(END) {
            Ok(Some(Section {
                location,
                identifier,
            }))
        } else {
            Err(Error::Malformed)
        }
    }

    /// The last field: 32 bytes, and nothing after them.
    fn signature(&mut self) -> Result<[u8; 32], Error> {
        if !self.take_if(SIGNATURE) {
            return Err(Error::Malformed);
        }
        let signature = self.content()?;
        if !self.0.is_empty() {
            return Err(Error::Malformed);
        }
        signature.try_into().map_err(|_| Error::Malformed)
    }

    fn take_if(&mut self, tag: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == tag => {
                self.0 = rest;
                true
            }
            Some(_) | None => false,
        }
    }

    /// A length and as many bytes. Two bytes of length are enough for [`MAX_BYTES`]; a length
    /// written longer than it needs to be is refused, so that a macaroon has one spelling.
    fn content(&mut self) -> Result<&'a [u8], Error> {
        let (length, rest) = match *self.0 {
            [low, ref rest @ ..] if low < 0x80 => (usize::from(low), rest),
            [low, high @ 1..0x80, ref rest @ ..] => {
                (usize::from(low & 0x7f) | usize::from(high) << 7, rest)
            }
            _ => return Err(Error::Malformed),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(Error::Malformed)?;
        self.0 = rest;
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn root(byte: u8) -> [u8; 32] {
        [byte; 32]
    }

    fn any_macaroon() -> impl Strategy<Value = Macaroon> {
        (
            "[a-z.:/]{0,200}",
            proptest::collection::vec(any::<u8>(), 0..200),
            proptest::collection::vec("[ -~]{0,40}", 0..5),
        )
            .prop_map(|(location, identifier, caveats)| {
                let macaroon = Macaroon::mint(&root(1), &location, &identifier);
                caveats
                    .iter()
                    .fold(macaroon, |macaroon, caveat| macaroon.with_caveat(caveat))
            })
    }

    proptest! {
        #[test]
        fn a_macaroon_survives_the_round_trip(macaroon in any_macaroon()) {
            prop_assert_eq!(Macaroon::from_bytes(&macaroon.to_bytes()), Ok(macaroon.clone()));
            let text = macaroon.encode();
            let url_safe = text.replace('+', "-").replace('/', "_");
            for spelling in [text.as_str(), text.trim_end_matches('='), &url_safe, url_safe.trim_end_matches('=')] {
                prop_assert_eq!(Macaroon::decode(spelling), Ok(macaroon.clone()));
            }
            prop_assert!(macaroon.is_signed_with(&root(1)));
            prop_assert!(!macaroon.is_signed_with(&root(2)));
        }

        #[test]
        fn any_changed_bit_is_refused_or_only_the_hint(macaroon in any_macaroon(), at: prop::sample::Index, bit in 0..8_u8) {
            let mut bytes = macaroon.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(changed) = Macaroon::from_bytes(&bytes) {
                let hint_only = changed.identifier == macaroon.identifier && changed.caveats == macaroon.caveats
                    && changed.signature == macaroon.signature;
                prop_assert_eq!(changed.is_signed_with(&root(1)), hint_only);
            }
        }

        #[test]
        fn no_caveat_can_be_taken_off(macaroon in any_macaroon()) {
            let mut wider = macaroon.clone();
            if wider.caveats.pop().is_some() {
                prop_assert!(!wider.is_signed_with(&root(1)));
            }
            let mut other = macaroon.with_caveat("title=1");
            if let Some(last) = other.caveats.last_mut() {
                *last = b"title=2".to_vec();
            }
            prop_assert!(!other.is_signed_with(&root(1)));
        }

        #[test]
        fn strange_bytes_have_one_spelling_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            if let Ok(macaroon) = Macaroon::from_bytes(&bytes) {
                prop_assert!(!macaroon.is_signed_with(&root(1)));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,300}") {
            let _ = Macaroon::decode(&text);
        }
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let short = Macaroon::mint(&root(1), "", b"id");
        let full = (0..MAX_CAVEATS).fold(short.clone(), |macaroon, _| macaroon.with_caveat("a=b"));
        assert!(Macaroon::from_bytes(&full.to_bytes()).is_ok());
        let fuller = full.with_caveat("a=b");
        assert_eq!(
            Macaroon::from_bytes(&fuller.to_bytes()),
            Err(Error::TooManyCaveats)
        );
        let long = short.with_caveat(&"a".repeat(MAX_BYTES));
        assert_eq!(Macaroon::from_bytes(&long.to_bytes()), Err(Error::TooLong));
        assert_eq!(
            Macaroon::decode(&"A".repeat(MAX_TEXT + 1)),
            Err(Error::TooLong)
        );
    }

    #[test]
    fn what_is_no_macaroon_of_ours_is_refused() {
        for (bytes, error) in [
            (&b""[..], Error::Malformed),
            (b"\x01", Error::NotV2),
            (b"{\"v\":2}", Error::NotV2),
            (b"\x02\x00", Error::Malformed),
            (b"\x02\x02\x02id", Error::Malformed),
            (b"\x02\x02\x02id\x04\x01v\x00", Error::ThirdParty),
            // A length in two bytes where one is enough.
            (b"\x02\x02\x82\x00id\x00\x00", Error::Malformed),
        ] {
            assert_eq!(Macaroon::from_bytes(bytes), Err(error), "{bytes:?}");
        }
        let mut trailing = Macaroon::mint(&root(1), "here", b"id").to_bytes();
        trailing.push(END);
        assert_eq!(Macaroon::from_bytes(&trailing), Err(Error::Malformed));
        assert_eq!(Macaroon::decode("?"), Err(Error::NotBase64));
    }
}
