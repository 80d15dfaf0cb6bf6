//! Whom backups are encrypted for: the public half of a key of `age`'s (X25519), as `age-keygen`
//! prints it. Checked here by its own check sum (BIP 173), so that a slip is found before a backup
//! is made that nobody can open.

use std::{fmt, str::FromStr};

/// `age1` and 58 letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient(String);

/// Not a recipient. Nothing of the text is repeated: it may be a secret key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecipient {
    #[error("this is a secret key, which must not lie on this machine")]
    SecretKey,
    #[error("no public key of age's")]
    Malformed,
}

impl Recipient {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const PREFIX: &str = "age";
/// 32 bytes in groups of five bits, and six for the check sum.
const LETTERS: usize = 58;
const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

impl FromStr for Recipient {
    type Err = InvalidRecipient;

    fn from_str(text: &str) -> Result<Self, InvalidRecipient> {
        if text.to_ascii_lowercase().starts_with("age-secret-key-") {
            return Err(InvalidRecipient::SecretKey);
        }
        let letters = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix('1'))
            .filter(|letters| letters.len() == LETTERS)
            .ok_or(InvalidRecipient::Malformed)?;
        let value = |letter: u8| CHARSET.iter().position(|&known| known == letter);
        let values: Option<Vec<usize>> = letters.bytes().map(value).collect();
        match values {
            Some(values) if check_sum(PREFIX, &values) == 1 => Ok(Self(text.to_owned())),
            Some(_) | None => Err(InvalidRecipient::Malformed),
        }
    }
}

/// BIP 173's, over the prefix and the values; 1 when all is right.
fn check_sum(prefix: &str, values: &[usize]) -> usize {
    const GENERATOR: [usize; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    let high = prefix.bytes().map(|byte| usize::from(byte >> 5));
    let low = prefix.bytes().map(|byte| usize::from(byte & 31));
    let all = high.chain([0]).chain(low).chain(values.iter().copied());
    all.fold(1, |sum, value| {
        let top = sum >> 25;
        let next = (sum & 0x1ff_ffff) << 5 ^ value;
        let terms = GENERATOR.iter().enumerate();
        terms.fold(next, |next, (bit, term)| {
            if top >> bit & 1 == 1 {
                next ^ term
            } else {
                next
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

    #[test]
    fn a_slip_is_found() {
        assert_eq!(
            RIGHT.parse::<Recipient>().map(|r| r.to_string()),
            Ok(RIGHT.into())
        );
        for place in 4..RIGHT.len() {
            let mut slip = RIGHT.as_bytes().to_vec();
            slip[place] = if slip[place] == b'q' { b'p' } else { b'q' };
            let slip = String::from_utf8(slip).expect("text");
            assert_eq!(
                slip.parse::<Recipient>(),
                Err(InvalidRecipient::Malformed),
                "{slip}"
            );
        }
        for bad in [
            "",
            "age1",
            &RIGHT[..61],
            &RIGHT.to_uppercase(),
            "ssh-ed25519 AAAA",
        ] {
            assert_eq!(bad.parse::<Recipient>(), Err(InvalidRecipient::Malformed));
        }
    }

    #[test]
    fn a_secret_key_is_told_from_a_public_one() {
        let text = "AGE-SECRET-KEY-1QQPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQ5Y9HX3";
        assert_eq!(text.parse::<Recipient>(), Err(InvalidRecipient::SecretKey));
    }
}
