//! `satreel deny SUBJECT [--note TEXT]`, `satreel deny --list`, `satreel allow SUBJECT`

use std::path::PathBuf;

use super::{Failure, print, site::Which};
use crate::{
    admission::denied::{DenyFile, FILE, MAX_NOTE},
    clock::{Clock, SystemClock},
    core::order::Subject,
};

#[derive(Debug, clap::Args)]
pub struct DenyArgs {
    /// The purchase, as `satreel sales` names it: 16 hex digits
    #[arg(required_unless_present = "list")]
    subject: Option<Subject>,
    /// Why, for your own memory
    #[arg(long, value_name = "TEXT", conflicts_with = "list")]
    note: Option<String>,
    /// Every purchase that is denied
    #[arg(long, conflicts_with = "subject")]
    list: bool,
    /// The list as JSON
    #[arg(long, requires = "list")]
    json: bool,
    #[command(flatten)]
    site: Which,
}

#[derive(Debug, clap::Args)]
pub struct AllowArgs {
    /// The purchase, as `satreel deny --list` names it
    subject: Subject,
    #[command(flatten)]
    site: Which,
}

pub fn deny(args: DenyArgs) -> Result<(), Failure> {
    let path = file(&args.site)?;
    let Some(subject) = args.subject else {
        return list(&path, args.json);
    };
    if subject == Subject::NOBODY {
        let words = "this is the subject of previews and free films: nobody's purchase";
        return Err(Failure::Usage(words.to_owned()));
    }
    if let Some(note) = &args.note
        && (note.chars().count() > MAX_NOTE || note.chars().any(char::is_control))
    {
        let words = format!("--note: one line of at most {MAX_NOTE} characters");
        return Err(Failure::Usage(words));
    }
    let now = SystemClock.now();
    if DenyFile::edit(&path, |list| list.deny(subject, args.note, now))? {
        print(format_args!("{subject} is denied from now on"));
    } else {
        print(format_args!("{subject} was denied already"));
    }
    Ok(())
}

pub fn allow(args: &AllowArgs) -> Result<(), Failure> {
    let (path, subject) = (file(&args.site)?, args.subject);
    if DenyFile::edit(&path, |list| list.allow(subject))? {
        print(format_args!("{subject} is allowed again"));
        return Ok(());
    }
    Err(Failure::Failed(anyhow::anyhow!(
        "{subject} is not denied: see `satreel deny --list`"
    )))
}

fn list(path: &std::path::Path, json: bool) -> Result<(), Failure> {
    let list = DenyFile::read(path)?;
    if json {
        print(serde_json::json!(list));
        return Ok(());
    }
    for entry in list.denied {
        let line = format!("{}  {}  {}", entry.subject, entry.since, entry.note);
        print(line.trim_end());
    }
    Ok(())
}

fn file(site: &Which) -> Result<PathBuf, Failure> {
    let data = site.load()?.site.data;
    if !data.is_dir() {
        return Err(Failure::Failed(anyhow::anyhow!(
            "there is no site yet ({})",
            data.display()
        )));
    }
    Ok(data.join(FILE))
}
