//! `satreel keys list / rotate / retire ID`

use clap::Subcommand;

use super::{Failure, print, site::Which};
use crate::{
    clock::{Clock, SystemClock},
    core::keyring::KeyId,
    keys::KeyFile,
};

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
    /// Make a new key that signs from now on; older ones go on verifying
    Rotate {
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
        Command::Rotate { site } => {
            let path = site.load()?.site.keys;
            let id = KeyFile::edit(&path, |file| file.rotate(SystemClock.now()))?;
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
