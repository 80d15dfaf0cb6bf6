//! `GET /api/studio/jobs`: films being made, and those that were. `POST /api/studio/jobs/{id}`: what is
//! wanted of one.

use axum::{
    Json as Answer,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use satreel_hls::{
    job::{Change, Wish},
    naming::VideoId,
};
use serde_json::json;

use crate::{
    studio::titles,
    web::{
        extract::{Json, PathPart},
        problem::ApiError,
        state::Shared,
    },
};

pub async fn list(State(web): State<Shared>) -> Result<Response, ApiError> {
    let jobs = tokio::task::spawn_blocking(move || web.studio.jobs.list()).await;
    let jobs = jobs.map_err(|error| ApiError::Internal(error.into()))?;
    let answer = Answer(json!({ "jobs": jobs }));
    Ok(([(header::CACHE_CONTROL, "no-store")], answer).into_response())
}

/// Asked, not done: the transcoder takes it when it runs, and says in the job's `answer` why not.
pub async fn ask(
    State(web): State<Shared>,
    PathPart(job): PathPart<VideoId>,
    Json(change): Json<Change>,
) -> Result<Response, ApiError> {
    match change {
        Change::Replace { .. } => {
            let words = "upload the other film with the metadata `replaces`";
            return Err(ApiError::field("do", words));
        }
        Change::Delete {} => {
            let words = "take a title down by DELETE /api/studio/titles/{id}";
            return Err(ApiError::field("do", words));
        }
        Change::Trim { from_s, to_s } if from_s >= to_s => {
            let words = "the time to begin at must be before the time to end at";
            return Err(ApiError::field("from_s", words));
        }
        Change::Poster { .. } => {
            let words = "choose a poster by PUT /api/studio/titles/{id}/poster";
            return Err(ApiError::field("do", words));
        }
        Change::Pause {}
        | Change::Resume {}
        | Change::Cancel {}
        | Change::Retry {}
        | Change::Remake { .. }
        | Change::Trim { .. }
        | Change::Forget {} => {}
    }
    let asked = tokio::task::spawn_blocking(move || {
        if !web.studio.jobs.knows(job) && web.sale.catalog.get(&job).is_none() {
            return Err(titles::Error::Unknown);
        }
        Ok(web.studio.jobs.ask(&Wish { job, change })?)
    });
    asked
        .await
        .map_err(|error| ApiError::Internal(error.into()))??;
    let nothing = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::ACCEPTED, nothing).into_response())
}
