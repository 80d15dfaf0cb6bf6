//! Pages and API over HTTP: parses requests, asks `sale`, renders answers.
//!
//! Owns no rule about money or access. Media does not pass here but through `media::gate`.

mod api;
pub mod assets;
mod board;
mod body;
mod channel;
mod client;
mod extract;
mod headers;
mod health;
mod internal;
pub mod l402;
mod limits;
pub mod lnurl;
pub mod metrics;
mod overlay;
pub mod pages;
mod pay_uri;
mod posters;
pub mod problem;
mod request_id;
mod site;
mod state;
mod studio;
mod wallet;
mod webhooks;

use std::sync::Arc;

use axum::{
    Router,
    http::Uri,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};

pub use board::Boards;
pub use client::Clients;
pub use limits::Limits;
pub use state::{Shared, Web};

/// Everything but media.
pub fn router(web: Web) -> Router {
    let web: Shared = Arc::new(web);
    Router::new()
        .route("/", get(site::storefront))
        .route("/w/{id}", get(site::film))
        .route("/w/{id}/order", post(site::order))
        .route("/w/{id}/paid", post(site::paid))
        .route("/live/{name}", get(channel::page))
        .route("/live/{name}/broadcast.ics", get(channel::calendar))
        .route("/overlay/{secret}", get(overlay::page))
        .route("/overlay/{secret}/events", get(overlay::events))
        .route("/purchases", get(site::purchases))
        .route("/wallet", get(wallet::page))
        .route("/wallet/pay", post(wallet::pay))
        .route("/webhooks/btcpay", post(webhooks::btcpay))
        .route("/posters/{id}/{file}", get(posters::poster))
        .route("/assets/{file}", get(assets::asset))
        .route("/theme.css", get(site::theme))
        .route("/l402/{id}/master.m3u8", get(l402::master))
        .route(l402::DISCOVERY, get(l402::discovery))
        .route("/.well-known/lnurlp/{name}", get(lnurl::offer))
        .route("/lnurl/pay/{name}", get(lnurl::pay))
        .route("/lnurl/pay/{name}/qr.svg", get(lnurl::qr))
        .route("/lnurl/verify/{order}", get(lnurl::verify))
        .route("/favicon.ico", get(site::favicon))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/internal/auth", get(internal::auth))
        .merge(api::routes())
        .merge(studio::routes(&web))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(body::take))
        .merge(studio::streaming(&web).method_not_allowed_fallback(wrong_method))
        .layer(middleware::from_fn(headers::add))
        .layer(middleware::from_fn(body::finish))
        .layer(middleware::from_fn(request_id::add))
        .with_state(web)
}

/// Programs get a problem document, people a page.
async fn nothing_here(web: axum::extract::State<Shared>, uri: Uri) -> Response {
    let path = uri.path();
    if ["/api/", "/l402/", "/lnurl/", "/.well-known/"]
        .iter()
        .any(|programs| path.starts_with(programs))
    {
        problem::ApiError::UnknownPath.into_response()
    } else {
        site::not_found(web).await
    }
}

#[allow(clippy::unused_async, reason = "axum's handlers are async")]
async fn wrong_method() -> problem::ApiError {
    problem::ApiError::WrongMethod
}
