//! Tags as credentials name them: a collection is all titles that carry one tag.

use std::fmt;

use sha2::{Digest, Sha256};

/// A tag's number: the first 8 bytes of SHA-256 over "satreel/1/tag" and the tag, trimmed and in
/// lower case (letter by letter, as Unicode says).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagId([u8; 8]);

impl TagId {
    pub fn of(tag: &str) -> Self {
        let mut digest = Sha256::new_with_prefix(b"satreel/1/tag");
        let mut bytes = [0; 4];
        for letter in tag.trim().chars().flat_map(char::to_lowercase) {
            digest.update(letter.encode_utf8(&mut bytes));
        }
        let mut id = [0; 8];
        id.copy_from_slice(&digest.finalize()[..8]);
        Self(id)
    }

    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for TagId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TagId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TagId({self})")
    }
}

impl std::str::FromStr for TagId {
    type Err = super::ids::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| super::ids::InvalidId("a tag's number: 16 hex digits"))?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_tag_is_one_however_it_is_written() {
        let noir = TagId::of("noir");
        for same in ["Noir", " NOIR ", "noir\t"] {
            assert_eq!(TagId::of(same), noir, "{same}");
        }
        for other in ["noirs", "no ir", "", "n\u{f6}ir"] {
            assert_ne!(TagId::of(other), noir, "{other}");
        }
        assert_eq!(TagId::of("\u{c9}T\u{c9}"), TagId::of("\u{e9}t\u{e9}"));
        assert_eq!(noir.to_string().parse(), Ok(noir));
    }
}
