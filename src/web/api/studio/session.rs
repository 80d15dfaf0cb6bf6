//! `GET /api/studio/session`, `DELETE /api/studio/session`: how long this browser stays in, and
//! leaving.

use axum::{
    Json as Answer,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    core::time::Timestamp,
    web::{
        problem::ApiError,
        state::Shared,
        studio::door::{self, Creator},
    },
};

#[derive(Serialize)]
struct Session {
    /// How the caller came in: `session` or `key`.
    by: &'static str,
    expires_at: Option<Timestamp>,
}

#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn read(creator: Creator) -> Response {
    let session = match creator {
        Creator::Browser(session) => Session {
            by: "session",
            expires_at: session.expires_at,
        },
        Creator::Program => Session {
            by: "key",
            expires_at: None,
        },
    };
    ([(header::CACHE_CONTROL, "no-store")], Answer(session)).into_response()
}

/// A key is ended by its owner: `satreel studio-link --end-all`.
pub async fn end(State(web): State<Shared>, creator: Creator) -> Result<Response, ApiError> {
    let Creator::Browser(session) = creator else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let now = web.sale.clock.now();
    let left = tokio::task::spawn_blocking({
        let web = web.clone();
        move || web.studio.entrance.leave(&session, now)
    });
    let left = left.await.map_err(anyhow::Error::from);
    left.and_then(|left| left.map_err(anyhow::Error::from))
        .map_err(ApiError::Internal)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    door::set_cookies(response.headers_mut(), &door::forgotten(&web));
    Ok(response)
}
