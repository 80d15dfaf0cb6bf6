//! A listener of its own for the metrics: few connections, one request on each.
//!
//! SECURITY: nothing here knows the site's router, and the site's router knows nothing of this one:
//! no path and no header leads from the public address to the figures.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use satreel_config::stays_inside;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::refuse_gently;

/// Connections at once: a handful of programs that collect. More wait to be accepted.
const MAX_CONNECTIONS: usize = 16;
/// From the first byte of a request to the last of its answer.
const LONGEST: Duration = Duration::from_secs(20);

/// The bound address and who answers there.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl Door {
    pub async fn open(wanted: SocketAddr, router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind(wanted).await?;
        let address = listener.local_addr()?;
        tracing::info!(%address, "metrics at /metrics");
        if !stays_inside(address.ip()) {
            tracing::warn!(
                %address,
                "server.metrics is no address of this machine or of a private network: others can \
                 read how business goes"
            );
        }
        Ok(Self {
            listener,
            address,
            router,
        })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, and ends at once with it: a page of figures comes again.
    pub async fn serve(self, shutdown: CancellationToken) {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(permit) = permits.clone().acquire_owned().await else {
                break;
            };
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    refuse_gently(&error).await;
                    continue;
                }
            };
            let answered = answer(stream, self.router.clone());
            let answered = tokio::time::timeout(LONGEST, answered);
            let shutdown = shutdown.clone();
            tokio::spawn(async move {
                let _permit = permit;
                shutdown.run_until_cancelled(answered).await
            });
        }
    }
}

/// One request. Who collects comes back in seconds, on a new connection.
async fn answer(stream: TcpStream, router: Router) -> hyper::Result<()> {
    let service = service_fn(move |request| router.clone().oneshot(request));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}
