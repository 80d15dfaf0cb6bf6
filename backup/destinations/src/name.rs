//! Names of copies: what every destination can hold, and nothing that means something to one.

use std::{fmt, str::FromStr};

/// Longest name.
const MAX_LENGTH: usize = 100;

/// A copy's name: 1 to 100 of `a-z`, `0-9`, `.` and `-`, without a dot at its beginning. Never a
/// path: there are no folders, and what begins with a dot is for the destination's own use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// A text that is no [`Name`].
#[derive(Debug, thiserror::Error)]
#[error("a copy's name is 1 to 100 of a-z, 0-9, '.' and '-', without a dot at its beginning")]
pub struct BadName;

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it is written before it is whole: no name, so nobody lists it.
    pub(crate) fn unfinished(&self) -> String {
        format!(".{}.part", self.0)
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let is_fine = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        let fits = (1..=MAX_LENGTH).contains(&text.len());
        if fits && !text.starts_with('.') && text.bytes().all(is_fine) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName)
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_flat_and_plain() {
        let long = "a".repeat(MAX_LENGTH);
        for fine in ["a", "channels-20261122t010203z.age", "-", &long] {
            let name: Name = fine.parse().expect(fine);
            assert_eq!(name.to_string(), fine);
            assert!(name.unfinished().parse::<Name>().is_err());
        }
        let longer = "a".repeat(MAX_LENGTH + 1);
        for bad in [
            "", ".", "..", ".a", "a/b", "A", "a b", "ä", "a\0", "a_b", &longer,
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }
}
