//! `satreel-backup verify --config FILE [--json]`

use std::fmt::Write as _;

use super::{
    Failure, Table,
    site::{Asked, guardian, runtime},
};
use crate::{count, error::words, name::Copy};

pub(super) fn run(args: &Asked) -> Result<(), Failure> {
    let (config, backup) = args.site.load()?;
    runtime()?.block_on(async {
        let guardian = guardian(&args.site.config, &config, &backup).await?;
        let mut table = Table::default();
        let copies = guardian.history.copies().await?;
        table.add("history", true, count::copies(copies.len()));
        for place in &guardian.places {
            let (well, detail) = match place.look(&guardian.history).await {
                Ok(looked) => {
                    let well = looked.missing.is_empty() && looked.differ.is_empty();
                    let mut detail = format!("{} the same", count::copies(looked.compared));
                    add(&mut detail, "missing", &looked.missing);
                    add(&mut detail, "damaged", &looked.differ);
                    (well, detail)
                }
                Err(error) => (false, words(&error)),
            };
            table.add(&place.name, well, detail);
        }
        table.tell(args.json)
    })
}

/// Nothing, if there are none.
fn add(detail: &mut String, what: &str, copies: &[Copy]) {
    if let Some(newest) = copies.iter().max() {
        let count = copies.len();
        let _ = write!(detail, "; {count} {what}, the newest is {newest}");
    }
}
