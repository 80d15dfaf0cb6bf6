//! `satreel-backup once --config FILE [--json]`

use super::{
    Failure, Table,
    site::{Which, guardian, runtime, take_turn},
};
use crate::{
    error::{Result as Done, words},
    guardian::Taken,
    run::once,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: Which,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (config, backup) = args.site.load()?;
    let _turn = take_turn(&backup)?;
    runtime()?.block_on(async {
        let guardian = guardian(&args.site.config, &config, &backup).await?;
        let pass = once(&guardian).await;
        let status = guardian.status();
        let mut table = Table::default();
        if let Some(channels) = &pass.channels {
            let count = status.channels.map_or(0, |channels| channels.count);
            let what = format!("{count} channels");
            table.add("channels", channels.is_ok(), taken(channels, &what));
        }
        if let Some(site) = &pass.site {
            table.add("site", site.is_ok(), taken(site, "the site's data"));
        }
        for (name, place) in &pass.places {
            let detail = match place {
                Ok(standing) => format!(
                    "{} copies written, {} removed, the newest read back",
                    standing.written, standing.removed
                ),
                Err(error) => words(error),
            };
            table.add(name, place.is_ok(), detail);
        }
        table.tell(args.json)
    })
}

fn taken(done: &Done<Taken>, what: &str) -> String {
    match done {
        Ok(Taken::Saved) => format!("{what}, saved"),
        Ok(Taken::Known) => format!("{what}, as in the newest copy"),
        Err(error) => words(error),
    }
}
