//! Who may publish: stream keys against their channels' hashes, and a brake on guessing.

use std::collections::HashMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use satreel_hls::live::channel::{ChannelFile, ChannelName};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::refusal::Refusal;

const GUESSES: u32 = 5;
const BRAKE_MS: u64 = 60_000;
/// Addresses remembered; when there are more, the oldest go.
const MOST_ADDRESSES: usize = 1024;

/// The channel that this key opens.
pub(crate) fn channel(channels: &Path, key: &str) -> Result<(ChannelName, ChannelFile), Refusal> {
    let name = ChannelName::of_key(key).ok_or(Refusal::Key)?;
    let text = fs::read(channels.join(name.file())).map_err(|_| Refusal::Key)?;
    let file: ChannelFile = serde_json::from_slice(&text).map_err(|error| {
        tracing::error!(channel = %name, %error, "the channel's file cannot be read: mend it or make the channel anew");
        Refusal::Key
    })?;
    if opens(&file.key_sha256, key) {
        Ok((name, file))
    } else {
        Err(Refusal::Key)
    }
}

/// SECURITY: compared in constant time; a hash that cannot be read opens nothing.
fn opens(hash: &str, key: &str) -> bool {
    let Ok(expected) = hex::decode(hash) else {
        return false;
    };
    let found = Sha256::digest(key.as_bytes());
    bool::from(found.as_slice().ct_eq(&expected))
}

/// Remembers who guessed.
#[derive(Debug, Default)]
pub(crate) struct Brake(HashMap<IpAddr, (u32, u64)>);

impl Brake {
    pub(crate) fn may_try(&mut self, from: IpAddr, now_ms: u64) -> bool {
        self.0.retain(|_, (_, until)| *until > now_ms);
        self.0.get(&from).is_none_or(|(wrong, _)| *wrong < GUESSES)
    }

    pub(crate) fn wrong(&mut self, from: IpAddr, now_ms: u64) {
        if self.0.len() >= MOST_ADDRESSES {
            let oldest = self.0.iter().min_by_key(|(_, (_, until))| *until);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                self.0.remove(&oldest);
            }
        }
        let (wrong, until) = self.0.entry(from).or_default();
        *wrong += 1;
        *until = now_ms + BRAKE_MS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_its_channel_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let hash = hex::encode(Sha256::digest(b"films_0011"));
        let text = format!(r#"{{"name": "Films", "key_sha256": "{hash}"}}"#);
        fs::write(folder.path().join("films.json"), &text).expect("a file");
        fs::write(folder.path().join("other.json"), &text).expect("a file");
        fs::write(
            folder.path().join("empty.json"),
            r#"{"name": "", "key_sha256": ""}"#,
        )
        .expect("a file");
        let opened = |key| channel(folder.path(), key).map(|(name, _)| name.to_string());
        assert_eq!(opened("films_0011"), Ok("films".to_owned()));
        for key in [
            "films_0012",
            "other_0011",
            "empty_x",
            "none_x",
            "films",
            "../films_0011",
            "",
        ] {
            assert_eq!(opened(key), Err(Refusal::Key), "{key}");
        }
    }

    #[test]
    fn who_guesses_waits_a_minute() {
        let (mut brake, from) = (Brake::default(), IpAddr::from([10, 0, 0, 1]));
        for guess in 0..u64::from(GUESSES) {
            assert!(brake.may_try(from, guess));
            brake.wrong(from, guess);
        }
        assert!(!brake.may_try(from, 10));
        assert!(brake.may_try(IpAddr::from([10, 0, 0, 2]), 10));
        assert!(brake.may_try(from, 10 + BRAKE_MS));
        for last in 0..3000_u32 {
            brake.wrong(IpAddr::from(last.to_be_bytes()), 20);
        }
        assert!(brake.0.len() <= MOST_ADDRESSES);
    }
}
