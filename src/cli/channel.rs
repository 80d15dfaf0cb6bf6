//! `satreel channel add / list / key / remove`: live channels and their stream keys.

use serde_json::{Map, Value, json};

use super::{Failure, print, site::Which};
use crate::{
    catalog::Channels as Known,
    studio::channels::{Channels, Error},
    studio::rtmp_url,
};

/// How long a ticket that `--ticket` prices opens the broadcast and then its recording.
const TICKET_HOURS: u32 = 48;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// A new channel; prints where to publish and its stream key, once
    Add(Add),
    /// All channels
    List(List),
    /// A new stream key in the place of the old one, printed once
    #[command(visible_alias = "rotate")]
    Key(Key),
    /// Take a channel away; its recordings stay
    Remove(Remove),
}

#[derive(Debug, clap::Args)]
pub struct Add {
    /// Its address, as in /live/NAME: 1 to 32 lower-case letters, digits and inner hyphens
    channel: String,
    /// What viewers read; without it, its address
    #[arg(long = "name", value_name = "TEXT")]
    name: Option<String>,
    /// What one broadcast costs, its recording included, for 48 hours; without it, the site's offers hold
    #[arg(long, value_name = "SAT")]
    ticket: Option<u64>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: Which,
}

#[derive(Debug, clap::Args)]
pub struct List {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: Which,
}

#[derive(Debug, clap::Args)]
pub struct Key {
    channel: String,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: Which,
}

#[derive(Debug, clap::Args)]
pub struct Remove {
    channel: String,
    #[command(flatten)]
    site: Which,
}

pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Add(args) => add(args),
        Command::List(args) => list(&args),
        Command::Key(args) => key(&args),
        Command::Remove(args) => remove(&args),
    }
}

fn add(args: Add) -> Result<(), Failure> {
    let config = args.site.load()?;
    let mut settings = Map::new();
    if let Some(name) = args.name {
        settings.insert("name".to_owned(), Value::String(name));
    }
    if let Some(sat) = args.ticket {
        let ticket = json!([{"tier": "rent", "sat": sat, "hours": TICKET_HOURS}]);
        settings.insert("tiers".to_owned(), ticket);
    }
    let channels = Channels::new(&config.site.data);
    let (channel, key) = channels.add(&args.channel, settings).map_err(failure)?;
    show(
        &rtmp_url(&config),
        &channel.id.to_string(),
        key.reveal(),
        args.json,
    );
    Ok(())
}

fn key(args: &Key) -> Result<(), Failure> {
    let config = args.site.load()?;
    let key = Channels::new(&config.site.data)
        .rotate(&args.channel)
        .map_err(failure)?;
    show(&rtmp_url(&config), &args.channel, key.reveal(), args.json);
    Ok(())
}

fn remove(args: &Remove) -> Result<(), Failure> {
    let config = args.site.load()?;
    Channels::new(&config.site.data)
        .remove(&args.channel)
        .map_err(failure)?;
    print(format_args!(
        "{} is removed; its recordings stay",
        args.channel
    ));
    Ok(())
}

fn list(args: &List) -> Result<(), Failure> {
    let config = args.site.load()?;
    let channels = Known::new(&config.site.data).all();
    if args.json {
        let channels: Vec<Value> = channels
            .iter()
            .map(|one| json!({"name": one.id.to_string(), "title": one.file.name}))
            .collect();
        print(json!({ "channels": channels }));
        return Ok(());
    }
    for one in channels {
        print(format_args!(
            "{:<32}  {}",
            one.id.to_string(),
            one.file.name
        ));
    }
    Ok(())
}

fn show(server: &str, channel: &str, key: &str, as_json: bool) {
    let whole = format!("{server}/{key}");
    if as_json {
        print(json!({"name": channel, "publish_url": whole, "key": key}));
    } else {
        print(format_args!(
            "server      {server}\nstream key  {key}\n\nThe key is shown this once. Whoever has it can broadcast on {channel}."
        ));
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Name(_) | Error::Field { .. } | Error::Refused(_) => {
            Failure::Usage(error.to_string())
        }
        Error::Unknown | Error::Exists | Error::TooMany | Error::Io(_) => {
            Failure::Failed(error.into())
        }
    }
}
