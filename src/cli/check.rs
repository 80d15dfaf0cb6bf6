//! `satreel check --config FILE`

use std::path::PathBuf;

use super::{Failure, print, site};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    site::load(&args.config)?;
    print(format_args!("{}: good", args.config.display()));
    Ok(())
}
