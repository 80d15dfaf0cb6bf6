//! An event stream outside of the HTTP machinery: the connection's buffers are given back, and what
//! remains of a waiting viewer is the socket and the stream.
//!
//! Only for HTTP/1.1, where the answer ends with its connection. HTTP/2 shares one connection among
//! many answers, so its event streams are ordinary bodies.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::StreamExt;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, header};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::Notify,
};

use crate::event_stream::{EventStream, Events};

/// A client that takes no bytes for this long has gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// A socket that outlives the HTTP connection on it. Nobody ever waits for the lock: one connection
/// uses it, then whoever releases it.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<Mutex<TcpStream>>);

/// An answer to be written by hand.
pub(super) struct Handover {
    head: Vec<u8>,
    events: Events,
}

/// Where the service leaves a [`Handover`] for the task that drives its connection.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<(Mutex<Option<Handover>>, Notify)>);

impl Slot {
    pub(super) fn give(&self, handover: Handover) {
        *self.0.0.lock() = Some(handover);
        self.0.1.notify_one();
    }

    pub(super) async fn taken(&self) -> Handover {
        loop {
            self.0.1.notified().await;
            if let Some(handover) = self.0.0.lock().take() {
                return handover;
            }
        }
    }
}

/// The events of this answer, if it is one that is written by hand.
pub(super) fn of<T>(asked: &Asked, response: &Response<T>) -> Option<Handover> {
    if !asked.by_hand || response.status() != StatusCode::OK {
        return None;
    }
    let stream = response.extensions().get::<EventStream>()?;
    Some(Handover {
        head: head(response.headers()),
        events: stream.take()?,
    })
}

/// What matters of a request that has been passed on.
pub(super) struct Asked {
    by_hand: bool,
}

impl Asked {
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        let plain = request.version() == Version::HTTP_11 && request.method() == Method::GET;
        // A body that is still to come would be taken for the next request.
        let headers = request.headers();
        let empty = !headers.contains_key(header::CONTENT_LENGTH)
            && !headers.contains_key(header::TRANSFER_ENCODING);
        Self {
            by_hand: plain && empty,
        }
    }
}

/// RFC 9112 §4: without a length, the body ends with the connection.
fn head(headers: &HeaderMap) -> Vec<u8> {
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    let own = [("connection", "close"), ("date", date.as_str())];
    let named = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()));
    let own = own.map(|(name, value)| (name, value.as_bytes()));
    for (name, value) in named.chain(own) {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

impl Handover {
    /// Writes until the events end or the client has gone.
    pub(super) async fn write(mut self, mut socket: TcpStream) -> io::Result<()> {
        let (mut from, mut to) = socket.split();
        put(&mut to, &std::mem::take(&mut self.head)).await?;
        let mut gone = std::pin::pin!(gone(&mut from));
        loop {
            let event = tokio::select! {
                event = self.events.next() => event,
                gone = &mut gone => return gone,
            };
            match event {
                Some(event) => put(&mut to, &event).await?,
                None => return Ok(()),
            }
        }
    }
}

async fn put(to: &mut WriteHalf<'_>, bytes: &[u8]) -> io::Result<()> {
    let written = tokio::time::timeout(PATIENCE, to.write_all(bytes));
    written.await.map_err(io::Error::other)?
}

/// Returns when the other end has closed. What it says meanwhile is nothing to us.
async fn gone(from: &mut ReadHalf<'_>) -> io::Result<()> {
    while from.read(&mut [0; 64]).await? > 0 {}
    Ok(())
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    /// The socket, once its connection is gone.
    pub(super) fn release(self) -> Option<TcpStream> {
        Arc::into_inner(self.0).map(Mutex::into_inner)
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock()).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.lock()).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.lock()).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock()).poll_shutdown(context)
    }
}
