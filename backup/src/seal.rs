//! Encryption of copies: the file format of `age`, so that a copy opens with other programs too
//! (`age -d -i key.txt channels-….age > channel.backup`).
//!
//! SECURITY: the machine that makes copies has the public halves only. The secret half comes in for
//! a drill or a restore, and is forgotten with it.

use std::io::{Read, Write};

use age::x25519;
use satreel_config::Recipient;
use satreel_destinations::MAX_BYTES;
use zeroize::Zeroizing;

/// For whom copies are made.
#[derive(Clone)]
pub struct Seal(Vec<x25519::Recipient>);

/// The secret keys that open copies. Hidden in `Debug`.
pub struct Identities(Vec<x25519::Identity>);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} is no public key of age's")]
    Recipient(String),
    #[error("the copy can't be encrypted: {0}")]
    Encrypt(String),
    /// Nothing of the text is repeated.
    #[error("line {line} of the identity is no secret key of age's (AGE-SECRET-KEY-1…)")]
    Identity { line: usize },
    #[error("there is no secret key in the identity")]
    NoIdentity,
    #[error("it can't be opened with this key: {0}")]
    Decrypt(String),
    #[error("it holds more than {MAX_BYTES} bytes, which no copy does")]
    TooLarge,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Seal").field(&self.0.len()).finish()
    }
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identities(…)")
    }
}

impl Seal {
    pub fn new(recipients: &[Recipient]) -> Result<Self, Error> {
        recipients
            .iter()
            .map(|recipient| {
                let text = recipient.as_str();
                text.parse().map_err(|_| Error::Recipient(text.to_owned()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub fn encrypt(&self, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let fault = |error: &dyn std::fmt::Display| Error::Encrypt(error.to_string());
        let recipients = self.0.iter().map(|one| one as &dyn age::Recipient);
        let encryptor =
            age::Encryptor::with_recipients(recipients).map_err(|error| fault(&error))?;
        let mut sealed = Vec::with_capacity(plain.len() + 1024);
        let mut writer = encryptor
            .wrap_output(&mut sealed)
            .map_err(|error| fault(&error))?;
        writer.write_all(plain).map_err(|error| fault(&error))?;
        writer.finish().map_err(|error| fault(&error))?;
        Ok(sealed)
    }
}

impl Identities {
    /// Reads what `age-keygen` writes: a key a line, comments and empty lines between.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut keys = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if !text.is_empty() && !text.starts_with('#') {
                keys.push(text.parse().map_err(|_| Error::Identity { line })?);
            }
        }
        if keys.is_empty() {
            return Err(Error::NoIdentity);
        }
        Ok(Self(keys))
    }

    /// What is in a copy. It is whole and unchanged, or this fails.
    pub fn decrypt(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let fault = |error: &dyn std::fmt::Display| Error::Decrypt(error.to_string());
        let decryptor = age::Decryptor::new(sealed).map_err(|error| fault(&error))?;
        let keys = self.0.iter().map(|key| key as &dyn age::Identity);
        let reader = decryptor.decrypt(keys).map_err(|error| fault(&error))?;
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        reader
            .take(MAX_BYTES + 1)
            .read_to_end(&mut plain)
            .map_err(|error| fault(&error))?;
        if plain.len() as u64 > MAX_BYTES {
            return Err(Error::TooLarge);
        }
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;

    use super::*;

    fn pair() -> (Recipient, String) {
        let key = x25519::Identity::generate();
        let public = key.to_public().to_string().parse().expect("a recipient");
        (public, key.to_string().expose_secret().to_owned())
    }

    #[test]
    fn each_of_the_recipients_opens_it_and_nobody_else() {
        let (one, two, other) = (pair(), pair(), pair());
        let seal = Seal::new(&[one.0, two.0]).expect("a seal");
        let sealed = seal.encrypt(b"channels").expect("sealed");
        assert!(!sealed.windows(8).any(|part| part == b"channels"));
        for secret in [&one.1, &two.1] {
            let file = format!("# created: today\n\n{secret}\n");
            let keys = Identities::parse(&file).expect("keys");
            assert_eq!(keys.decrypt(&sealed).expect("open").as_slice(), b"channels");
            assert_eq!(format!("{keys:?}"), "Identities(…)");
        }
        let stranger = Identities::parse(&other.1).expect("keys");
        assert!(matches!(stranger.decrypt(&sealed), Err(Error::Decrypt(_))));
    }

    #[test]
    fn a_changed_or_cut_copy_does_not_open() {
        let (public, secret) = pair();
        let sealed = Seal::new(&[public])
            .expect("a seal")
            .encrypt(&[7; 100])
            .expect("sealed");
        let keys = Identities::parse(&secret).expect("keys");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(keys.decrypt(&changed).is_err(), "byte {place}");
            assert!(keys.decrypt(&sealed[..place]).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn a_wrong_identity_is_named_by_its_line_only() {
        let wrong = Identities::parse("# mine\nAGE-SECRET-KEY-1HUSH\n").expect_err("wrong");
        assert!(matches!(wrong, Error::Identity { line: 2 }));
        assert!(!wrong.to_string().contains("HUSH"));
        assert!(matches!(Identities::parse("#\n"), Err(Error::NoIdentity)));
    }
}
