//! `satreel demo`: server, transcoder, built-in wallet and sample films in one go, on this
//! machine only.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context;
use satreel_config::{Config, Sandbox};

use super::{
    Failure, print,
    serve::{bind, runtime, stop_on_signal},
    transcoder::{Transcoder, add_samples},
};
use crate::{
    app::App,
    clock::{Clock, OffsetClock, SystemClock},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the demo keeps its films, sales and play money
    /// [default: satreel-demo in the user's data folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address to listen on; this machine's own only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8420")]
    listen: SocketAddr,
    /// Where broadcasting programs connect; this machine's own only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1935")]
    live: SocketAddr,
    /// A file with a number of seconds by which the demo's clock runs ahead, read anew at every
    /// look: to see a rent run out without waiting for it
    #[arg(long, value_name = "FILE")]
    clock: Option<PathBuf>,
    /// On a kernel without Landlock or seccomp: open no film, or go on with what there is
    #[arg(long, value_name = "required|best-effort", default_value_t)]
    sandbox: Sandbox,
    /// Start without the sample films
    #[arg(long)]
    no_samples: bool,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let data = match args.data {
        Some(data) => data,
        None => default_data()?,
    };
    let mut config = Config::demo(&data).listening_on(args.listen);
    if let Some(fault) = config.wallet_exposure() {
        return Err(Failure::Usage(fault.to_string()));
    }
    if !args.live.ip().to_canonical().is_loopback() {
        return Err(Failure::Usage(format!(
            "--live: {} can be reached by others, and the demo is for this machine only: keep it on \
             127.0.0.1, or run `satreel serve` with [live] listen",
            args.live
        )));
    }
    let clock: Arc<dyn Clock> = match args.clock {
        Some(file) => Arc::new(OffsetClock::new(file)),
        None => Arc::new(SystemClock),
    };
    runtime()?.block_on(async {
        let listener = bind(&config).await?;
        config = config.listening_on(listener.local_addr()?);
        let stop = stop_on_signal()?;
        let url = config.site.url.as_str().trim_end_matches('/').to_owned();
        let app = App::build(&config, clock).await?;
        let mut transcoder =
            Transcoder::start(&data, args.sandbox, args.live).context("the transcoder")?;
        let samples =
            (!args.no_samples).then(|| tokio::spawn(add_samples(data.clone(), args.sandbox)));
        print(format_args!("Satreel is open: {url}"));
        let served = tokio::select! {
            served = app.run(listener, stop.clone()) => served,
            ended = transcoder.ended() => Err(ended),
        };
        // The films' makers end with the demo, whichever way it ends.
        if let Some(samples) = samples {
            samples.abort();
        }
        transcoder.stop().await;
        served
    })?;
    Ok(())
}

/// `$XDG_DATA_HOME/satreel-demo`, or below the home folder.
fn default_data() -> Result<PathBuf, Failure> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_DATA_HOME")
        .or_else(|| Some(set("HOME")?.join(".local/share")))
        .map(|base| base.join("satreel-demo"))
        .ok_or_else(|| Failure::Usage("no home folder is known: give --data DIR".into()))
}
