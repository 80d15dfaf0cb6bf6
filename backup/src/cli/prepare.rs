//! `satreel-backup prepare --config FILE [NAME…]`

use super::{
    Failure, Table,
    site::{Which, runtime},
};
use crate::error::words;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these destinations
    names: Vec<String>,
    #[command(flatten)]
    site: Which,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (_, backup) = args.site.load()?;
    let known = |name: &String| backup.destinations.iter().any(|known| known.name == *name);
    if let Some(other) = args.names.iter().find(|name| !known(name)) {
        return Err(Failure::Usage(format!("there is no destination {other}")));
    }
    let wanted = |name: &String| args.names.is_empty() || args.names.contains(name);
    runtime()?.block_on(async {
        let mut table = Table::default();
        for destination in &backup.destinations {
            if !wanted(&destination.name) {
                continue;
            }
            let done = satreel_destinations::prepare(&destination.place).await;
            let detail = done.as_ref().err().map(|error| words(error));
            let detail = detail.unwrap_or_else(|| "ready for copies".to_owned());
            table.add(&destination.name, done.is_ok(), detail);
        }
        table.tell(false)
    })
}
