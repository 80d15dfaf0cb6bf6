//! The folder of one site's certificate. Every file is replaced in one step and readable by its
//! owner only: three of the four hold a key.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use instant_acme::AccountCredentials;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::{Error, Kind};

const CERTIFICATE: &str = "certificate.pem";
const ACCOUNT: &str = "account.json";
const ORDER: &str = "order.json";
const STATUS: &str = "status.json";

/// Certificate, those that vouch for it, and its key: one file, so that they are never of two pairs.
pub fn certificate_file(folder: &Path) -> PathBuf {
    folder.join(CERTIFICATE)
}

/// How renewing stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// None: the last try went well, or there was none.
    pub failure: Option<Failure>,
}

/// The last of some tries that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: Kind,
    pub words: String,
    pub at: Timestamp,
    /// When it is tried again.
    pub next: Timestamp,
    pub in_a_row: u32,
}

/// What a running server left in its folder. Fails where this user may not read it.
pub fn status(folder: &Path) -> io::Result<Status> {
    Ok(read(&folder.join(STATUS))?.unwrap_or_default())
}

/// With whom the account is, since another directory wants another one.
#[derive(Deserialize)]
struct Account {
    directory: String,
    credentials: AccountCredentials,
}

#[derive(Serialize)]
struct AccountRef<'a> {
    directory: &'a str,
    credentials: &'a AccountCredentials,
}

/// An order that is not done: what a server that was killed goes on with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) directory: String,
    pub(crate) domains: Vec<String>,
    pub(crate) url: String,
    /// PEM. Without it what was ordered would be of no use.
    pub(crate) key: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Store(PathBuf);

impl Store {
    pub(crate) fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        certificate_file(&self.0)
    }

    /// None: no account with this directory.
    pub(crate) fn account(&self, directory: &str) -> Result<Option<AccountCredentials>, Error> {
        let kept: Option<Account> = self.get(ACCOUNT)?;
        Ok(kept
            .filter(|kept| kept.directory == directory)
            .map(|kept| kept.credentials))
    }

    pub(crate) fn put_account(
        &self,
        directory: &str,
        credentials: &AccountCredentials,
    ) -> Result<(), Error> {
        let kept = AccountRef {
            directory,
            credentials,
        };
        self.put_json(ACCOUNT, &kept)
    }

    pub(crate) fn forget_account(&self) -> Result<(), Error> {
        self.forget(ACCOUNT)
    }

    pub(crate) fn order(&self) -> Result<Option<Kept>, Error> {
        self.get(ORDER)
    }

    pub(crate) fn put_order(&self, order: &Kept) -> Result<(), Error> {
        self.put_json(ORDER, order)
    }

    pub(crate) fn forget_order(&self) -> Result<(), Error> {
        self.forget(ORDER)
    }

    pub(crate) fn put_certificate(&self, chain: &str, key: &str) -> Result<(), Error> {
        let text = format!("{}\n{}\n", chain.trim_end(), key.trim_end());
        self.put(CERTIFICATE, text.as_bytes())
    }

    pub(crate) fn status(&self) -> Status {
        // One that can't be read says nothing, and is written anew.
        status(&self.0).unwrap_or_default()
    }

    pub(crate) fn put_status(&self, status: &Status) -> Result<(), Error> {
        self.put_json(STATUS, status)
    }

    fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let path = self.0.join(name);
        match read(&path) {
            // A file that somebody damaged is worth no more than none: an account and an order cost nothing.
            Err(error) if error.kind() == ErrorKind::InvalidData => Ok(None),
            read => read.map_err(|source| Error::File { path, source }),
        }
    }

    fn forget(&self, name: &str) -> Result<(), Error> {
        let path = self.0.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                Err(Error::File { path, source })
            }
            _ => Ok(()),
        }
    }

    fn put_json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(value).map_err(|error| Error::File {
            path: self.0.join(name),
            source: error.into(),
        })?;
        self.put(name, &text)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.0.join(name);
        replace(&self.0, &path, bytes).map_err(|source| Error::File { path, source })
    }
}

/// None: there is no such file.
fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let temporary = path.with_extension("tmp");
    // A leftover of a power cut may have other modes.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_kept_is_nobody_elses() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("data/acme");
        let store = Store::new(&folder);
        assert!(store.order().expect("none").is_none());
        let order = Kept {
            directory: "https://ca.example".to_owned(),
            domains: vec!["films.example".to_owned()],
            url: "https://ca.example/order/1".to_owned(),
            key: "secret".to_owned(),
        };
        fs::create_dir_all(outer.path().join("data")).expect("a folder");
        store.put_order(&order).expect("written");
        store.put_certificate("chain\n\n", "key").expect("written");
        assert!(store.order().expect("one") == Some(order));
        for (path, expected) in [
            (folder.clone(), 0o700),
            (folder.join(ORDER), 0o600),
            (store.certificate(), 0o600),
        ] {
            let mode = fs::metadata(&path).expect("it is there").permissions();
            assert_eq!(mode.mode() & 0o777, expected, "{}", path.display());
        }
        let text = fs::read_to_string(store.certificate()).expect("a text");
        assert_eq!(text, "chain\nkey\n");
        store.forget_order().expect("gone");
        store.forget_order().expect("gone already");
        assert!(store.order().expect("none").is_none());
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path());
        for name in [ORDER, ACCOUNT, STATUS] {
            fs::write(folder.path().join(name), "{\"half\":").expect("written");
        }
        assert!(store.order().expect("no fault").is_none());
        assert!(store.account("x").expect("no fault").is_none());
        assert_eq!(store.status(), Status::default());
    }
}
