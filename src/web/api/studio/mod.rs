//! `/api/studio`: what the creator's page and programs with a key use. Everything here stands
//! behind `web::studio::door::guard`.

mod session;

use axum::{
    Router,
    routing::{any, get},
};

use crate::web::{problem::ApiError, state::Shared};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route(
            "/api/studio/session",
            get(session::read).delete(session::end),
        )
        .route("/api/studio/{*path}", any(nothing_here))
}

/// Inside the guard as well: a stranger does not learn what there is.
async fn nothing_here() -> ApiError {
    ApiError::UnknownPath
}
