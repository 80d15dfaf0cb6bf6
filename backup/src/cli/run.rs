//! `satreel-backup run --config FILE`

use std::{sync::Arc, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{
    Failure,
    site::{Which, guardian, runtime, take_turn},
};
use crate::{count, run::run as follow};

/// What a write to a slow disk may still take at the end.
const END: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    site: Which,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (config, backup) = args.site.load()?;
    let _turn = take_turn(&backup)?;
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        let guardian = Arc::new(guardian(&args.site.config, &config, &backup).await?);
        let shutdown = CancellationToken::new();
        let (mut term, mut int) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let end = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            end.cancel();
        });
        tracing::info!(
            "guards {} in {}",
            backup.folder.display(),
            count::places(backup.destinations.len())
        );
        follow(guardian, shutdown.clone()).await;
        if shutdown.is_cancelled() {
            Ok(())
        } else {
            Err(Failure::Failed("a part of the guardian has ended".into()))
        }
    });
    runtime.shutdown_timeout(END);
    done
}
