//! `GET /internal/auth`: may the web server in front serve this media file itself? For nginx's
//! `auth_request`; from trusted proxies only.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderName, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::{problem::ApiError, state::Shared};

const X_ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");

/// 204 or 403. Everybody else is told that there is nothing here.
///
/// SECURITY: the header is to be the request's line as the viewer sent it. A path that is written in
/// any other way than ours (dots, percent signs, doubled slashes) names no file and is refused, so
/// that the file which the proxy makes of it is the one that was asked about.
#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn auth(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    if !web.clients.is_trusted(peer.ip()) {
        return ApiError::UnknownPath.into_response();
    }
    let mut asked = headers.get_all(X_ORIGINAL_URI).iter();
    let uri = match (asked.next(), asked.next()) {
        (Some(uri), None) => Uri::try_from(uri.as_bytes()).ok(),
        _ => None,
    };
    let status = if uri.is_some_and(|uri| web.gate.lets_through(&uri)) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::FORBIDDEN
    };
    (status, [(header::CACHE_CONTROL, "no-store")]).into_response()
}
