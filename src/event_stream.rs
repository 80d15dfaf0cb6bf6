//! An answer that goes on for minutes: server-sent events (HTML Living Standard §9.2), made by the
//! pages and written by the server.
//!
//! Thousands may wait for their payments at once, each with nothing to be told for minutes. An
//! ordinary answer would keep its connection's buffers all that time, four fifths of what a waiting
//! viewer costs; so the server may take the events out of the answer and write them by itself.

use std::{convert::Infallible, fmt, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// The shortest and half of the longest time until listeners come back to a server that stopped.
const COME_BACK_MS: u64 = 500;

/// Whole events, ready to be written.
pub type Events = BoxStream<'static, Bytes>;

/// Events, for whoever writes them: taken once.
#[derive(Clone)]
pub struct EventStream(Arc<Mutex<Option<Events>>>);

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventStream")
    }
}

impl EventStream {
    /// Ends with the events, or when the server stops: then with word of when to come back.
    pub fn new(
        events: impl Stream<Item = Bytes> + Send + 'static,
        shutdown: CancellationToken,
    ) -> Self {
        let stopped = shutdown.clone();
        let farewell = stream::once(async move { stopped.is_cancelled().then(come_back) });
        let events = events
            .take_until(shutdown.cancelled_owned())
            .chain(farewell.filter_map(std::future::ready));
        Self(Arc::new(Mutex::new(Some(events.boxed()))))
    }

    /// None: somebody else writes them.
    pub fn take(&self) -> Option<Events> {
        self.0.lock().take()
    }
}

/// One event by name, with data of a single line.
pub fn event(name: &str, data: &str) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// Says nothing, and keeps proxies from thinking that nobody is there.
pub const KEEP_ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// A browser would wait some seconds by itself. Not all come back in the same moment.
fn come_back() -> Bytes {
    let mut chance = [0; 2];
    // Without chance they all come at once, which is no harm.
    let _ = getrandom::fill(&mut chance);
    let ms = COME_BACK_MS + u64::from(u16::from_be_bytes(chance)) * COME_BACK_MS / 0xffff;
    format!("retry: {ms}\n\n").into()
}

impl IntoResponse for EventStream {
    /// The body writes the events unless the server, who finds the stream among the answer's
    /// extensions, has taken them.
    fn into_response(self) -> Response {
        let events = self.clone();
        let body = stream::once(async move { events.take() })
            .flat_map(|events| events.unwrap_or_else(|| stream::empty().boxed()))
            .map(Ok::<_, Infallible>);
        let mut response = Response::new(Body::from_stream(body));
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("text/event-stream");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // nginx would hold events back otherwise.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn either_the_body_writes_them_or_who_takes_them() {
        let events = || stream::iter([event("state", "1"), KEEP_ALIVE]);
        let made = || EventStream::new(events(), CancellationToken::new());
        let answer = made().into_response();
        let body = answer.into_body().collect().await.expect("a body");
        assert_eq!(body.to_bytes(), "event: state\ndata: 1\n\n:\n\n");

        let answer = made().into_response();
        let taken = answer.extensions().get::<EventStream>().expect("a stream");
        let events: Vec<_> = taken.take().expect("events").collect().await;
        assert_eq!(events.len(), 2);
        let body = answer.into_body().collect().await.expect("a body");
        assert!(body.to_bytes().is_empty());
    }

    #[tokio::test]
    async fn who_listens_when_the_server_stops_is_told_when_to_come_back() {
        let shutdown = CancellationToken::new();
        let events = stream::iter([event("state", "1")]).chain(stream::pending());
        let mut events = EventStream::new(events, shutdown.clone())
            .take()
            .expect("events");
        assert_eq!(events.next().await, Some(event("state", "1")));
        shutdown.cancel();
        let farewell = events.next().await.expect("a farewell");
        let farewell = std::str::from_utf8(&farewell).expect("text");
        let ms = farewell
            .strip_prefix("retry: ")
            .and_then(|rest| rest.strip_suffix("\n\n"));
        let ms: u64 = ms.expect("a time").parse().expect("a number");
        assert!((500..=1000).contains(&ms), "{ms}");
        assert_eq!(events.next().await, None);
    }
}
