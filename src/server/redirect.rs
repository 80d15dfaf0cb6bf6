//! A listener of its own for plain HTTP, which sends everybody to the site's address: who types a
//! name without `https://` comes by here once, and by TLS from then on (RFC 6797).
//!
//! SECURITY: the host is the configuration's and never the request's; nothing is read but the head
//! of one request, and nothing else is answered.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode, Uri,
    header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION},
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use super::refuse_gently;

/// Connections at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 256;
/// From the first byte of a request to the last of its answer.
const LONGEST: Duration = Duration::from_secs(10);
/// Longest head of a request. No address of ours is a tenth of it.
const MAX_HEAD: usize = 8 << 10;

/// The bound address, and where it leads.
#[derive(Debug)]
pub struct Redirect {
    listener: TcpListener,
    address: SocketAddr,
    /// Scheme, host and port; no path.
    site: Arc<str>,
}

impl Redirect {
    pub fn new(listener: TcpListener, site: &str) -> io::Result<Self> {
        let address = listener.local_addr()?;
        tracing::info!(%address, "plain http is sent to the site's address");
        Ok(Self {
            listener,
            address,
            site: site.trim_end_matches('/').into(),
        })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, and ends at once with it.
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
            let answered = tokio::time::timeout(LONGEST, answer(stream, self.site.clone()));
            let shutdown = shutdown.clone();
            tokio::spawn(async move {
                let _permit = permit;
                shutdown.run_until_cancelled(answered).await
            });
        }
    }
}

async fn answer(stream: TcpStream, site: Arc<str>) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = sent_on(&site, request.uri());
        async move { Ok::<_, Infallible>(answer) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

/// The same path at the site's own address (RFC 9110 §15.4.9: the method stays).
fn sent_on(site: &str, asked: &Uri) -> Response<Full<Bytes>> {
    let path = asked.path_and_query().map_or("/", |path| path.as_str());
    // `*`, which asks about a server as a whole.
    let path = if path.starts_with('/') { path } else { "/" };
    let Ok(place) = HeaderValue::try_from(format!("{site}{path}")) else {
        let mut refused = Response::default();
        *refused.status_mut() = StatusCode::BAD_REQUEST;
        return refused;
    };
    let mut answer = Response::new(Full::from("This site is reached by https.\n"));
    *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let headers = answer.headers_mut();
    headers.insert(LOCATION, place);
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, text);
    // A site that moves on must not be kept back by what a browser remembers for ever.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=86400"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_is_the_visitors() {
        for (asked, expected) in [
            ("/", "https://films.example/"),
            ("/w/1?t=2&u=%0d", "https://films.example/w/1?t=2&u=%0d"),
            ("//evil.example/x", "https://films.example//evil.example/x"),
            (
                "http://evil.example/@other.example",
                "https://films.example/@other.example",
            ),
            ("http://evil.example", "https://films.example/"),
            ("*", "https://films.example/"),
            ("evil.example:443", "https://films.example/"),
        ] {
            let uri: Uri = asked.parse().expect(asked);
            let answer = sent_on("https://films.example", &uri);
            assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT, "{asked}");
            assert_eq!(answer.headers()[LOCATION], expected, "{asked}");
        }
    }
}
