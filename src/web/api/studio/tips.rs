//! `PATCH /api/studio/tips/{number}`: what the creator does not want to be seen.

use axum::{
    Json as Answer,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::sales;
use crate::web::{
    extract::{Json, PathPart},
    problem::ApiError,
    state::Shared,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// On no page and no overlay; its money counts all the same.
    hidden: bool,
}

pub async fn edit(
    State(web): State<Shared>,
    PathPart(number): PathPart<u64>,
    Json(change): Json<Change>,
) -> Result<Response, ApiError> {
    let tip = web.sale.ledger.hide_tip(number, change.hidden).await;
    let tip = tip.map_err(sales::not_read)?.ok_or(ApiError::UnknownPath)?;
    let shown = sales::tip(&web, number, &tip);
    Ok(([(header::CACHE_CONTROL, "no-store")], Answer(shown)).into_response())
}
