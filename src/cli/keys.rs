//! `satreel keys list / rotate / sign ID / retire ID`

use std::time::Duration;

use clap::Subcommand;

use super::{Failure, print, site::Which};
use crate::{
    clock::{Clock, SystemClock},
    core::keyring::KeyId,
    keys::KeyFile,
    small_file::LOOK_EVERY,
};

/// By then every server that shares the file has taken it in: servers behind one name must know a
/// key before one of them signs with it.
const ALL_KNOW_AFTER: Duration = LOOK_EVERY.saturating_mul(3);

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every key with its state
    List {
        #[command(flatten)]
        site: Which,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a new key; once all running servers know it, it signs. Older ones go on verifying
    Rotate {
        #[command(flatten)]
        site: Which,
        /// Sign at once, though another server may not know the key for a second
        #[arg(long)]
        now: bool,
        /// Make the key and let it verify only: for servers with copies of the file
        #[arg(long, conflicts_with = "now")]
        prepare: bool,
    },
    /// Let a prepared key sign from now on
    Sign {
        id: KeyId,
        #[command(flatten)]
        site: Which,
    },
    /// End a key: tokens that it signed are refused; their owners restore them from their wallets
    Retire {
        id: KeyId,
        #[command(flatten)]
        site: Which,
    },
}

pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List { site, json } => {
            let keys = KeyFile::read(&site.load()?.site.keys)?.list();
            if json {
                print(serde_json::json!({ "keys": keys }));
            } else {
                for key in keys {
                    let state = format!("{:?}", key.state).to_lowercase();
                    print(format_args!("{}  {:<9}  {}", key.id, state, key.created_at));
                }
            }
        }
        Command::Rotate { site, now, prepare } => {
            let path = site.load()?.site.keys;
            let id = KeyFile::edit(&path, |file| file.prepare(SystemClock.now()))?;
            if prepare {
                print(format_args!(
                    "{id} verifies: copy the file to every server, then run satreel keys sign {id} on each"
                ));
                return Ok(());
            }
            if !now {
                std::thread::sleep(ALL_KNOW_AFTER);
            }
            KeyFile::edit(&path, |file| file.promote(id))?;
            print(format_args!("{id} signs from now on"));
        }
        Command::Sign { id, site } => {
            let path = site.load()?.site.keys;
            KeyFile::edit(&path, |file| file.promote(id))?;
            print(format_args!("{id} signs from now on"));
        }
        Command::Retire { id, site } => {
            let path = site.load()?.site.keys;
            KeyFile::edit(&path, |file| file.retire(id))?;
            print(format_args!("{id} is retired"));
        }
    }
    Ok(())
}
