//! `GET /api/openapi.json`

use axum::{http::header, response::IntoResponse};

/// The API's own description, OpenAPI 3.1.
#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn document() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        include_str!("openapi.json"),
    )
}
