//! Request bodies: taken in whole before anybody looks, within a limit and a time; and what of
//! them nobody wanted.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use parking_lot::Mutex;

use super::problem::ApiError;

/// No request is near this long; purchases carry up to 100 tokens.
const LIMIT: usize = 32 << 10;
/// How much of a body that nobody wants is read and dropped, and for how long.
const DRAIN: usize = 1 << 20;
const DRAINING: Duration = Duration::from_secs(2);
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Outermost. Reads what was left of a request's body before its answer goes out: whoever still
/// sends when the connection closes never sees the answer, and whoever has sent all would put the
/// next request on a connection that is about to close. Where too much is left, says that it closes.
pub async fn finish(request: Request, next: Next) -> Response {
    if http_body::Body::is_end_stream(request.body()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let is_http1 = parts.version < Version::HTTP_2;
    // Who waits to be told to go on is not told so for bytes that are dropped.
    let waits = parts.headers.contains_key(header::EXPECT);
    let left = Left::default();
    let body = Body::new(Watched {
        body,
        read: false,
        ended: false,
        left: left.clone(),
    });
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let rest = left.lock().take();
    if let Some((body, read)) = rest {
        let dropped = (read || !waits) && drop_all(body).await;
        if !dropped && is_http1 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
    }
    response
}

/// A body whose reader went before its end, and whether it had begun.
type Left = Arc<Mutex<Option<(Body, bool)>>>;

struct Watched {
    body: Body,
    read: bool,
    ended: bool,
    left: Left,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.read = true;
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.ended = true;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended && !http_body::Body::is_end_stream(&self.body) {
            *self.left.lock() = Some((std::mem::take(&mut self.body), self.read));
        }
    }
}

/// False: there was too much of it, or it came too slowly.
async fn drop_all(mut body: Body) -> bool {
    let all = async {
        let mut seen = 0_usize;
        while let Some(Ok(frame)) = body.frame().await {
            seen = seen.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            if seen > DRAIN {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(DRAINING, all).await.unwrap_or(false)
}

/// Hands the request on with its body in memory.
pub async fn take(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match whole(body, LIMIT, PATIENCE, "the body is over 32 KB").await {
        Ok(bytes) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(refused) => refused.into_response(),
    }
}

/// A whole body, if it has at most `limit` bytes and comes in time.
pub async fn whole(
    body: Body,
    limit: usize,
    patience: Duration,
    too_long: &str,
) -> Result<Bytes, ApiError> {
    let refused = |status, detail: &str| ApiError::Request {
        status,
        detail: detail.to_owned(),
    };
    match tokio::time::timeout(patience, read(body, limit)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(refused(StatusCode::PAYLOAD_TOO_LARGE, too_long)),
        Ok(Err(_)) => Err(refused(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err(refused(
            StatusCode::REQUEST_TIMEOUT,
            "the body took too long",
        )),
    }
}

/// None: it is too long.
async fn read(mut body: Body, limit: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut kept = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if data.len() > limit.saturating_sub(kept.len()) {
            return Ok(None);
        }
        kept.extend_from_slice(&data);
    }
    Ok(Some(kept.freeze()))
}
