//! Request bodies: taken in whole before anybody looks, within a limit and a time.

use std::time::Duration;

use axum::{
    body::Body,
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::problem::ApiError;

/// No request is near this long; purchases carry up to 100 tokens.
const LIMIT: usize = 32 << 10;
/// How much of a body that is too long is read and dropped: whoever still sends when the
/// connection closes never sees the refusal.
const DRAIN: usize = 1 << 20;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(15);

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
    let (mut kept, mut seen) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        seen = seen.saturating_add(data.len());
        if seen > limit.saturating_add(DRAIN) {
            break;
        }
        if seen <= limit {
            kept.extend_from_slice(&data);
        }
    }
    Ok((seen <= limit).then(|| kept.freeze()))
}
