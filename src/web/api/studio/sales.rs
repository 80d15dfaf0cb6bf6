//! `GET /api/studio/sales`: the newest sales and tips, and each day's sums; as a table with
//! `Accept: text/csv`, and as they happen with `Accept: text/event-stream`.

use axum::{
    Json as Answer,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::events;
use crate::{
    core::time::Timestamp,
    ledger::{self, Day, Sale, Sold, Tip},
    studio::sales as report,
    web::{
        client::Client,
        extract::Query,
        problem::ApiError,
        state::{Shared, Web},
    },
};

const NEWEST: u32 = 100;
const MOST: u32 = 1000;
/// Days that a chart shows.
const DAYS: u64 = 30;
const MOST_DAYS: u64 = 366;
const DAY_S: u64 = 86_400;
/// From one end of the world to the other.
const MOST_OFFSET_MIN: i64 = 14 * 60;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SalesQuery {
    limit: Option<u32>,
    days: Option<u64>,
    /// How far the reader's clock is ahead of UTC: his days begin so much earlier.
    offset_min: Option<i64>,
}

#[derive(Serialize)]
struct Report {
    sales: Vec<Value>,
    tips: Vec<Value>,
    /// Oldest first, those without takings too; the last one is today.
    days: Vec<DayView>,
}

#[derive(Serialize)]
pub struct DayView {
    date: String,
    sales: u64,
    received_sat: u64,
    tips: u64,
    tips_sat: u64,
}

pub async fn read(
    State(web): State<Shared>,
    client: Client,
    headers: HeaderMap,
    Query(query): Query<SalesQuery>,
) -> Result<Response, ApiError> {
    let accept = headers.get(header::ACCEPT).map(HeaderValue::as_bytes);
    match accept {
        Some(b"text/csv") => table(State(web)).await,
        Some(b"text/event-stream") => events::follow(State(web), client).await,
        Some(_) | None => {
            let sales = list(&web, &query).await?;
            Ok(([(header::CACHE_CONTROL, "no-store")], Answer(sales)).into_response())
        }
    }
}

async fn list(web: &Web, query: &SalesQuery) -> Result<Report, ApiError> {
    let limit = query.limit.unwrap_or(NEWEST);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::field(
            "limit",
            format!("a number from 1 to {MOST}"),
        ));
    }
    let days = query.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(ApiError::field(
            "days",
            format!("a number from 1 to {MOST_DAYS}"),
        ));
    }
    let ledger = &web.sale.ledger;
    let sales = ledger.newest_sales(0, limit).await.map_err(not_read)?;
    let tips = ledger.newest_tips(0, limit).await.map_err(not_read)?;
    Ok(Report {
        sales: sales
            .iter()
            .map(|(number, one)| sale(web, *number, one))
            .collect(),
        tips: tips
            .iter()
            .map(|(number, one)| tip(web, *number, one))
            .collect(),
        days: by_day(web, days, offset_s(query.offset_min)?).await?,
    })
}

/// Seconds from minutes, if there is such a place.
pub fn offset_s(minutes: Option<i64>) -> Result<i64, ApiError> {
    let minutes = minutes.unwrap_or(0);
    if (-MOST_OFFSET_MIN..=MOST_OFFSET_MIN).contains(&minutes) {
        return Ok(minutes * 60);
    }
    let what = format!("minutes from -{MOST_OFFSET_MIN} to {MOST_OFFSET_MIN}");
    Err(ApiError::field("offset_min", what))
}

/// The last `days` days, today included.
pub async fn by_day(web: &Web, days: u64, offset_s: i64) -> Result<Vec<DayView>, ApiError> {
    let local = |seconds: u64| seconds.saturating_add_signed(offset_s);
    let today = local(web.sale.clock.now().as_unix()) / DAY_S;
    let first = today.saturating_sub(days - 1);
    let since = (first * DAY_S).saturating_add_signed(-offset_s);
    let taken = web.sale.ledger.days(Timestamp::from_unix(since), offset_s);
    let taken = taken.await.map_err(not_read)?;
    Ok((first..=today)
        .map(|number| {
            let day = taken.iter().find(|day| day.number == number).copied();
            day_view(number, day.unwrap_or_default())
        })
        .collect())
}

fn day_view(number: u64, day: Day) -> DayView {
    let noon = Timestamp::from_unix(number * DAY_S).to_string();
    DayView {
        date: noon.chars().take(10).collect(),
        sales: day.sales,
        received_sat: day.received.get(),
        tips: day.tips,
        tips_sat: day.tipped.get(),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is used as a function")]
pub fn not_read(error: ledger::Error) -> ApiError {
    ApiError::Sale(error.into())
}

/// A sale with its place in the record and what the title is called now.
pub fn sale(web: &Web, number: u64, sale: &Sale) -> Value {
    let name = match sale.sold {
        Sold::Title(id) => web
            .sale
            .catalog
            .get(&id)
            .map(|title| title.name.to_string()),
        Sold::Collection(tag) => web.sale.tag_name(tag),
    };
    with(report::sale(sale), number, name)
}

pub fn tip(web: &Web, number: u64, tip: &Tip) -> Value {
    let title = tip.title.and_then(|id| web.sale.title(id));
    let name = title.map(|title| title.name.to_string());
    let channel = || web.sale.channels.get(tip.channel.as_deref()?);
    let name = name.or_else(|| Some(channel()?.file.name.clone()));
    with(report::tip(tip), number, name)
}

fn with(mut view: Value, number: u64, name: Option<String>) -> Value {
    view["number"] = json!(number);
    view["name"] = name.into();
    view
}

/// `GET /api/studio/sales.csv`: all of them, for a spreadsheet.
pub async fn table(State(web): State<Shared>) -> Result<Response, ApiError> {
    let sales = web.sale.ledger.sales(Timestamp::default()).await;
    let mut text = String::from(report::CSV_HEAD);
    text.push_str("\r\n");
    for sale in sales.map_err(not_read)? {
        text.push_str(&report::csv(&sale));
        text.push_str("\r\n");
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"sales.csv\"",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, text).into_response())
}
