//! The signing keys on disk, and the keyring that the running server uses.
//!
//! One JSON file, readable by its owner only:
//! `{"keys": [{"secret": "<base64url, 32 bytes>", "created_at": "…", "state": "signing"}, …]}`.
//! Exactly one key is `signing`, others are `verifying` or `retired`. A retired key's secret stays: orders made under it must stay
//! readable, for a wallet's history to restore what it paid for.

use std::{
    fmt, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    core::{
        keyring::{Key, KeyId, Keyring},
        time::Timestamp,
    },
    small_file,
};

/// The keyring in use, and where it came from.
pub struct Keys {
    current: RwLock<Arc<Keyring>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.current().fmt(f)
    }
}

impl Keys {
    pub fn new(keyring: Keyring) -> Self {
        Self {
            current: RwLock::new(Arc::new(keyring)),
        }
    }

    /// The keys of this site; a first start makes the first one.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, Error> {
        let file = match KeyFile::read(path) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let file = KeyFile::first(now)?;
                file.write(path)?;
                tracing::info!(path = %path.display(), "made the first signing key: back it up");
                file
            }
            other => other?,
        };
        Ok(Self::new(file.keyring(path)?))
    }

    pub fn current(&self) -> Arc<Keyring> {
        self.current.read().clone()
    }

    /// Takes in the file again, after a rotation. On a fault the keys in use stay.
    pub fn reload(&self, path: &Path) -> Result<(), Error> {
        let keyring = KeyFile::read(path)?.keyring(path)?;
        *self.current.write() = Arc::new(keyring);
        Ok(())
    }

    /// Takes in every change of the file while the server runs, until `shutdown`.
    pub async fn follow(&self, path: &Path, shutdown: CancellationToken) {
        small_file::follow(path, shutdown, || match self.reload(path) {
            Ok(()) => {
                let signing = self.current().signing().id();
                tracing::info!(%signing, "took in the keys");
            }
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the changed keys are not taken in; those before stay in use"
            ),
        })
        .await;
    }
}

/// What is wrong with the key file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {why}: restore it from your backup; without its keys nobody's purchase verifies", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("{}: others may read the signing keys: run chmod 600 on it", path.display())]
    Exposed { path: PathBuf },
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    #[error("no key has the id {0}: see `satreel keys list`")]
    NoSuchKey(KeyId),
    #[error("{0} is retired, and must never sign again: rotate to a new key")]
    Retired(KeyId),
    #[error("{0} signs new credentials: rotate first, then retire it")]
    StillSigning(KeyId),
}

/// What a key may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    Signing,
    Verifying,
    Retired,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Zeroizing<String>>,
    created_at: String,
    state: KeyState,
}

/// The key file's contents, for the commands that change it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    keys: Vec<Entry>,
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub id: String,
    pub created_at: String,
    pub state: KeyState,
}

impl KeyFile {
    fn first(now: Timestamp) -> Result<Self, Error> {
        Ok(Self {
            keys: vec![Entry::generate(now)?.1],
        })
    }

    pub fn read(path: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        // SECURITY: a key file that others can read is no secret any more; say so before using it.
        let mode = fs::metadata(path).map_err(io)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Error::Exposed {
                path: path.to_owned(),
            });
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
        serde_json::from_str(&text).map_err(|error| Error::Damaged {
            path: path.to_owned(),
            // Only the place: serde's own words may quote the secret.
            why: format!(
                "not a key file (line {}, column {})",
                error.line(),
                error.column()
            ),
        })
    }

    /// Replaces the file in one step, readable by its owner only.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        let text =
            Zeroizing::new(
                serde_json::to_string_pretty(self).map_err(|error| Error::Damaged {
                    path: path.to_owned(),
                    why: error.to_string(),
                })?,
            );
        small_file::replace(path, &text).map_err(io)
    }

    /// Reads the file, changes it and puts it back, while no other command does.
    pub fn edit<T>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let _turn = small_file::take_turn(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            source,
        })?;
        let mut file = Self::read(path)?;
        let outcome = change(&mut file)?;
        file.write(path)?;
        Ok(outcome)
    }

    pub fn list(&self) -> Vec<Listed> {
        self.keys
            .iter()
            .map(|entry| Listed {
                id: entry.id.clone(),
                created_at: entry.created_at.clone(),
                state: entry.state,
            })
            .collect()
    }

    /// Makes a new key that signs from now on; the one before goes on verifying.
    pub fn rotate(&mut self, now: Timestamp) -> Result<KeyId, Error> {
        let id = self.prepare(now)?;
        self.promote(id)?;
        Ok(id)
    }

    /// Makes a new key that only verifies yet: what it will sign must be known everywhere first.
    pub fn prepare(&mut self, now: Timestamp) -> Result<KeyId, Error> {
        let (id, mut entry) = Entry::generate(now)?;
        entry.state = KeyState::Verifying;
        self.keys.insert(0, entry);
        Ok(id)
    }

    /// Lets a key sign from now on; the one before goes on verifying.
    pub fn promote(&mut self, id: KeyId) -> Result<(), Error> {
        let name = id.to_string();
        let found = self.keys.iter().find(|entry| entry.id == name);
        if found.ok_or(Error::NoSuchKey(id))?.state == KeyState::Retired {
            return Err(Error::Retired(id));
        }
        for entry in &mut self.keys {
            if entry.id == name {
                entry.state = KeyState::Signing;
            } else if entry.state == KeyState::Signing {
                entry.state = KeyState::Verifying;
            }
        }
        Ok(())
    }

    /// Ends a key: whatever it has signed is refused from now on.
    pub fn retire(&mut self, id: KeyId) -> Result<(), Error> {
        let name = id.to_string();
        let entry = self
            .keys
            .iter_mut()
            .find(|entry| entry.id == name)
            .ok_or(Error::NoSuchKey(id))?;
        match entry.state {
            KeyState::Signing => Err(Error::StillSigning(id)),
            KeyState::Verifying | KeyState::Retired => {
                entry.state = KeyState::Retired;
                Ok(())
            }
        }
    }

    fn keyring(&self, path: &Path) -> Result<Keyring, Error> {
        let damaged = |why: &str| Error::Damaged {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        let strange = || damaged("a key doesn't match its id");
        let (mut signing, mut verifying, mut retired) = (None, Vec::new(), Vec::new());
        for entry in &self.keys {
            match entry.state {
                KeyState::Retired => retired.push(entry.key().ok_or_else(strange)?),
                KeyState::Verifying => verifying.push(entry.key().ok_or_else(strange)?),
                KeyState::Signing if signing.is_some() => return Err(damaged("two keys sign")),
                KeyState::Signing => signing = Some(entry.key().ok_or_else(strange)?),
            }
        }
        let signing = signing.ok_or_else(|| damaged("no key signs"))?;
        Ok(Keyring::new(signing, verifying, retired))
    }
}

impl Entry {
    /// A new key, signing.
    fn generate(now: Timestamp) -> Result<(KeyId, Self), Error> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut()).map_err(Error::Randomness)?;
        let id = Key::from_secret(&secret).id();
        let entry = Self {
            id: id.to_string(),
            secret: Some(Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_slice()))),
            created_at: now.to_string(),
            state: KeyState::Signing,
        };
        Ok((id, entry))
    }

    /// None: the secret is missing, damaged, or another key's.
    fn key(&self) -> Option<Key> {
        let mut secret = Zeroizing::new([0; 32]);
        let text = self.secret.as_ref()?;
        let length = URL_SAFE_NO_PAD
            .decode_slice(text.as_bytes(), secret.as_mut())
            .ok()?;
        let key = Key::from_secret(&secret);
        (length == 32 && key.id().to_string() == self.id).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        access::{Access, Scope, Term},
        envelope,
        offer::TierKind,
        order::Subject,
    };

    fn access() -> Access {
        Access {
            scope: Scope::Site,
            tier: TierKind::Pass,
            term: Term::Forever,
            subject: Subject::NOBODY,
        }
    }

    #[test]
    fn rotation_keeps_old_tokens_and_retirement_ends_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        let keys = Keys::open(&path, Timestamp::default()).expect("keys");
        let old = keys.current().signing().id();
        let token = access().seal(&keys.current());

        let mut file = KeyFile::read(&path).expect("the file");
        assert!(matches!(file.retire(old), Err(Error::StillSigning(_))));
        let new = file.rotate(Timestamp::default()).expect("a key");
        file.write(&path).expect("written");
        keys.reload(&path).expect("reloaded");
        assert_eq!(keys.current().signing().id(), new);
        assert_eq!(Access::open(&token, &keys.current()), Ok(access()));

        file.retire(old).expect("retired");
        assert!(matches!(file.promote(old), Err(Error::Retired(_))));
        file.write(&path).expect("written");
        keys.reload(&path).expect("reloaded");
        assert_eq!(
            Access::open(&token, &keys.current()),
            Err(envelope::Error::RetiredKey)
        );
    }

    #[test]
    fn a_key_is_known_before_it_signs() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        let keys = Keys::open(&path, Timestamp::default()).expect("keys");
        let old = keys.current().signing().id();
        let prepare = |file: &mut KeyFile| file.prepare(Timestamp::default());
        let new = KeyFile::edit(&path, prepare).expect("prepared");
        keys.reload(&path).expect("reloaded");
        assert_eq!(keys.current().signing().id(), old, "not yet");

        // Another server that has come to the next step.
        KeyFile::edit(&path, |file| file.promote(new)).expect("promoted");
        let ahead = Keys::open(&path, Timestamp::default()).expect("keys");
        assert_eq!(ahead.current().signing().id(), new);
        let (its, ours) = (
            access().seal(&ahead.current()),
            access().seal(&keys.current()),
        );
        assert_eq!(Access::open(&its, &keys.current()), Ok(access()));
        assert_eq!(Access::open(&ours, &ahead.current()), Ok(access()));
        let unknown = KeyId::from_bytes([0; 4]);
        let refused = KeyFile::edit(&path, |file| file.promote(unknown));
        assert!(matches!(refused, Err(Error::NoSuchKey(_))));
    }

    #[test]
    fn a_second_start_has_the_same_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        let first = Keys::open(&path, Timestamp::default()).expect("keys");
        let second = Keys::open(&path, Timestamp::default()).expect("keys");
        assert_eq!(
            first.current().signing().id(),
            second.current().signing().id()
        );
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn damaged_or_exposed_files_are_refused_and_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        Keys::open(&path, Timestamp::default()).expect("keys");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        assert!(matches!(
            Keys::open(&path, Timestamp::default()),
            Err(Error::Exposed { .. })
        ));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        for damage in [
            "",
            "{}",
            "{\"keys\": []}",
            "{\"keys\": [{\"id\": \"00000000\", \"secret\": \"AAAA\", \"created_at\": \"\", \"state\": \"signing\"}]}",
        ] {
            fs::write(&path, damage).expect("written");
            assert!(
                matches!(
                    Keys::open(&path, Timestamp::default()),
                    Err(Error::Damaged { .. })
                ),
                "{damage}"
            );
            assert_eq!(fs::read_to_string(&path).expect("read"), damage);
        }
    }
}
