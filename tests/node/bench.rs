//! One pair of nodes for all tests that leave it running, and a backend on it.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use lnd_pair::{NARROW, Node, Pair};
use satreel::{
    clock::SystemClock,
    core::money::Msats,
    payments::{
        Health, InvoiceBackend, NewInvoice,
        lnd::{Expected, Lnd, node},
    },
};
use satreel_config::{Network, Secret};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Longer than any wait here lasts, on the busiest machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const REGTEST: Expected = Expected {
    network: Some(Network::Regtest),
    dearest: None,
};

pub(crate) async fn pair() -> &'static Pair {
    static SHARED: OnceCell<(Pair, TempDir)> = OnceCell::const_new();
    let (pair, _) = SHARED
        .get_or_init(async || {
            let folder = tempfile::tempdir().unwrap();
            (Pair::start(folder.path()).await.unwrap(), folder)
        })
        .await;
    pair
}

/// The files that a configuration names, to be spoilt and mended.
pub(crate) struct Files {
    folder: TempDir,
    pub(crate) address: String,
}

impl Files {
    /// All in order for `node`, with the narrow macaroon.
    pub(crate) async fn of(node: &Node) -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
            address: node.address(),
        };
        files.put_certificate(node);
        files.put_macaroon(&node.bake(&NARROW).await.unwrap());
        files
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls.cert")
    }

    pub(crate) fn macaroon(&self) -> PathBuf {
        self.folder.path().join("satreel.macaroon")
    }

    pub(crate) fn put_certificate(&self, of: &Node) {
        std::fs::copy(of.certificate(), self.certificate()).unwrap();
    }

    pub(crate) fn put_macaroon(&self, bytes: &[u8]) {
        std::fs::write(self.macaroon(), bytes).unwrap();
    }

    pub(crate) fn backend(&self, expected: Expected) -> Lnd {
        let config = satreel_config::Lnd {
            address: self.address.parse().unwrap(),
            certificate: self.certificate(),
            macaroon: Secret::File(self.macaroon()),
            network: None,
        };
        Lnd::new(node(&config).unwrap(), expected, Arc::new(SystemClock))
    }
}

pub(crate) fn invoice(sat: u64) -> NewInvoice {
    NewInvoice {
        amount: Msats::new(sat * 1000).unwrap(),
        memo: "code".into(),
        description_hash: None,
        expires_in_s: 600,
    }
}

/// Waits until the backend says that it is away, in words with `words` in them.
pub(crate) async fn away(backend: &Lnd, words: &str) {
    until(
        backend,
        words,
        |health| matches!(health, Health::Away(why) if why.contains(words)),
    )
    .await;
}

pub(crate) async fn ready(backend: &Lnd) {
    until(backend, "ready", |health| {
        matches!(health, Health::Ready { .. })
    })
    .await;
}

pub(crate) async fn until(backend: &Lnd, what: &str, fact: impl Fn(&Health) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let health = backend.health().await;
        if fact(&health) {
            return;
        }
        assert!(Instant::now() < deadline, "not {what}: {health:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
