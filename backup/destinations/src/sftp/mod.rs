//! A folder on an SFTP server as a destination (the protocol's version 3, as OpenSSH speaks it).
//!
//! Every call makes a connection of its own: copies are made now and then, and a connection that is
//! kept would only be something more that can break. A copy is written under a name that nobody
//! lists, synced, and renamed over the old one.

mod connect;
mod files;

use std::time::Duration;

use async_trait::async_trait;
use satreel_config::{Place, Secret};

use crate::{Destination, Entry, Error, Name, Result};
use connect::HostKey;
use files::Files;

/// For a whole call: a large copy on a slow line.
const PATIENCE: Duration = Duration::from_mins(5);

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Sftp {
    host: String,
    port: u16,
    user: String,
    path: String,
    key: Secret,
    host_key: HostKey,
}

impl Sftp {
    /// Of [`Place::Sftp`].
    pub(crate) fn new(place: &Place) -> Result<Self> {
        let Place::Sftp {
            host,
            port,
            user,
            path,
            key,
            host_key,
        } = place
        else {
            return Err(wrong("kind", "is not that of an SFTP server"));
        };
        for (key, text) in [("host", host), ("user", user), ("path", path)] {
            if text.is_empty() || text.chars().any(char::is_control) {
                return Err(wrong(key, "is empty, or holds what can't be printed"));
            }
        }
        Ok(Self {
            host: host.clone(),
            port: *port,
            user: user.clone(),
            path: match path.trim_end_matches('/') {
                "" => "/".to_owned(),
                path => path.to_owned(),
            },
            key: key.clone(),
            host_key: host_key.parse()?,
        })
    }

    pub(crate) async fn prepare(&self) -> Result<()> {
        self.within("making the folder", async {
            self.files().await?.make_folder().await
        })
        .await
    }

    /// The open folder, which is there.
    async fn folder(&self) -> Result<Files<'_>> {
        let files = self.files().await?;
        files.look().await?;
        Ok(files)
    }

    async fn files(&self) -> Result<Files<'_>> {
        Files::open(connect::connect(self).await?, self).await
    }

    async fn within<T>(
        &self,
        doing: &str,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        tokio::time::timeout(PATIENCE, work)
            .await
            .map_err(|_| Error::late(&self.describe(), doing, PATIENCE.as_secs()))?
    }
}

fn wrong(key: &'static str, why: &str) -> Error {
    Error::Options {
        key,
        why: why.to_owned(),
    }
}

#[async_trait]
impl Destination for Sftp {
    fn describe(&self) -> String {
        let Self {
            user, host, path, ..
        } = self;
        if self.port == 22 {
            format!("sftp {user}@{host}:{path}")
        } else {
            format!("sftp {user}@{host}:{path} (port {})", self.port)
        }
    }

    async fn put(&self, name: &Name, bytes: &[u8]) -> Result<()> {
        self.within("writing", async {
            self.folder().await?.put(name, bytes).await
        })
        .await
    }

    async fn get(&self, name: &Name) -> Result<Vec<u8>> {
        self.within("reading", async { self.folder().await?.get(name).await })
            .await
    }

    async fn list(&self) -> Result<Vec<Entry>> {
        self.within("listing", async { self.folder().await?.list().await })
            .await
    }

    async fn remove(&self, name: &Name) -> Result<()> {
        self.within("removing", async {
            self.folder().await?.remove(name).await
        })
        .await
    }
}
