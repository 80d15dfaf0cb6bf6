//! `satreel serve --config FILE`

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, bail};
use satreel_config::{Config, Tls};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use super::{Failure, site};
use crate::{
    app::App,
    clock::{Clock, SystemClock},
    server::redirect::Redirect,
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
        let handed = service::handed().context("the socket that was handed over")?;
        let listener = match handed.site {
            Some(handed) => taken(handed, &mut config)?,
            None => bind(&config).await?,
        };
        let redirect = redirect(handed.redirect, &config).await?;
        let stop = stop_on_signal()?;
        let app = App::build(&config, Arc::new(SystemClock) as Arc<dyn Clock>).await?;
        app.with_redirect(redirect).run(listener, stop).await
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

/// Where plain HTTP is sent on from: the socket that was handed over, or `tls.redirect`.
async fn redirect(
    handed: Option<std::net::TcpListener>,
    config: &Config,
) -> anyhow::Result<Option<Redirect>> {
    let listener = match (handed, config.redirect) {
        (Some(_), _) if config.tls == Tls::Off => bail!(
            "a socket for plain http was handed over, and the site speaks no TLS: write [tls], or \
             systemctl disable --now satreel-redirect.socket"
        ),
        (Some(handed), _) => TcpListener::from_std(handed)?,
        (None, Some(address)) => TcpListener::bind(address).await.with_context(|| {
            format!(
                "{address} can't be listened on (tls.redirect; satreel-redirect.socket may open it)"
            )
        })?,
        (None, None) => return Ok(None),
    };
    Ok(Some(Redirect::new(listener, config.site.url.as_str())?))
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
