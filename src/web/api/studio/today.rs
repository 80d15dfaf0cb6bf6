//! `GET /api/studio/today`: the figures of the day, and how the node and the disk are.

use axum::{
    Json as Answer,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::sales::{DayView, by_day, offset_s};
use crate::{
    core::money::Sats,
    studio::Disk,
    web::{extract::Query, problem::ApiError, state::Shared},
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TodayQuery {
    offset_min: Option<i64>,
}

#[derive(Serialize)]
struct Figures {
    today: Option<DayView>,
    yesterday: Option<DayView>,
    /// Who looks at a code and has not paid yet.
    waiting_viewers: u64,
    node: Node,
    disk: Option<Disk>,
    version: &'static str,
}

#[derive(Serialize)]
struct Node {
    /// `lnd`, `btcpay` or `wallet`.
    backend: &'static str,
    up: bool,
    /// What is wrong, in the node's words.
    fault: Option<String>,
    /// The most that one payment can bring; null: unknown, or without limit.
    inbound_sat: Option<Sats>,
    /// The dearest price that is asked anywhere on the site.
    dearest_sat: Option<Sats>,
    /// No channel can bring the dearest price: it can't be sold.
    too_little_inbound: bool,
    /// What settled while the server was down has been taken in.
    reconciled: bool,
}

pub async fn read(
    State(web): State<Shared>,
    Query(query): Query<TodayQuery>,
) -> Result<Response, ApiError> {
    let mut days = by_day(&web, 2, offset_s(query.offset_min)?).await?;
    let disk = tokio::task::spawn_blocking({
        let web = web.clone();
        move || web.studio.disk()
    });
    let (seen, fault) = web.scrape.seen().await;
    let figures = Figures {
        today: days.pop(),
        yesterday: days.pop(),
        waiting_viewers: web.sale.metrics.event_streams.now(),
        node: Node {
            backend: web.studio.backend,
            up: seen.up,
            fault,
            inbound_sat: seen.inbound,
            dearest_sat: seen.dearest,
            too_little_inbound: matches!(
                (seen.inbound, seen.dearest),
                (Some(inbound), Some(dearest)) if inbound < dearest
            ),
            reconciled: seen.reconciled,
        },
        disk: disk.await.ok().flatten(),
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Answer(figures)).into_response())
}
