//! `satreel-backup drill --config FILE --identity FILE [--json]`

use super::{
    Failure, Table,
    restore::identities,
    site::{Asked, guardian, runtime},
};
use crate::drill::drill;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The secret key, as age-keygen writes it; - reads it from stdin, so that it never lies here
    #[arg(long, value_name = "FILE")]
    identity: String,
    #[command(flatten)]
    asked: Asked,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (config, backup) = args.asked.site.load()?;
    if backup.destinations.is_empty() {
        let words = "there is no [[backup.destination]] to restore from";
        return Err(Failure::Usage(words.to_owned()));
    }
    let keys = identities(&args.identity)?;
    runtime()?.block_on(async {
        let guardian = guardian(&args.asked.site.config, &config, &backup).await?;
        let mut table = Table::default();
        for (name, drill) in drill(&guardian, &keys).await? {
            table.add(&name, drill.passed, drill.detail);
        }
        table.tell(args.asked.json)
    })
}
