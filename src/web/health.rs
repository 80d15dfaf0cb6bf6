//! `GET /healthz`: the process is up. `GET /readyz`: it can sell and serve, or why not.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::state::Shared;
use crate::payments::Health;

#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn healthz() -> &'static str {
    "ok\n"
}

pub async fn readyz(State(web): State<Shared>) -> Response {
    let mut reasons = Vec::new();
    if let Health::Away(why) = web.sale.backend.health().await {
        reasons.push(format!("payments: {why}"));
    }
    if !web.sale.settlement.taken().borrow().reconciled {
        reasons.push(
            "payments: what was settled while the server was down is still being taken in"
                .to_owned(),
        );
    }
    if let Err(error) = web.sale.ledger.tips_total(None).await {
        reasons.push(format!("ledger: {error}"));
    }
    let status = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let answer = Json(json!({"ready": reasons.is_empty(), "reasons": reasons}));
    (status, [(header::CACHE_CONTROL, "no-store")], answer).into_response()
}
