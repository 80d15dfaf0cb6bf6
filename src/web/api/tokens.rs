//! `POST /api/tokens`, `POST /api/tokens/recover`

use axum::{
    Json as Answer,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::{
    core::{offer::tier_name, order::Subject, time::Timestamp},
    sale::Redeemed,
    web::{
        client::Client,
        extract::Json,
        limits::Kind,
        problem::ApiError,
        state::{Shared, Web},
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedeemRequest {
    ticket: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoverRequest {
    payment_request: String,
    preimage: String,
}

#[derive(Serialize)]
struct TokenAnswer {
    token: String,
    scope: String,
    tier: &'static str,
    expires_at: Option<Timestamp>,
    /// What outages have added to that, in seconds.
    credit_s: u64,
    subject: Subject,
    /// The film it was bought for, while it is there.
    title: Option<TitleName>,
    /// The tag of a collection, while it is sold.
    tag: Option<String>,
}

#[derive(Serialize)]
struct TitleName {
    id: String,
    name: String,
}

pub async fn redeem(
    State(web): State<Shared>,
    client: Client,
    Json(request): Json<RedeemRequest>,
) -> Result<Response, ApiError> {
    web.count(Kind::Token, client)?;
    Ok(answer(&web, web.sale.redeem(&request.ticket).await?))
}

pub async fn recover(
    State(web): State<Shared>,
    client: Client,
    Json(request): Json<RecoverRequest>,
) -> Result<Response, ApiError> {
    web.count(Kind::Recovery, client)?;
    Ok(answer(
        &web,
        web.sale
            .recover(&request.payment_request, &request.preimage)
            .await?,
    ))
}

fn answer(web: &Web, redeemed: Redeemed) -> Response {
    let title = redeemed.order.page();
    let title = title.and_then(|id| web.sale.title(id));
    let tag = redeemed.order.tier.tag();
    let title = title.map(|title| TitleName {
        id: title.id.to_string(),
        name: title.name.to_string(),
    });
    let credit_s = web.sale.credit_s(&redeemed.access);
    let answer = TokenAnswer {
        token: redeemed.token,
        scope: redeemed.access.scope.to_string(),
        tier: tier_name(redeemed.access.tier),
        expires_at: redeemed.access.end(credit_s),
        credit_s,
        subject: redeemed.access.subject,
        title,
        tag: tag.and_then(|tag| web.sale.tag_name(tag)),
    };
    ([(header::CACHE_CONTROL, "no-store")], Answer(answer)).into_response()
}
