//! `POST /api/tips`

use axum::{extract::State, response::Response};
use satreel_hls::naming::VideoId;
use serde::Deserialize;

use super::{known, orders::created};
use crate::{
    core::money::Sats,
    sale::{MAX_TIP_MESSAGE, MAX_TIP_SAT, NewTip},
    web::{client::Client, extract::Json, limits::Kind, problem::ApiError, state::Shared},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    amount_sat: u64,
    title: Option<VideoId>,
    /// For whoever is on air here, or will be.
    channel: Option<String>,
    message: Option<String>,
}

pub async fn create(
    State(web): State<Shared>,
    client: Client,
    Json(request): Json<Request>,
) -> Result<Response, ApiError> {
    web.count(Kind::Order, client)?;
    let amount = Sats::new(request.amount_sat)
        .ok()
        .filter(|amount| (1..=MAX_TIP_SAT).contains(&amount.get()))
        .ok_or_else(|| ApiError::invalid(format!("amount_sat: 1 to {MAX_TIP_SAT}")))?;
    let message = request.message.unwrap_or_default();
    if message.chars().count() > MAX_TIP_MESSAGE {
        let detail = format!("message: at most {MAX_TIP_MESSAGE} characters");
        return Err(ApiError::invalid(detail));
    }
    if message.contains(|letter: char| letter.is_control() && letter != '\n') {
        return Err(ApiError::invalid(
            "message: text only, no control characters",
        ));
    }
    let channel = request.channel.map(|name| known(&web, &name)).transpose()?;
    let tip = NewTip {
        amount: amount.to_msats(),
        title: request.title,
        channel: channel.map(|channel| channel.id.clone()),
        message,
        description_hash: None,
    };
    Ok(created(&web, web.sale.tip(tip).await?))
}
