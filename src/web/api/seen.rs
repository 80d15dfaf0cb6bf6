//! `GET /api/seen`: who the asker is to this server. By it the doctor tells whether the proxies in
//! front say what they should (`server.trusted_proxies`).
//!
//! SECURITY: it names the asker's own address to the asker, and no other.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::web::state::Shared;

#[derive(Debug, Serialize)]
struct Seen {
    /// Whom the limits count.
    address: IpAddr,
    /// What the proxy before us wrote of him; None: no trusted proxy wrote anything.
    noted: Option<IpAddr>,
}

#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn seen(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let (address, noted) = web.clients.seen(peer.ip(), &headers);
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (no_store, axum::Json(Seen { address, noted })).into_response()
}
