//! An event stream outside of the HTTP machinery: the connection's buffers are given back, and what
//! remains of a waiting viewer is the socket and the stream.
//!
//! Only for HTTP/1.1, where the answer ends with its connection. HTTP/2 shares one connection among
//! many answers, so its event streams are ordinary bodies.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::StreamExt;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, header};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
};

use crate::event_stream::{EventStream, Events};

/// A client that takes no bytes for this long has gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// A socket that outlives the HTTP connection on it.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<TcpStream>);

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
    pub(super) async fn write(mut self, line: Line) -> io::Result<()> {
        line.put(&std::mem::take(&mut self.head)).await?;
        loop {
            let event = tokio::select! {
                event = self.events.next() => event,
                gone = line.gone() => return gone,
            };
            match event {
                Some(event) => line.put(&event).await?,
                None => return Ok(()),
            }
        }
    }
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(stream))
    }

    async fn put(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let writable = tokio::time::timeout(PATIENCE, self.0.writable());
            writable.await.map_err(io::Error::other)??;
            match self.0.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns when the other end has closed. What it says meanwhile is nothing to us.
    async fn gone(&self) -> io::Result<()> {
        loop {
            self.0.readable().await?;
            match self.0.try_read(&mut [0; 64]) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write_vectored(pieces) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = socket2::SockRef::from(&*self.0).shutdown(std::net::Shutdown::Write);
        // Whoever has hung up already needs no goodbye.
        Poll::Ready(match shut {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            shut => shut,
        })
    }
}
