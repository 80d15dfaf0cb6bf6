//! The API, one file an endpoint. Described to the world by `openapi.json`, which the tests hold
//! against these routes.

mod channels;
mod grants;
mod openapi;
mod orders;
mod purchases;
mod seen;
pub(super) mod studio;
mod tips;
mod titles;
mod tokens;

use axum::{
    Router,
    routing::{get, post},
};

use super::state::Shared;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/openapi.json", get(openapi::document))
        .route("/api/titles", get(titles::list))
        .route("/api/titles/{id}", get(titles::one))
        .route("/api/orders", post(orders::create))
        .route("/api/orders/{order}", get(orders::status))
        .route("/api/orders/{order}/events", get(orders::events))
        .route("/api/orders/{order}/qr.svg", get(orders::qr))
        .route("/api/tokens", post(tokens::redeem))
        .route("/api/tokens/recover", post(tokens::recover))
        .route("/api/grants", post(grants::create))
        .route("/api/channels", get(channels::list))
        .route("/api/channels/{name}", get(channels::one))
        .route("/api/channels/{name}/events", get(channels::events))
        .route("/api/seen", get(seen::seen))
        .route("/api/tips", post(tips::create))
        .route(
            "/api/purchases",
            get(purchases::read).put(purchases::replace),
        )
}

pub use channels::{channel_view, known};
pub use grants::master_url;
pub use orders::{OrderAnswer, qr_svg};
pub use titles::{ListQuery, offer_label, title_view, title_views};
