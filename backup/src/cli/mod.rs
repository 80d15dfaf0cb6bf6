//! The command line of `satreel-backup`: one file a command. Results go to stdout, everything else
//! to stderr; exit code 0 all is well, 1 something failed, 2 used or configured wrongly.

mod data;
mod drill;
mod once;
mod prepare;
mod restore;
mod run;
mod site;
mod verify;

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use tracing_subscriber::{EnvFilter, fmt};

use crate::error::words;

const MORE: &str = "\
Exit codes: 0 all is well, 1 something failed (which, and why, is on stderr), 2 used or configured \
wrongly.

RUST_LOG says what is logged to stderr: error, warn, info (usual), debug or trace.

A copy opens without this program too: age -d -i key.txt COPY > channel.backup, then \
lncli restorechanbackup --multi_file channel.backup.

See also: satreel(1), /usr/local/share/doc/satreel/backup/README.md.";

/// Saves a node's channel backups and a site's own data, encrypted, in several places
#[derive(Debug, Parser)]
#[command(name = "satreel-backup", version, propagate_version = true, after_long_help = MORE)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow the node: each change is verified, encrypted and copied at once
    Run(run::Args),
    /// One pass over everything, for cron
    Once(site::Asked),
    /// Compare every copy at every destination with the history
    Verify(site::Asked),
    /// Prove that the newest copies restore: decrypt them, have LND open them, look for every channel
    Drill(drill::Args),
    /// Bring back what is in a copy
    Restore(restore::Args),
    /// Make the destinations ready, once: mark the folders that are meant for copies
    Prepare(prepare::Args),
    /// Write manual pages and completions into a folder
    #[command(hide = true)]
    Manual(satreel_manual::Args),
}

/// How a command did not succeed.
#[derive(Debug)]
enum Failure {
    /// Exit code 1.
    Failed(String),
    /// Exit code 2.
    Usage(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(words(&error))
    }
}

/// The whole program.
pub fn start() -> ExitCode {
    let cli = Cli::parse();
    start_log();
    let done = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Once(args) => once::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Drill(args) => drill::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Prepare(args) => prepare::run(&args),
        Command::Manual(args) => args.write::<Cli>().map_err(Failure::from),
    };
    let (said, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(said)) => (said, 1),
        Err(Failure::Usage(said)) => (said, 2),
    };
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(std::io::stderr(), "satreel-backup: {said}");
    ExitCode::from(code)
}

fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// Prints a result. A reader that has gone away is no failure.
fn print(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Lines of a name, whether it is well, and what there is to say.
#[derive(Debug, Default)]
struct Table(Vec<(String, bool, String)>);

impl Table {
    fn add(&mut self, name: &str, well: bool, detail: impl Into<String>) {
        self.0.push((name.to_owned(), well, detail.into()));
    }

    /// As text or JSON. Fails if one of the lines does.
    fn tell(self, json: bool) -> Result<(), Failure> {
        if json {
            let lines = self.0.iter().map(|(name, well, detail)| {
                serde_json::json!({ "name": name, "ok": well, "detail": detail })
            });
            print(serde_json::json!({ "results": lines.collect::<Vec<_>>() }));
        } else {
            let width = self.0.iter().map(|line| line.0.len()).max();
            let width = width.unwrap_or_default();
            for (name, well, detail) in &self.0 {
                let well = if *well { "ok" } else { "FAILED" };
                print(format_args!("{well:6}  {name:width$}  {detail}"));
            }
        }
        let failed: Vec<_> = self.0.iter().filter(|line| !line.1).collect();
        if failed.is_empty() {
            return Ok(());
        }
        // Said again where cron and monitoring look.
        let what = |line: &&(String, bool, String)| format!("{}: {}", line.0, line.2);
        let what: Vec<_> = failed.iter().map(what).collect();
        Err(Failure::Failed(what.join("; ")))
    }
}
