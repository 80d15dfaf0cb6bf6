//! `satreel-backup once --config FILE [--json]`

use super::{
    Failure, Table,
    site::{Asked, guardian, runtime, take_turn},
};
use crate::{
    count,
    error::{Result as Done, words},
    guardian::Taken,
    place::Standing,
    run::once,
};

pub(super) fn run(args: &Asked) -> Result<(), Failure> {
    let (config, backup) = args.site.load()?;
    let _turn = take_turn(&backup)?;
    runtime()?.block_on(async {
        let guardian = guardian(&args.site.config, &config, &backup).await?;
        let pass = once(&guardian).await;
        let status = guardian.status();
        let mut table = Table::default();
        if let Some(channels) = &pass.channels {
            let count = status.channels.map_or(0, |channels| channels.count);
            let what = count::channels(count);
            table.add("channels", channels.is_ok(), taken(channels, &what));
        }
        if let Some(site) = &pass.site {
            table.add("site", site.is_ok(), taken(site, "the site's data"));
        }
        for (name, place) in &pass.places {
            let detail = match place {
                Ok(standing) => stands(standing),
                Err(error) => words(error),
            };
            table.add(name, place.is_ok(), detail);
        }
        table.tell(args.json)
    })
}

fn stands(standing: &Standing) -> String {
    let (written, removed) = (standing.written, standing.removed);
    let newest = if standing.channels.is_some() || standing.site.is_some() {
        "the newest was read back and is whole"
    } else {
        "there is no copy yet"
    };
    format!(
        "{} written, {removed} removed; {newest}",
        count::copies(written)
    )
}

fn taken(done: &Done<Taken>, what: &str) -> String {
    match done {
        Ok(Taken::Saved) => format!("{what}, saved"),
        Ok(Taken::Known) => format!("{what}, as in the newest copy"),
        Err(error) => words(error),
    }
}
