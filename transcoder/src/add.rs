//! `add`: one film, in the foreground.

use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use crate::Failure;
use crate::cli::TitleArgs;
use crate::control::Control;
use crate::intake::{Taken, take_in};
use crate::progress::Show;
use crate::sidecar::Given;
use crate::site::Site;
use crate::title::Wish;

pub(crate) fn add(site: &Site, file: &Path, args: &TitleArgs, json: bool) -> Result<(), Failure> {
    let given = Given::of(file, Vec::new()).map_err(Failure::usage)?;
    let wish = Wish::of(args, file, given, &site.offers).map_err(Failure::usage)?;
    let mut show = Show::new(json);
    let taken = take_in(site, file, &wish, &Control::default(), &mut show);
    show.finish();
    let taken = taken.map_err(|fault| Failure::failed(format!("{}: {fault}", file.display())))?;
    let id = taken.id();
    let text = if json {
        let (known, rungs) = match &taken {
            Taken::New { plan, .. } => (false, json!(plan.rungs)),
            Taken::Known { .. } => (true, json!([])),
        };
        json!({ "id": id, "known": known, "folder": site.title(id), "rungs": rungs }).to_string()
    } else {
        match taken {
            Taken::New { .. } => format!("{} is published: {id}", wish.name),
            Taken::Known { .. } => format!("this film is there already: {id}"),
        }
    };
    writeln!(std::io::stdout(), "{text}").map_err(Failure::failed)
}
