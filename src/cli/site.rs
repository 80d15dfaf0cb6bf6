//! Which site a command is about: `--config FILE`, or `--data DIR` for a demo's.

use std::path::PathBuf;

use satreel_config::Config;

use super::Failure;

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A demo's data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Which {
    pub fn load(&self) -> Result<Config, Failure> {
        match (&self.config, &self.data) {
            (Some(file), _) => load(file),
            (None, Some(data)) => Ok(Config::demo(data)),
            (None, None) => Err(Failure::Usage("give --config FILE or --data DIR".into())),
        }
    }
}

pub fn load(file: &std::path::Path) -> Result<Config, Failure> {
    satreel_config::load(file).map_err(|faults| Failure::Usage(faults.to_string()))
}
