//! The stand-in for scripts of any language: one JSON line says where it is, the end of stdin ends it.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use btcpay_standin::{Key, Options, Standin, lnd::Lnd};
use clap::Parser;
use serde_json::json;
use tokio::io::{AsyncReadExt, stdin};

/// Answers as one store of a BTCPay Server does, for tests.
#[derive(Debug, Parser)]
struct Arguments {
    /// The store's id.
    #[arg(long)]
    store: String,
    /// The API key that may make and read its invoices and install its webhook.
    #[arg(long)]
    key: String,
    /// Its LND: https://host:port.
    #[arg(long)]
    node: String,
    #[arg(long)]
    certificate: PathBuf,
    /// One that may do everything.
    #[arg(long)]
    macaroon: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let node = Lnd::new(arguments.node, arguments.certificate, arguments.macaroon)?;
    let key = Key::for_connecting(&arguments.key, &arguments.store);
    let options = Options::new(&arguments.store, vec![key]);
    let standin = Standin::start(options, Arc::new(node)).await?;
    println!("{}", json!({ "url": standin.url() }));
    stdin().read_to_end(&mut Vec::new()).await?;
    let violations = standin.violations();
    anyhow::ensure!(
        violations.is_empty(),
        "not as BTCPay publishes it: {violations:?}"
    );
    Ok(())
}
