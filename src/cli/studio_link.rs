//! `satreel studio-link`, `satreel studio-key`: ways into the studio, printed by whoever can read
//! the signing keys.

use std::path::Path;

use serde_json::json;

use super::{Failure, print, site::Which};
use crate::{
    app::address_file,
    clock::{Clock, SystemClock},
    core::time::Timestamp,
    keys::Keys,
    studio::entrance,
};

#[derive(Debug, clap::Args)]
pub struct LinkArgs {
    /// First end every link, session and key that was made before
    #[arg(long)]
    end_all: bool,
    /// As JSON, with the time when it runs out
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: Which,
}

#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// For how long; without it, until `studio-link --end-all`
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: Option<u32>,
    /// As JSON, with the time when it runs out
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: Which,
}

pub fn link(args: &LinkArgs) -> Result<(), Failure> {
    let config = args.site.load()?;
    let (keys, now) = open(&config)?;
    let data = &config.site.data;
    if args.end_all {
        entrance::end_all(data, now)?;
    }
    let link = entrance::link(data, &keys.current(), now)?;
    let url = format!("{}/studio/enter/{link}", home(&config));
    if args.json {
        let expires_at = now.plus_seconds(entrance::LINK_S);
        print(json!({"url": url, "expires_at": expires_at}));
    } else {
        print(url);
    }
    Ok(())
}

pub fn key(args: &KeyArgs) -> Result<(), Failure> {
    let config = args.site.load()?;
    let (keys, now) = open(&config)?;
    let key = entrance::key(&config.site.data, &keys.current(), now, args.days)?;
    if args.json {
        let expires_at = args.days.map(|days| now.plus_hours(days * 24));
        print(json!({"key": key, "expires_at": expires_at}));
    } else {
        print(key);
    }
    Ok(())
}

/// The keys of a site that was opened before: a key file made here would be the command's own.
fn open(config: &satreel_config::Config) -> Result<(Keys, Timestamp), Failure> {
    if !config.site.keys.exists() {
        return Err(Failure::Failed(anyhow::anyhow!(
            "there is no site yet ({}): start the server once",
            config.site.keys.display()
        )));
    }
    let now = SystemClock.now();
    Ok((Keys::open(&config.site.keys, now)?, now))
}

/// What the creator's browser opens. A server that only this machine reaches may listen elsewhere
/// than its file says, as a demo on another port does.
fn home(config: &satreel_config::Config) -> String {
    let written = config.site.url.as_str().trim_end_matches('/').to_owned();
    if !config.site.url.is_loopback() {
        return written;
    }
    match listening(&config.site.data) {
        Some(address) => format!("http://{address}"),
        None => written,
    }
}

fn listening(data: &Path) -> Option<std::net::SocketAddr> {
    let text = std::fs::read_to_string(address_file(data)).ok()?;
    let address: std::net::SocketAddr = text.trim().parse().ok()?;
    address.ip().is_loopback().then_some(address)
}
