//! `satreel btcpay connect`: checks the API key and the store, and installs the webhook.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;

use super::{Failure, print, serve::runtime, site};
use crate::payments::btcpay::{Btcpay, Connection, connect};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the API key's permissions and the store, and install the webhook
    Connect(Args),
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub fn run(command: Command) -> Result<(), Failure> {
    let Command::Connect(args) = command;
    let config = site::load(&args.config)?;
    let Some(section) = &config.payments.btcpay else {
        let words = "the configuration has no [payments.btcpay]: see config/satreel.toml";
        return Err(Failure::Usage(words.into()));
    };
    let url = format!("{}/webhooks/btcpay", config.site.url);
    let secret = section.webhook_secret.read().context("[payments.btcpay]")?;
    let btcpay = Btcpay::open(section).context("[payments.btcpay]")?;
    let connection = runtime()?.block_on(connect(&btcpay, &url, &secret))?;
    if args.json {
        print(serde_json::to_string(&connection)?);
    } else {
        tell(&connection);
    }
    if connection.is_good() {
        Ok(())
    } else {
        Err(anyhow::anyhow!("not connected: see above").into())
    }
}

fn tell(connection: &Connection) {
    for finding in &connection.findings {
        let sign = if finding.good { "good" } else { "BAD" };
        print(format_args!(
            "{sign:<5} {:<14} {}",
            finding.name, finding.detail
        ));
        if let Some(remedy) = &finding.remedy {
            print(format_args!("{:<20} {remedy}", ""));
        }
    }
}
