//! `satreel`: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use satreel::cli::{Cli, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    satreel::cli::start_log();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            satreel::cli::say(&failure);
            match failure {
                Failure::Failed(_) => ExitCode::from(1),
                Failure::Usage(_) => ExitCode::from(2),
            }
        }
    }
}
