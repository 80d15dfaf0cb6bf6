//! `/api/studio`: what the creator's page and programs with a key use. Everything here stands
//! behind `web::studio::door::guard`.

mod channels;
mod events;
mod jobs;
mod posters;
mod sales;
mod session;
mod tips;
mod titles;
mod today;
mod uploads;

use axum::{
    Router,
    routing::{any, get, patch, post},
};

use crate::web::{problem::ApiError, state::Shared};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route(
            "/api/studio/session",
            get(session::read).delete(session::end),
        )
        .route("/api/studio/today", get(today::read))
        .route("/api/studio/titles", get(titles::list))
        .route(
            "/api/studio/titles/{id}",
            get(titles::one).patch(titles::edit).delete(titles::delete),
        )
        .route(
            "/api/studio/channels",
            get(channels::list).post(channels::add),
        )
        .route(
            "/api/studio/channels/{name}",
            get(channels::one)
                .patch(channels::edit)
                .delete(channels::remove),
        )
        .route("/api/studio/channels/{name}/key", post(channels::rotate))
        .route(
            "/api/studio/channels/{name}/overlay",
            post(channels::open_overlay).delete(channels::close_overlay),
        )
        .route("/api/studio/tips/{number}", patch(tips::edit))
        .route("/api/studio/jobs", get(jobs::list))
        .route("/api/studio/jobs/{id}", post(jobs::ask))
        .route("/api/studio/sales", get(sales::read))
        .route("/api/studio/sales.csv", get(sales::table))
        .route("/api/studio/events", get(events::follow))
        .route("/api/studio/{*path}", any(nothing_here))
}

/// What takes its bodies as they come, and not into memory first.
pub fn streaming() -> Router<Shared> {
    uploads::routes().merge(posters::routes())
}

/// Inside the guard as well: a stranger does not learn what there is.
async fn nothing_here() -> ApiError {
    ApiError::UnknownPath
}
