//! What a test does to the stand-in, over HTTP on a port of its own: for tests in other processes.
//! The same as the methods of [`Standin`].

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::{Standin, book::Status, hooks::Faults};

pub(crate) fn router(standin: Standin) -> Router {
    Router::new()
        .route("/faults", get(faults).put(set_faults))
        .route("/violations", get(violations))
        .route("/attempts", get(attempts))
        .route("/invoices", get(invoices))
        .route("/invoices/{id}/mark", post(mark))
        .route("/invoices/{id}/onchain", post(onchain))
        .route("/invoices/{id}/confirm", post(confirm))
        .route("/invoices/{id}/double-spend", post(double_spend))
        .route("/advance", post(advance))
        .route("/lose-queues", post(lose_queues))
        .route("/hooks", post(install_hook))
        .with_state(standin)
}

async fn faults(State(standin): State<Standin>) -> Json<Faults> {
    Json(standin.faults())
}

async fn set_faults(State(standin): State<Standin>, Json(faults): Json<Faults>) {
    standin.set_faults(faults);
}

async fn violations(State(standin): State<Standin>) -> Response {
    Json(standin.violations()).into_response()
}

async fn attempts(State(standin): State<Standin>) -> Response {
    Json(standin.attempts()).into_response()
}

async fn invoices(State(standin): State<Standin>) -> Response {
    Json(standin.invoices()).into_response()
}

fn done(result: anyhow::Result<()>) -> Response {
    match result {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error:#}\n")).into_response(),
    }
}

#[derive(Deserialize)]
struct Mark {
    status: Status,
}

async fn mark(
    State(standin): State<Standin>,
    Path(id): Path<String>,
    Json(asked): Json<Mark>,
) -> Response {
    done(standin.mark(&id, asked.status))
}

#[derive(Deserialize)]
struct Onchain {
    sat: u64,
    confirmed: bool,
}

async fn onchain(
    State(standin): State<Standin>,
    Path(id): Path<String>,
    Json(asked): Json<Onchain>,
) -> Response {
    done(standin.pay_onchain(&id, asked.sat, asked.confirmed).await)
}

async fn confirm(State(standin): State<Standin>, Path(id): Path<String>) -> Response {
    done(standin.confirm(&id))
}

async fn double_spend(State(standin): State<Standin>, Path(id): Path<String>) -> Response {
    done(standin.double_spend(&id))
}

#[derive(Deserialize)]
struct Advance {
    seconds: u64,
}

async fn advance(State(standin): State<Standin>, Json(asked): Json<Advance>) -> Response {
    done(standin.advance(asked.seconds).await)
}

async fn lose_queues(State(standin): State<Standin>) -> Response {
    Json(json!({"lost": standin.lose_queues()})).into_response()
}

#[derive(Deserialize)]
struct Install {
    url: String,
    secret: String,
}

async fn install_hook(State(standin): State<Standin>, Json(asked): Json<Install>) -> Response {
    done(standin.install_hook(&asked.url, &asked.secret))
}
