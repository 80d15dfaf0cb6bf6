//! `POST /webhooks/btcpay`: BTCPay Server says that something happened to an invoice. A hint: the
//! invoice is read from BTCPay before anything follows from it.
//!
//! BTCPay tries again only what fails with 5xx, 429, 408 or silence, and holds everything behind it
//! up meanwhile. So: 200 for whatever is genuine, also for what is not ours or comes twice; 503
//! when it can't be looked up or recorded now; 401 for a bad signature and nothing else.

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use super::{problem::ApiError, state::Shared};
use crate::{
    core::ids::InvoiceRef,
    payments::{btcpay::webhook::Delivery, settlement::Outcome},
    sale,
};

/// Mounted for everybody, there only with BTCPay as the backend.
pub async fn btcpay(
    State(web): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let webhook = web.webhook.as_ref().ok_or(ApiError::UnknownPath)?;
    let signature = headers
        .get("btcpay-sig")
        .and_then(|value| value.to_str().ok());
    let delivery = webhook
        .open(signature.unwrap_or_default(), &body)
        .map_err(|_| ApiError::BadSignature)?;
    if let Delivery::Invoice(reference) = delivery {
        let outcome = take_in(&web, &reference).await?;
        tracing::debug!(invoice = %reference, ?outcome, "webhook taken in");
    }
    Ok(().into_response())
}

async fn take_in(web: &Shared, reference: &InvoiceRef) -> Result<Outcome, sale::Error> {
    let Some(invoice) = web.sale.backend.look_up(reference).await? else {
        return Ok(Outcome::Foreign);
    };
    // Also what is no settlement is news: a part came, or it was seen on chain.
    web.sale.settlement.wake(reference);
    Ok(web.sale.settlement.settle(&invoice).await?)
}
