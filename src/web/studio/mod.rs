//! The creator's side over HTTP: its page, its way in, and the guard before its API.

pub mod door;
mod entry;

use axum::{Router, middleware, routing::get};

use super::{api, state::Shared};

/// The page, the way in, and `/api/studio` behind the guard.
pub fn routes(web: &Shared) -> Router<Shared> {
    // SECURITY: every route of the API is inside, so that none can be added without the guard.
    let guarded =
        api::studio::routes().route_layer(middleware::from_fn_with_state(web.clone(), door::guard));
    Router::new()
        .route("/studio", get(entry::page))
        .route("/studio/enter/{link}", get(entry::enter))
        .merge(guarded)
}
