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
    let config = site::load(&args.config)?;
    if let Some(fault) = config.wallet_exposure() {
        return Err(Failure::Usage(fault.to_string()));
    }
    print(format_args!("{}: good", args.config.display()));
    Ok(())
}
