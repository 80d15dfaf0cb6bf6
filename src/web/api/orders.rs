//! `POST /api/orders`, and how an order stands: once, as a stream, and as a QR code.

use std::{sync::Arc, time::Duration};

use axum::{
    Json as Answer,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use qrcode::{EcLevel, QrCode, render::svg};
use satreel_hls::naming::VideoId;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::known;
use crate::{
    core::{handle::Handle, ids::PaymentHash, money::Sats, time::Timestamp},
    event_stream::{self, EventStream, KEEP_ALIVE},
    metrics::Present,
    payments::settlement::Waiter,
    sale::{Page, PaymentState, Placed, Status},
    web::{
        client::Client,
        extract::{Json, PathPart},
        limits::{Kind, Seat},
        pay_uri,
        problem::ApiError,
        state::{Shared, Web},
    },
};

/// How long a waiting viewer's order is not looked up though nothing was heard: a stream or
/// webhook that got lost delays nobody for longer. At first often, then the wait grows with what
/// was waited already, so that many patient viewers don't keep the node busy.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const LOOK_AGAIN_MOST: Duration = Duration::from_secs(20);
/// After this long without news a sign of life is due.
const SILENCE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    title: Option<VideoId>,
    /// In a title's place, while nothing is on air: a pass of this channel.
    channel: Option<String>,
    tier: String,
    /// The browser's last ticket that was not paid: the same order is shown again.
    ticket: Option<String>,
}

/// An order that waits for its payment.
#[derive(Serialize)]
pub struct OrderAnswer {
    pub order: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    pub amount_sat: Sats,
    pub payment_request: String,
    pub payment_hash: PaymentHash,
    pub expires_at: Timestamp,
    /// A bitcoin address for the same amount, where the backend takes both.
    pub onchain: Option<String>,
    /// What a wallet opens: `lightning:`, or `bitcoin:` with both ways in one.
    pub pay_uri: String,
    /// Where the demo's own wallet pays it.
    pub demo_wallet: Option<String>,
}

impl OrderAnswer {
    pub fn new(web: &Web, placed: Placed) -> Self {
        let pay_uri = pay_uri::link(&placed.invoice);
        let request = placed.invoice.payment_request;
        Self {
            order: placed.order,
            ticket: placed.ticket,
            tier: placed.tier.map(|tier| web.sale.offer_id(&tier)),
            amount_sat: placed.amount,
            payment_hash: placed.invoice.payment_hash,
            expires_at: placed.invoice.expires_at,
            onchain: placed.invoice.onchain,
            pay_uri,
            demo_wallet: web.wallet_url(&request),
            payment_request: request,
        }
    }
}

pub async fn create(
    State(web): State<Shared>,
    client: Client,
    Json(request): Json<OrderRequest>,
) -> Result<Response, ApiError> {
    web.count(Kind::Order, client)?;
    let OrderRequest {
        title,
        channel,
        tier,
        ticket,
    } = request;
    let page = match (title, channel) {
        (Some(title), None) => Page::Title(title),
        (None, Some(channel)) => Page::Channel(known(&web, &channel)?),
        (Some(_), Some(_)) | (None, None) => {
            return Err(ApiError::invalid("give title or channel, one of them"));
        }
    };
    if let Some(ticket) = ticket
        && let Some(placed) = web.sale.order_again(page.clone(), &tier, &ticket).await?
    {
        return Ok(answer(&web, StatusCode::OK, placed));
    }
    let placed = web.sale.order(page, &tier).await?;
    Ok(created(&web, placed))
}

pub fn created(web: &Web, placed: Placed) -> Response {
    answer(web, StatusCode::CREATED, placed)
}

/// Never stored on the way: it carries the buyer's secret.
fn answer(web: &Web, status: StatusCode, placed: Placed) -> Response {
    let answer = OrderAnswer::new(web, placed);
    (
        status,
        [(header::CACHE_CONTROL, "no-store")],
        Answer(answer),
    )
        .into_response()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StatusAnswer {
    state: PaymentState,
    received_sat: Sats,
    amount_sat: Sats,
}

impl From<Status> for StatusAnswer {
    fn from(status: Status) -> Self {
        Self {
            state: status.state,
            received_sat: status.received,
            amount_sat: status.amount,
        }
    }
}

pub async fn status(
    State(web): State<Shared>,
    client: Client,
    PathPart(order): PathPart<String>,
) -> Result<Response, ApiError> {
    web.count(Kind::Look, client)?;
    let status: StatusAnswer = web
        .sale
        .status(&web.sale.open_handle(&order)?)
        .await?
        .into();
    Ok(([(header::CACHE_CONTROL, "no-store")], Answer(status)).into_response())
}

/// The state at once, then every change, until nothing more can happen.
pub async fn events(
    State(web): State<Shared>,
    client: Client,
    PathPart(order): PathPart<String>,
) -> Result<Response, ApiError> {
    web.count(Kind::Look, client)?;
    let seat = web.limits.stream(client)?;
    let handle = web.sale.open_handle(&order)?;
    // Listening begins before the first look, so that no settlement falls between the two.
    let waiter = web.sale.settlement.subscribe(&handle.invoice);
    // Asked before the stream begins, so that an unknown order is an error and not a silence.
    let first = web.sale.status(&handle).await?;
    let shutdown = web.shutdown.clone();
    let changes = changes(web, handle, waiter, first, seat);
    Ok(EventStream::new(changes, shutdown).into_response())
}

/// A viewer who waits.
struct Watch {
    web: Arc<Web>,
    handle: Handle,
    waiter: Waiter,
    begun: Instant,
    /// When something was last said.
    spoken: Instant,
    told: Option<Status>,
    next: Option<Status>,
    /// Counted as long as the stream lasts.
    _seat: Seat,
    _present: Present,
}

fn changes(
    web: Arc<Web>,
    handle: Handle,
    waiter: Waiter,
    first: Status,
    seat: Seat,
) -> impl Stream<Item = Bytes> {
    let now = Instant::now();
    let watch = Watch {
        _present: web.sale.metrics.event_streams.enter(),
        web,
        handle,
        waiter,
        begun: now,
        spoken: now,
        told: None,
        next: Some(first),
        _seat: seat,
    };
    stream::unfold(watch, async |mut watch| {
        let event = watch.next().await?;
        watch.spoken = Instant::now();
        Some((event, watch))
    })
}

impl Watch {
    /// The next change, or a sign of life; None when nothing more can happen.
    async fn next(&mut self) -> Option<Bytes> {
        if self.told.is_some_and(|told| told.state.is_final()) {
            return None;
        }
        loop {
            if let Some(status) = self.next.take().filter(|status| self.told != Some(*status)) {
                self.told = Some(status);
                return Some(event(status));
            }
            if self.spoken.elapsed() >= SILENCE {
                return Some(KEEP_ALIVE);
            }
            // Whichever comes first; both end in asking the node.
            let patience = (self.begun.elapsed() / 8).clamp(LOOK_AGAIN, LOOK_AGAIN_MOST);
            let _ = tokio::time::timeout(patience, self.waiter.changed()).await;
            // A node that is away for a moment is asked again in the next round. In a box: waiting
            // viewers have no room for what asking takes.
            self.next = Box::pin(self.web.sale.status(&self.handle)).await.ok();
        }
    }
}

fn event(status: Status) -> Bytes {
    let data = serde_json::to_string(&StatusAnswer::from(status)).unwrap_or_default();
    event_stream::event("state", &data)
}

/// The payment request as a picture, with the bitcoin address where there is one.
pub async fn qr(
    State(web): State<Shared>,
    client: Client,
    PathPart(order): PathPart<String>,
) -> Result<Response, ApiError> {
    web.count(Kind::Look, client)?;
    let handle = web.sale.open_handle(&order)?;
    let invoice = web.sale.look_up(&handle.invoice).await?;
    let svg = qr_svg(&pay_uri::qr_payload(&invoice))?;
    // With a part of it paid on chain the rest is another code.
    let kept = match invoice.onchain {
        Some(_) => "no-store",
        None => "private, max-age=3600",
    };
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, kept),
    ];
    Ok((headers, svg).into_response())
}

/// A QR code of what a wallet scans. Upper case packs tighter.
pub fn qr_svg(payload: &str) -> Result<String, ApiError> {
    let code = QrCode::with_error_correction_level(payload, EcLevel::L)
        .map_err(|error| ApiError::Internal(error.into()))?;
    // Always black on white with its quiet zone: cameras want it so, also in the dark.
    Ok(code
        .render::<svg::Color<'_>>()
        .min_dimensions(280, 280)
        .dark_color(svg::Color("#000000"))
        .light_color(svg::Color("#ffffff"))
        .quiet_zone(true)
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_qr_code_is_small_because_it_is_upper_case() {
        let request = format!("lnbcrt1u1{}", "q".repeat(300));
        let payload = format!("LIGHTNING:{}", request.to_ascii_uppercase());
        let svg = qr_svg(&payload).expect("a picture");
        assert!(svg.contains("<svg") && svg.contains("#ffffff"));
        let upper = QrCode::with_error_correction_level(
            format!("LIGHTNING:{}", request.to_ascii_uppercase()),
            EcLevel::L,
        );
        let lower = QrCode::with_error_correction_level(format!("lightning:{request}"), EcLevel::L);
        assert!(upper.expect("a code").width() < lower.expect("a code").width());
    }
}
