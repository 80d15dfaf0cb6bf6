//! From a configuration file to a guardian that is ready.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::ValueHint;
use rustix::fs::{FlockOperation, flock};
use satreel_config::{Backup, Config};
use tokio::runtime::Runtime;

use super::{Failure, data::OfSite};
use crate::{
    clock::Clock,
    guardian::Guardian,
    node::{Lnd, Node},
    place::Place,
    site::Data,
};

/// Which site.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The site's configuration
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) config: PathBuf,
}

/// Which site, and how the results are told.
#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) site: Which,
}

impl Which {
    pub(super) fn load(&self) -> Result<(Config, Backup), Failure> {
        load(&self.config)
    }
}

pub(super) fn load(path: &Path) -> Result<(Config, Backup), Failure> {
    let config = satreel_config::load(path).map_err(|faults| Failure::Usage(faults.to_string()))?;
    let backup = config.backup.clone().ok_or_else(|| {
        Failure::Usage(format!(
            "{} has no [backup]: config/satreel.toml explains its keys",
            path.display()
        ))
    })?;
    if backup.node.is_none() && !backup.site {
        let words = "[backup] names neither a macaroon nor the site: there is nothing to save";
        return Err(Failure::Usage(words.to_owned()));
    }
    Ok((config, backup))
}

/// One thread: the guardian waits most of its life.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Disks and archives, one at a time each.
        .max_blocking_threads(4)
        .build();
    Ok(built?)
}

/// The guardian of a site, as the configuration has it.
pub(super) async fn guardian(
    path: &Path,
    config: &Config,
    backup: &Backup,
) -> Result<Guardian, Failure> {
    let node: Option<Arc<dyn Node>> = match &backup.node {
        Some(node) => Some(Arc::new(Lnd::new(node)?)),
        None => None,
    };
    make_folder(&backup.folder)?;
    let site = backup
        .site
        .then(|| Arc::new(OfSite::new(path, config, backup)) as Arc<dyn Data>);
    let guardian = Guardian::new(backup, node, site, places(backup)?, Clock::system()).await;
    guardian.map_err(Failure::from)
}

pub(super) fn places(backup: &Backup) -> Result<Vec<Place>, Failure> {
    backup.destinations.iter().map(place).collect()
}

fn place(destination: &satreel_config::BackupDestination) -> Result<Place, Failure> {
    let name = destination.name.clone();
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::Usage(format!("the destination {name} can't be used: {error}"))
    };
    let there = satreel_destinations::open(&destination.place);
    let there = there.map_err(|error| wrong(&error))?;
    Ok(Place { name, there })
}

/// Others may look into it, for `status.json`; copies are readable to the guardian only.
fn make_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path)
        .map_err(|error| Failure::Failed(format!("{} can't be made: {error}", path.display())))
}

/// Held by the one process that makes copies.
#[derive(Debug)]
pub(super) struct Turn {
    /// The lock ends with it.
    _lock: File,
}

pub(super) fn take_turn(backup: &Backup) -> Result<Turn, Failure> {
    make_folder(&backup.folder)?;
    let path = backup.folder.join(".lock");
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    let fault = |words: String| Failure::Failed(format!("{}: {words}", path.display()));
    let lock = opened.map_err(|error| fault(error.to_string()))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Turn { _lock: lock }),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            Err(fault("another satreel-backup makes copies already".into()))
        }
        Err(error) => Err(fault(error.to_string())),
    }
}
