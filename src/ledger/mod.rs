//! The sales record: what was sold and tipped, and how far settlements were taken in.
//!
//! Owns `<data>/ledger.db`. Every settled invoice is recorded once, by its reference. Never asked
//! whether somebody may watch: deleting the file loses no viewer a purchase, and the next start
//! fills it again from the payment backend.

mod board;
mod progress;
mod report;
mod row;
mod sales;
mod tips;

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use tokio::sync::watch;

pub use progress::Progress;
pub use report::{Day, Takings};
pub use sales::{Sale, Sold, received_since};
pub use tips::{PendingTip, Tip};

use crate::{
    clock::{Clock, SystemClock},
    database::{self, Database},
};

const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE sales (
        number INTEGER PRIMARY KEY,
        reference TEXT NOT NULL UNIQUE,
        order_code TEXT NOT NULL,
        title TEXT NOT NULL,
        tier TEXT NOT NULL,
        hours INTEGER,
        price_sat INTEGER NOT NULL,
        received_msat INTEGER NOT NULL,
        settled_at INTEGER NOT NULL,
        subject TEXT NOT NULL,
        marked INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX sales_by_time ON sales (settled_at, number);
    CREATE TABLE tips (
        number INTEGER PRIMARY KEY,
        reference TEXT NOT NULL UNIQUE,
        title TEXT,
        amount_msat INTEGER NOT NULL,
        message TEXT NOT NULL,
        at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX tips_by_title ON tips (title, amount_msat);
    CREATE INDEX tips_by_time ON tips (at, number);
    CREATE TABLE pending_tips (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        reference TEXT NOT NULL UNIQUE,
        title TEXT,
        amount_sat INTEGER NOT NULL,
        message TEXT NOT NULL,
        at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE progress (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        cursor INTEGER NOT NULL,
        reference TEXT NOT NULL,
        settled_at INTEGER NOT NULL
    ) STRICT;
",
    "
    ALTER TABLE tips ADD COLUMN channel TEXT;
    ALTER TABLE tips ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE pending_tips ADD COLUMN channel TEXT;
    CREATE INDEX tips_by_channel ON tips (channel, at);
",
];

/// The sales record. A cheap handle.
#[derive(Debug, Clone)]
pub struct Ledger {
    database: Database,
    tips_changed: watch::Sender<u64>,
}

/// What became of something to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    Recorded,
    /// It was there already; nothing changed.
    Replayed,
}

/// What the record could not do. Worth trying again: a full disk gets room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the sales record does not work")]
    Database(#[from] database::Error),
    #[error("the damaged sales record {} cannot be set aside", path.display())]
    SetAside { path: PathBuf, source: io::Error },
}

impl Ledger {
    /// Opens or makes the record. A damaged one is set aside under a dated name, since a broken
    /// record must not stop sales: the purchases are the payment backend's to know.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let database = match Database::open(path, MIGRATIONS).await {
            Err(error) if error.is_damage() => {
                let aside = set_aside(path)?;
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    aside = %aside.display(),
                    "the sales record is damaged: set aside, and a new one begun. No purchase is \
                     lost; settlements that the payment backend still lists are recorded again"
                );
                Database::open(path, MIGRATIONS).await
            }
            other => other,
        }?;
        Ok(Self {
            database,
            tips_changed: watch::Sender::new(0),
        })
    }

    /// Closes the file. What is recorded after that fails, and is taken in at the next start.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// Moves the file, and what SQLite keeps beside it, to a name that is free.
fn set_aside(path: &Path) -> Result<PathBuf, Error> {
    let name = |suffix: &str, side: &str| {
        let mut name = OsString::from(path);
        name.push(suffix);
        name.push(side);
        PathBuf::from(name)
    };
    let date = SystemClock.now().to_string().replace([':', '-'], "");
    let suffix = (0..1000)
        .map(|number| match number {
            0 => format!(".damaged-{date}"),
            _ => format!(".damaged-{date}-{number}"),
        })
        .find(|suffix| !name(suffix, "").exists())
        .unwrap_or_default();
    for side in ["-wal", "-shm", ""] {
        let from = name("", side);
        match std::fs::rename(&from, name(&suffix, side)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let path = from;
                return Err(Error::SetAside {
                    path,
                    source: error,
                });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(name(&suffix, ""))
}

#[cfg(test)]
mod tests;
