//! The creator's side, without HTTP: who may come in, and what he may see and change.
//!
//! Owns entry to the studio ([`entrance`]), edits of titles ([`titles`]), of their posters ([`posters`])
//! and of live channels ([`channels`]), films that arrive ([`uploads`]), and how sales and jobs are told
//! ([`sales`], [`jobs`]). Knows no request and no answer: those are `web`'s.

pub mod channels;
pub mod entrance;
pub mod jobs;
pub mod posters;
pub mod sales;
pub mod titles;
pub mod uploads;

use std::{path::PathBuf, sync::Arc};

use satreel_config::{Backend, Config};
use satreel_hls::title::Tier;
use serde::Serialize;

use channels::Channels;
use entrance::Entrance;
use jobs::Jobs;
use posters::Posters;
use titles::Titles;
use uploads::Uploads;

/// What the studio's pages and programs work with.
#[derive(Debug)]
pub struct Studio {
    pub entrance: Arc<Entrance>,
    pub titles: Titles,
    pub channels: Channels,
    /// Where broadcasting programs connect.
    pub rtmp_url: String,
    pub jobs: Jobs,
    pub posters: Posters,
    pub uploads: Arc<Uploads>,
    /// What a title offers that says nothing of its own.
    pub usual_tiers: Vec<Tier>,
    /// Who takes the money.
    pub backend: &'static str,
    data: PathBuf,
}

/// How much room there is below the data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Disk {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

impl Studio {
    pub fn open(config: &Config) -> Result<Self, entrance::Error> {
        let data = &config.site.data;
        let titles = Titles::new(data);
        if let Err(error) = titles.sweep() {
            // Only room is lost; the next start tries again.
            tracing::warn!(%error, "deleted titles can't be cleared away");
        }
        Ok(Self {
            entrance: Arc::new(Entrance::open(data)?),
            titles,
            channels: Channels::new(data),
            rtmp_url: rtmp_url(config),
            jobs: Jobs::new(data),
            posters: Posters::new(data, &config.transcoder.watch),
            uploads: Arc::new(Uploads::new(data, &config.transcoder.watch, config.uploads)),
            usual_tiers: config.offers.tiers.clone(),
            backend: match config.payments.backend {
                Backend::Wallet => "wallet",
                Backend::Lnd => "lnd",
                Backend::Btcpay => "btcpay",
            },
            data: data.clone(),
        })
    }

    /// None: the system does not say. Waits on the disk.
    pub fn disk(&self) -> Option<Disk> {
        let about = rustix::fs::statvfs(&self.data).ok()?;
        Some(Disk {
            free_bytes: about.f_bavail.saturating_mul(about.f_frsize),
            total_bytes: about.f_blocks.saturating_mul(about.f_frsize),
        })
    }
}

/// Where broadcasting programs connect, over TLS if it is there: what is listened on, or by the
/// site's name where that is every address of the machine.
pub fn rtmp_url(config: &Config) -> String {
    let (scheme, listen) = match &config.live.secure {
        Some(secure) => ("rtmps", secure.listen),
        None => ("rtmp", config.live.listen),
    };
    if listen.ip().is_unspecified() {
        let host = config.site.url.host();
        format!("{scheme}://{host}:{}/live", listen.port())
    } else {
        format!("{scheme}://{listen}/live")
    }
}
