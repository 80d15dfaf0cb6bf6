//! The built-in wallet's page: pays with play money. Only there when that wallet is the backend,
//! which refuses to run where others could reach it.

use axum::{
    Json as Answer,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    extract::{Json, Query},
    pages,
    problem::ApiError,
    state::Shared,
};
use crate::core::money::Sats;

/// Payments shown on the page.
const HISTORY: u32 = 20;

#[derive(Deserialize)]
pub struct PageQuery {
    pr: Option<String>,
}

pub async fn page(
    State(web): State<Shared>,
    query: Result<Query<PageQuery>, ApiError>,
) -> Result<Response, ApiError> {
    let wallet = web.wallet.as_ref().ok_or(ApiError::UnknownPath)?;
    let request = query.ok().and_then(|Query(query)| query.pr);
    let paid = wallet
        .history(HISTORY)
        .await
        .map_err(crate::sale::Error::NodeAway)?;
    let view = pages::Wallet {
        amount_sat: request
            .as_deref()
            .and_then(crate::payments::wallet::requested_sat),
        payment_request: request,
        paid: paid
            .into_iter()
            .map(|paid| pages::WalletPayment {
                amount_sat: paid.amount.to_sats_floor().get(),
                paid_at: paid.at.to_string(),
                payment_request: paid.payment_request,
                preimage: paid.preimage.reveal(),
            })
            .collect(),
    };
    let page = pages::wallet(&web.site, &web.assets, &view);
    Ok(([(header::CACHE_CONTROL, "no-store")], page).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayRequest {
    payment_request: String,
    /// Pays another amount than asked; without: exactly that.
    amount_sat: Option<u64>,
}

#[derive(Serialize)]
struct PayAnswer {
    preimage: String,
    amount_sat: Sats,
}

/// `POST /wallet/pay`
pub async fn pay(
    State(web): State<Shared>,
    headers: HeaderMap,
    Json(request): Json<PayRequest>,
) -> Result<Response, ApiError> {
    let wallet = web.wallet.as_ref().ok_or(ApiError::UnknownPath)?;
    // SECURITY: another site's page, open in the same browser, must not spend from here. JSON
    // from elsewhere needs a preflight that nobody answers; this refuses it once more.
    if headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none")
    {
        let detail = "only this site's own page may pay".to_owned();
        return Err(ApiError::Request {
            status: StatusCode::FORBIDDEN,
            detail,
        });
    }
    let amount = match request.amount_sat {
        None => None,
        Some(sat) => Some(Sats::new(sat).map_err(|error| ApiError::invalid(error.to_string()))?),
    };
    let paid = wallet
        .pay(&request.payment_request, amount.map(Sats::to_msats))
        .await
        .map_err(|error| ApiError::invalid(error.to_string()))?;
    let answer = PayAnswer {
        preimage: paid.preimage.reveal(),
        amount_sat: paid.amount.to_sats_floor(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Answer(answer)).into_response())
}
