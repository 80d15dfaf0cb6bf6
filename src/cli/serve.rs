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
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let config = site::load(&args.config)?;
    runtime()?.block_on(async {
        let listener = bind(&config).await?;
        let stop = stop_on_signal()?;
        let app = App::build(&config, Arc::new(SystemClock) as Arc<dyn Clock>).await?;
        app.run(listener, stop).await
    })?;
    Ok(())
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
