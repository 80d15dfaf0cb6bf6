//! `/api/studio/titles`: every title in whatever state, edited and taken down.
//!
//! An edit names the version that it was made from, by `If-Match` (RFC 9110 §13.1.1), so that what
//! somebody wrote by hand meanwhile is never lost.

use std::collections::HashMap;

use axum::{
    Json as Answer,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use satreel_hls::{naming::VideoId, title::Tier};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::{
    catalog::{Title, TitleFault},
    core::{money::Sats, time::Timestamp},
    ledger::{Sold, Takings},
    studio::titles::{Condition, Error, Stored},
    web::{
        api::titles::{poster_url, state_name},
        extract::{Json, PathPart},
        problem::ApiError,
        state::{Shared, Web},
    },
};

#[derive(Serialize)]
struct List {
    titles: Vec<View>,
    /// Files that are wrong now, with the line and what to do.
    faults: Vec<TitleFault>,
    /// What a title offers that has no tiers of its own.
    usual_tiers: Vec<Tier>,
}

/// A title as its creator sees it.
#[derive(Serialize)]
struct View {
    id: VideoId,
    name: String,
    description: String,
    year: Option<u16>,
    tags: Vec<String>,
    /// Null: the site's own.
    tiers: Option<Value>,
    preview_s: u32,
    state: &'static str,
    duration_s: Option<f64>,
    width: Option<u32>,
    height: Option<u32>,
    created_at: Timestamp,
    poster: Option<String>,
    file_name: Option<String>,
    sales: u64,
    received_sat: Sats,
    tips_sat: Sats,
    /// Who bought it for ever, and whose rent still runs.
    owned: u64,
    running: u64,
    /// To be sent as `If-Match` with a change.
    etag: String,
}

struct Figures {
    takings: HashMap<Sold, Takings>,
    tips: HashMap<VideoId, Sats>,
}

pub async fn list(State(web): State<Shared>) -> Result<Response, ApiError> {
    let titles = web.sale.catalog.all();
    let stored = on_disk(&web, {
        let ids: Vec<_> = titles.iter().map(|title| title.id).collect();
        move |web| {
            ids.iter()
                .map(|id| web.studio.titles.read(*id).ok())
                .collect::<Vec<_>>()
        }
    });
    let stored = stored.await?;
    let figures = figures(&web).await?;
    let pairs = titles.iter().zip(stored);
    let views = pairs.filter_map(|(title, stored)| Some(view(title, &stored?, &figures)));
    let list = List {
        titles: views.collect(),
        faults: web.sale.catalog.faults(),
        usual_tiers: web.studio.usual_tiers.clone(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Answer(list)).into_response())
}

pub async fn one(
    State(web): State<Shared>,
    PathPart(id): PathPart<VideoId>,
) -> Result<Response, ApiError> {
    let stored = on_disk(&web, move |web| web.studio.titles.read(id)).await??;
    shown(&web, id, &stored).await
}

pub async fn edit(
    State(web): State<Shared>,
    PathPart(id): PathPart<VideoId>,
    headers: HeaderMap,
    Json(changes): Json<Map<String, Value>>,
) -> Result<Response, ApiError> {
    let condition = condition(&headers)?;
    let mut follower = follower(&web);
    let stored = on_disk(&web, move |web| {
        web.studio.titles.edit(id, &condition, changes)
    });
    let stored = stored.await??;
    taken_in(&mut follower).await;
    shown(&web, id, &stored).await
}

#[derive(Serialize)]
struct Deleted {
    freed_bytes: u64,
    /// Purchases whose owners have nothing to play any more.
    owned: u64,
    running: u64,
    /// What stays behind, in words.
    left: &'static str,
}

const LEFT: &str = "The sales record stays. Who bought the film keeps a purchase that opens nothing, \
    unless the same file is added again. The file it was made of stays where it is.";

pub async fn delete(
    State(web): State<Shared>,
    PathPart(id): PathPart<VideoId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let condition = condition(&headers)?;
    let takings = figures(&web).await?.takings.remove(&Sold::Title(id));
    let takings = takings.unwrap_or_default();
    let mut follower = follower(&web);
    let freed_bytes = on_disk(&web, move |web| web.studio.titles.delete(id, &condition)).await??;
    tracing::info!(%id, freed_bytes, "a title was deleted in the studio");
    taken_in(&mut follower).await;
    let deleted = Deleted {
        freed_bytes,
        owned: takings.owned,
        running: takings.running,
        left: LEFT,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Answer(deleted)).into_response())
}

pub(super) fn follower(web: &Web) -> watch::Receiver<u64> {
    let mut catalog = web.sale.catalog.changed();
    catalog.mark_unchanged();
    catalog
}

/// The catalogue follows the disk by itself; what asks right after a change should see it. It may
/// be slow, and a change that alters nothing wakes nobody.
pub(super) async fn taken_in(catalog: &mut watch::Receiver<u64>) {
    let patience = std::time::Duration::from_millis(500);
    let _ = tokio::time::timeout(patience, catalog.changed()).await;
}

/// RFC 9110 §13.1.1; only strong tags match.
pub(super) fn condition(headers: &HeaderMap) -> Result<Condition, ApiError> {
    let mut values = headers.get_all(header::IF_MATCH).iter().peekable();
    if values.peek().is_none() {
        return Err(ApiError::NoCondition);
    }
    let mut marks = Vec::new();
    for value in values {
        let text = value.to_str().unwrap_or_default();
        for tag in text.split(',').map(str::trim) {
            if tag == "*" {
                return Ok(Condition::Any);
            }
            let mark = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            marks.extend(mark.map(str::to_owned));
        }
    }
    Ok(Condition::Marks(marks))
}

pub(super) async fn on_disk<T: Send + 'static>(
    web: &Shared,
    work: impl FnOnce(&Web) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let web = web.clone();
    let done = tokio::task::spawn_blocking(move || work(&web)).await;
    done.map_err(|error| ApiError::Internal(error.into()))
}

async fn shown(web: &Web, id: VideoId, stored: &Stored) -> Result<Response, ApiError> {
    let title = web.sale.catalog.get(&id).ok_or(Error::Unknown)?;
    let view = view(&title, stored, &figures(web).await?);
    let mut response = (StatusCode::OK, Answer(&view)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(tag) = HeaderValue::from_str(&view.etag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

async fn figures(web: &Web) -> Result<Figures, ApiError> {
    let ledger = &web.sale.ledger;
    let read = async {
        Ok::<_, crate::ledger::Error>(Figures {
            takings: ledger.takings(web.sale.clock.now()).await?,
            tips: ledger.tips_by_title().await?,
        })
    };
    read.await.map_err(|error| ApiError::Sale(error.into()))
}

/// What the file says goes before what the catalogue has taken in so far.
fn view(title: &Title, stored: &Stored, figures: &Figures) -> View {
    let file = |key: &str| stored.keys.get(key);
    let text = |key: &str| file(key).and_then(Value::as_str).map(str::to_owned);
    let number = |key: &str| file(key).and_then(Value::as_u64);
    let tags = file("tags").and_then(Value::as_array);
    let tags = tags.into_iter().flatten().filter_map(Value::as_str);
    let takings = figures.takings.get(&Sold::Title(title.id));
    let takings = takings.copied().unwrap_or_default();
    let source = file("source").and_then(|source| source.get("file_name"));
    View {
        id: title.id,
        name: text("name").unwrap_or_else(|| title.name.to_string()),
        description: text("description").unwrap_or_default(),
        year: number("year").and_then(|year| year.try_into().ok()),
        tags: tags.map(str::to_owned).collect(),
        tiers: file("tiers").filter(|tiers| !tiers.is_null()).cloned(),
        preview_s: number("preview_s")
            .and_then(|s| s.try_into().ok())
            .unwrap_or(0),
        state: state(file("state")).unwrap_or_else(|| state_name(title.state)),
        duration_s: title.duration_s,
        width: title.width,
        height: title.height,
        created_at: title.created_at,
        poster: poster_url(title),
        file_name: source.and_then(Value::as_str).map(str::to_owned),
        sales: takings.sales,
        received_sat: takings.received,
        tips_sat: figures.tips.get(&title.id).copied().unwrap_or_default(),
        owned: takings.owned,
        running: takings.running,
        etag: format!("\"{}\"", stored.mark),
    }
}

fn state(value: Option<&Value>) -> Option<&'static str> {
    let state = serde_json::from_value(value?.clone()).ok()?;
    Some(state_name(state))
}
