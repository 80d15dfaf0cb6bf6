//! `satreel serve --config FILE`

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use satreel_config::Config;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use super::{Failure, site};
use crate::{
    app::App,
    clock::{Clock, SystemClock},
    service,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let mut config = site::load(&args.config)?;
    runtime()?.block_on(async {
        let listener = match service::listener().context("the socket that was handed over")? {
            Some(handed) => taken(handed, &mut config)?,
            None => bind(&config).await?,
        };
        let stop = stop_on_signal()?;
        let app = App::build(&config, Arc::new(SystemClock) as Arc<dyn Clock>).await?;
        app.run(listener, stop).await
    })?;
    Ok(())
}

fn taken(handed: std::net::TcpListener, config: &mut Config) -> anyhow::Result<TcpListener> {
    let address = handed.local_addr()?;
    // SECURITY: what is checked of the address, as that play money is not taken in public, is checked of this one.
    let wanted = std::mem::replace(&mut config.server.listen, address);
    if address != wanted && wanted.port() != 0 {
        tracing::warn!(%address, %wanted, "the socket that was handed over is not server.listen, and counts");
    }
    Ok(TcpListener::from_std(handed)?)
}

pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

pub async fn bind(config: &Config) -> anyhow::Result<TcpListener> {
    let address = config.server.listen;
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} can't be listened on (server.listen)"))
}

/// Cancelled by SIGTERM or SIGINT.
pub fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}
