//! The creator's side over HTTP: its page, its way in, and the guard before its API.

pub mod door;
mod entry;

use axum::{Router, middleware, routing::get};

use super::{api, state::Shared};

/// The page, the way in, and `/api/studio` behind the guard.
pub fn routes(web: &Shared) -> Router<Shared> {
    Router::new()
        .route("/studio", get(entry::page))
        .route("/studio/enter/{link}", get(entry::enter))
        .merge(guarded(web, api::studio::routes()))
}

/// The part of the API that takes bodies as they come.
pub fn streaming(web: &Shared) -> Router<Shared> {
    guarded(web, api::studio::streaming())
}

/// SECURITY: every route of the API passes here, so that none can be added without the guard.
fn guarded(web: &Shared, routes: Router<Shared>) -> Router<Shared> {
    routes.route_layer(middleware::from_fn_with_state(web.clone(), door::guard))
}
