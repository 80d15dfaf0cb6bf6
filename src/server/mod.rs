//! The HTTP server: connections in, requests to the gate or the pages, orderly end.
//!
//! Event streams leave the HTTP machinery once they have begun (`handover`).
//!
//! Media goes to the gate without passing the router: it is by far the most of all requests. Metrics
//! have a listener of their own, and so has plain HTTP where the site speaks TLS.

mod handover;
pub mod metrics;
pub mod redirect;
mod secure;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, Version,
    header::{self, STRICT_TRANSPORT_SECURITY},
};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use self::handover::{Asked, Line, Slot};
pub use self::secure::Secure;
use crate::media::{gate::Gate, path::PREFIX};

/// Connections at once; more wait to be accepted.
const MAX_CONNECTIONS: u32 = 16_384;
/// What may wait in a socket to this same machine, as to the proxy in front. There is no distance
/// to fill there, and with the megabytes that the kernel would allow, every copy falls out of the
/// processor's cache: `make bench` then sees a sixth to a third fewer files of 1 MB.
const NEAR_BUFFER: usize = 256 << 10;
/// How long a client may take for a request's head, idle keep-alive included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take for TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Browsers come back by TLS for a year (RFC 6797).
const ALWAYS_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// For how long connections that nobody uses at the moment are kept once the server is told to
/// stop: who is about to ask on one gets an answer that says it was the last, and not a reset.
const LINGER: Duration = Duration::from_secs(1);
/// How long requests under way may take to finish once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Who answers.
#[derive(Debug, Clone)]
pub struct Doors {
    gate: Arc<Gate>,
    pages: Router,
    /// The site's own certificate; None: a proxy in front has it, or nobody.
    secure: Option<Arc<Secure>>,
}

impl Doors {
    pub fn new(gate: Arc<Gate>, pages: Router, secure: Option<Secure>) -> Self {
        Self {
            gate,
            pages,
            secure: secure.map(Arc::new),
        }
    }
}

/// Serves until `shutdown`, then lets requests under way finish.
pub async fn serve(listener: TcpListener, doors: Doors, shutdown: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => {
                tune(&stream, peer);
                (stream, peer)
            }
            Err(error) => {
                refuse_gently(&error).await;
                continue;
            }
        };
        let service = Service {
            doors: doors.clone(),
            peer,
            slot: None,
            shutdown: shutdown.clone(),
        };
        let watcher = graceful.watcher();
        match &doors.secure {
            None => tokio::spawn(plain(stream, service, watcher, permit)),
            Some(secure) => {
                let secure = secure.clone();
                tokio::spawn(encrypted(stream, secure, service, watcher, permit))
            }
        };
    }
    drop(listener);
    // Event streams have a permit, too, and use the time for their farewell.
    let all_gone = permits.acquire_many(MAX_CONNECTIONS);
    let mut all_gone = std::pin::pin!(all_gone);
    if tokio::time::timeout(LINGER, &mut all_gone).await.is_ok() {
        return;
    }
    let finished = async { tokio::join!(graceful.shutdown(), all_gone) };
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

/// One connection without TLS.
async fn plain(
    stream: TcpStream,
    mut service: Service,
    watcher: Watcher,
    permit: OwnedSemaphorePermit,
) {
    let (line, slot) = (Line::new(stream), Slot::default());
    service.slot = Some(slot.clone());
    let connection = Box::pin(watcher.watch(connection(line.clone(), service)));
    let handover = tokio::select! {
        ended = connection => {
            note_end(ended);
            return;
        }
        handover = slot.taken() => handover,
    };
    let Some(socket) = line.release() else {
        return;
    };
    // In a task of its own: this one, with all that a connection needs, ends here.
    tokio::spawn(async move {
        let _permit = permit;
        if let Err(error) = handover.write(socket).await {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "event stream ended");
        }
    });
}

/// One connection with TLS. Event streams stay in the HTTP machinery there, as the keys are in it.
async fn encrypted(
    stream: TcpStream,
    secure: Arc<Secure>,
    service: Service,
    watcher: Watcher,
    _permit: OwnedSemaphorePermit,
) {
    let accepting = tokio::time::timeout(HANDSHAKE, secure.accept(stream));
    if let Ok(Some(stream)) = accepting.await {
        note_end(watcher.watch(connection(stream, service)).await);
    }
}

fn note_end(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        // A client that goes away in mid-answer is everyday life.
        tracing::debug!(error, "connection ended");
    }
}

/// Running out of descriptors passes: wait a moment instead of spinning.
async fn refuse_gently(error: &io::Error) {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "could not accept a connection"
    );
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// What can't be set only costs speed.
fn tune(stream: &TcpStream, peer: SocketAddr) {
    // Small answers, as the settlement's event, must not wait for more.
    let _ = stream.set_nodelay(true);
    // Farther away the kernel's own measure of the distance is better.
    if peer.ip().to_canonical().is_loopback() {
        let _ = SockRef::from(stream).set_send_buffer_size(NEAR_BUFFER);
    }
}

fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: Service,
) -> impl hyper_util::server::graceful::GracefulConnection<
    Error = Box<dyn std::error::Error + Send + Sync>,
> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100);
    let service = service_fn(move |request| service.clone().answer(request));
    builder
        .serve_connection(TokioIo::new(stream), service)
        .into_owned()
}

/// Answers on one connection.
#[derive(Clone)]
struct Service {
    doors: Doors,
    peer: SocketAddr,
    /// Where event streams leave the HTTP machinery; None: they stay.
    slot: Option<Slot>,
    shutdown: CancellationToken,
}

impl Service {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
        let is_http1 = request.version() < Version::HTTP_2;
        let shutdown = self.shutdown.clone();
        let is_secure = self.doors.secure.is_some();
        let mut answer = self.open(request).await?;
        if is_secure {
            answer
                .headers_mut()
                .insert(STRICT_TRANSPORT_SECURITY, ALWAYS_TLS);
        }
        if is_http1 && shutdown.is_cancelled() {
            let last = HeaderValue::from_static("close");
            answer.headers_mut().insert(header::CONNECTION, last);
        }
        Ok(answer)
    }

    async fn open(self, request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
        if request.uri().path().starts_with(PREFIX) {
            let gate = &self.doors.gate;
            let answer = gate
                .answer(request.method(), request.uri(), request.headers())
                .await;
            return Ok(answer.map(Answer::Media));
        }
        let asked = Asked::of(&request);
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let response = self.doors.pages.oneshot(request).await?;
        if let Some(slot) = &self.slot
            && let Some(handover) = handover::of(&asked, &response)
        {
            slot.give(handover);
            // The connection's task drops this answer with all the rest.
            return std::future::pending().await;
        }
        Ok(response.map(Answer::Page))
    }
}

/// A media body in one piece, unboxed; or whatever a page sends.
#[derive(Debug)]
pub enum Answer {
    Media(Full<Bytes>),
    Page(axum::body::Body),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Self::Media(body) => Pin::new(body)
                .poll_frame(context)
                .map_err(|never| match never {}),
            Self::Page(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Media(body) => body.is_end_stream(),
            Self::Page(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Media(body) => body.size_hint(),
            Self::Page(body) => body.size_hint(),
        }
    }
}
