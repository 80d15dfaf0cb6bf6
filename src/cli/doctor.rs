//! `satreel doctor --config FILE [--json]`

use serde_json::json;

use super::{Failure, print, serve::runtime, site::Which};
use crate::doctor::{self, Check, State};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: Which,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let config = args.site.load()?;
    let checks = runtime()?.block_on(doctor::look(&config));
    if args.json {
        print(json!({ "checks": checks }));
    } else {
        table(&checks);
    }
    let red = checks.iter().filter(|check| check.state == State::Red);
    match red.count() {
        0 => Ok(()),
        faults => Err(Failure::Failed(anyhow::anyhow!(
            "{faults} of {} checks are red",
            checks.len()
        ))),
    }
}

fn table(checks: &[Check]) {
    let width = checks.iter().map(|check| check.name.len()).max();
    let width = width.unwrap_or_default();
    for check in checks {
        let state = match check.state {
            State::Green => "green",
            State::Yellow => "yellow",
            State::Red => "red",
        };
        print(format_args!(
            "{state:6}  {:width$}  {}",
            check.name, check.detail
        ));
        if !check.remedy.is_empty() {
            print(format_args!("{:6}  {:width$}  → {}", "", "", check.remedy));
        }
    }
}
