//! The command line of `satreel`: one file a command. Results go to stdout, everything else to
//! stderr; exit code 0 done, 1 failed, 2 used or configured wrongly.

mod btcpay;
mod channel;
mod check;
mod demo;
mod deny;
mod doctor;
mod keys;
mod pay;
mod sales;
mod serve;
mod site;
mod studio_link;
mod transcoder;

use std::io::{IsTerminal, Write};

use clap::{Parser, Subcommand};
use tracing_subscriber::{EnvFilter, fmt};

const MORE: &str = "\
Exit codes: 0 done, 1 failed, 2 used or configured wrongly.

RUST_LOG says what is logged to stderr: error, warn, info (usual), debug or trace, for parts of the \
program too, as in warn,satreel::payments=debug.

Files: /etc/satreel/satreel.toml, with every key explained; the data folder that it names, by \
custom /var/lib/satreel. Documents: /usr/local/share/doc/satreel.

See also: satreel-transcoder(1).";

/// Sells video for Lightning payments, without accounts.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_long_help = MORE)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Server, transcoder, play-money wallet and sample films in one go
    Demo(demo::Args),
    /// The server
    Serve(serve::Args),
    /// Read and validate the configuration; name every fault with key, line and remedy
    Check(check::Args),
    /// Look at all that the site depends on: what is wrong, and what to do about it
    Doctor(doctor::Args),
    /// Pay with the built-in wallet of a running demo
    Pay(pay::Args),
    /// Live channels and their stream keys
    #[command(subcommand)]
    Channel(channel::Command),
    /// The signing keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// The sales record
    Sales(sales::Args),
    /// BTCPay Server as the payment backend
    #[command(subcommand)]
    Btcpay(btcpay::Command),
    /// Close a purchase, after a refund or for abuse
    Deny(deny::DenyArgs),
    /// Open a purchase again that was denied
    Allow(deny::AllowArgs),
    /// A link that opens the studio once, within 10 minutes
    StudioLink(studio_link::LinkArgs),
    /// A key with which a program uses the studio's API
    StudioKey(studio_link::KeyArgs),
    /// Write manual pages and completions into a folder
    #[command(hide = true)]
    Manual(satreel_manual::Args),
}

/// How a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// Exit code 1.
    Failed(anyhow::Error),
    /// Exit code 2.
    Usage(String),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Cli {
    pub fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Demo(args) => demo::run(args),
            Command::Serve(args) => serve::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Doctor(args) => doctor::run(&args),
            Command::Pay(args) => pay::run(&args),
            Command::Channel(command) => channel::run(command),
            Command::Keys(command) => keys::run(command),
            Command::Sales(args) => sales::run(&args),
            Command::Btcpay(command) => btcpay::run(command),
            Command::Deny(args) => deny::deny(args),
            Command::Allow(args) => deny::allow(&args),
            Command::StudioLink(args) => studio_link::link(&args),
            Command::StudioKey(args) => studio_link::key(&args),
            Command::Manual(args) => Ok(args.write::<Self>()?),
        }
    }
}

/// Logs to stderr, as `RUST_LOG` says, plain text for people and the journal.
pub fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// Tells what went wrong.
pub fn say(failure: &Failure) {
    let words = match failure {
        Failure::Failed(error) => format!("{error:#}"),
        Failure::Usage(words) => words.clone(),
    };
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(std::io::stderr(), "satreel: {words}");
}

/// Prints a result. A reader that has gone away is no failure.
fn print(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
