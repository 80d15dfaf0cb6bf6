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
    let refused = |status, detail: &str| {
        ApiError::Request {
            status,
            detail: detail.to_owned(),
        }
        .into_response()
    };
    match tokio::time::timeout(PATIENCE, read(body)).await {
        Ok(Ok(Some(bytes))) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Ok(Ok(None)) => refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is over 32 KB"),
        Ok(Err(_)) => refused(StatusCode::BAD_REQUEST, "the body broke off"),
        Err(_) => refused(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
    }
}

/// None: it is too long.
async fn read(mut body: Body) -> Result<Option<Bytes>, axum::Error> {
    let (mut kept, mut seen) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        seen = seen.saturating_add(data.len());
        if seen > DRAIN {
            break;
        }
        if seen <= LIMIT {
            kept.extend_from_slice(&data);
        }
    }
    Ok((seen <= LIMIT).then(|| kept.freeze()))
}
