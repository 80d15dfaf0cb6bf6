//! `/api/studio/channels`: live channels made, priced, scheduled; their stream keys, and how the
//! uplink is while one is on air.

use axum::{
    Json as Answer,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use satreel_hls::live::{
    broadcast::{HealthFile, Outage, Standing},
    channel::ChannelFile,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    catalog::{Channel, channels::ChannelFault},
    core::{ids::VideoId, time::Timestamp},
    media::live::Broadcast,
    studio::channels::StreamKey,
    web::{
        api::known,
        extract::{Json, PathPart},
        problem::ApiError,
        state::{Shared, Web},
    },
};

#[derive(Serialize)]
struct List {
    channels: Vec<View>,
    /// Files that are wrong now, and what to do.
    faults: Vec<ChannelFault>,
    /// What OBS calls the server.
    server_url: String,
}

/// A channel as its creator sees it.
#[derive(Serialize)]
struct View {
    id: String,
    #[serde(flatten)]
    settings: Map<String, Value>,
    url: String,
    broadcast: Option<OnAir>,
}

#[derive(Serialize)]
struct OnAir {
    id: VideoId,
    standing: Standing,
    started_at: Timestamp,
    /// Sessions that asked for it lately.
    viewers: usize,
    outages: Vec<Outage>,
    /// Why it is not recorded any more.
    unrecorded: Option<String>,
    /// What the ingest doctor says; null before the first second.
    health: Option<HealthFile>,
}

pub async fn list(State(web): State<Shared>) -> Result<Response, ApiError> {
    let done = tokio::task::spawn_blocking(move || List {
        channels: web
            .sale
            .channels
            .all()
            .iter()
            .map(|channel| view(&web, channel))
            .collect(),
        faults: web.sale.channels.faults(),
        server_url: web.studio.rtmp_url.clone(),
    });
    let list = done
        .await
        .map_err(|error| ApiError::Internal(error.into()))?;
    Ok(private(StatusCode::OK, &list))
}

pub async fn one(
    State(web): State<Shared>,
    PathPart(name): PathPart<String>,
) -> Result<Response, ApiError> {
    let shown = on_disk(web, move |web| Ok(view(web, &*known(web, &name)?))).await?;
    Ok(private(StatusCode::OK, &shown))
}

#[derive(Deserialize)]
pub struct New {
    id: String,
    #[serde(flatten)]
    settings: Map<String, Value>,
}

/// A new stream key: this once.
#[derive(Serialize)]
struct Made {
    id: String,
    key: String,
    /// What OBS calls the server.
    server_url: String,
    /// Server and key in one, for ffmpeg.
    publish_url: String,
}

pub async fn add(State(web): State<Shared>, Json(new): Json<New>) -> Result<Response, ApiError> {
    let made = on_disk(web, move |web| {
        let (channel, key) = web.studio.channels.add(&new.id, new.settings)?;
        web.sale.channels.changed();
        tracing::info!(channel = %channel.id, "a channel was made in the studio");
        Ok(made(web, channel.id.to_string(), &key))
    });
    Ok(private(StatusCode::CREATED, &made.await?))
}

pub async fn edit(
    State(web): State<Shared>,
    PathPart(name): PathPart<String>,
    Json(changes): Json<Map<String, Value>>,
) -> Result<Response, ApiError> {
    let shown = on_disk(web, move |web| {
        let channel = web.studio.channels.edit(&name, changes)?;
        web.sale.channels.changed();
        Ok(view(web, &channel))
    });
    Ok(private(StatusCode::OK, &shown.await?))
}

pub async fn rotate(
    State(web): State<Shared>,
    PathPart(name): PathPart<String>,
) -> Result<Response, ApiError> {
    let made = on_disk(web, move |web| {
        let key = web.studio.channels.rotate(&name)?;
        web.sale.channels.changed();
        tracing::info!(channel = %name, "a stream key was replaced in the studio");
        Ok(made(web, name, &key))
    });
    Ok(private(StatusCode::OK, &made.await?))
}

/// An overlay's address: this once.
#[derive(Serialize)]
struct Overlay {
    url: String,
}

pub async fn open_overlay(
    State(web): State<Shared>,
    PathPart(name): PathPart<String>,
) -> Result<Response, ApiError> {
    let opened = on_disk(web, move |web| {
        let secret = web.studio.channels.open_overlay(&name)?;
        web.sale.channels.changed();
        tracing::info!(channel = %name, "an overlay got a new address in the studio");
        let site = web.site.url.as_deref().unwrap_or_default();
        Ok(Overlay {
            url: format!("{site}/overlay/{}", secret.reveal()),
        })
    });
    Ok(private(StatusCode::OK, &opened.await?))
}

pub async fn close_overlay(
    State(web): State<Shared>,
    PathPart(name): PathPart<String>,
) -> Result<Response, ApiError> {
    on_disk(web, move |web| {
        web.studio.channels.close_overlay(&name)?;
        web.sale.channels.changed();
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn remove(
    State(web): State<Shared>,
    PathPart(name): PathPart<String>,
) -> Result<Response, ApiError> {
    on_disk(web, move |web| {
        web.studio.channels.remove(&name)?;
        web.sale.channels.changed();
        tracing::info!(channel = %name, "a channel was removed in the studio");
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn made(web: &Web, id: String, key: &StreamKey) -> Made {
    let server_url = web.studio.rtmp_url.clone();
    Made {
        id,
        key: key.reveal().to_owned(),
        publish_url: format!("{server_url}/{}", key.reveal()),
        server_url,
    }
}

fn view(web: &Web, channel: &Channel) -> View {
    let id = channel.id.to_string();
    let on_air = web.sale.live.of_channel(&id);
    View {
        settings: settings(&channel.file),
        url: format!("/live/{id}"),
        broadcast: on_air.map(|broadcast| on_air_view(web, &broadcast)),
        id,
    }
}

/// All but the key's hash, which is nobody's business.
fn settings(file: &ChannelFile) -> Map<String, Value> {
    let Ok(Value::Object(mut keys)) = serde_json::to_value(file) else {
        return Map::new();
    };
    keys.remove("key_sha256");
    let overlay = keys.remove("overlay_sha256").is_some();
    keys.insert("overlay".to_owned(), Value::Bool(overlay));
    // What is not set is said too, so that every channel has the same fields.
    for key in ["tiers", "starts_at", "goal", "mode"] {
        keys.entry(key).or_insert(Value::Null);
    }
    keys.entry("passes")
        .or_insert_with(|| Value::Array(Vec::new()));
    keys.entry("description")
        .or_insert_with(|| Value::String(String::new()));
    keys
}

fn on_air_view(web: &Web, broadcast: &Broadcast) -> OnAir {
    let about = broadcast.about();
    OnAir {
        id: broadcast.id,
        standing: about.standing,
        started_at: Timestamp::from_unix(about.started_ms / 1000),
        viewers: broadcast.viewers(web.sale.clock.now()),
        outages: about.outages.clone(),
        unrecorded: about.unrecorded.clone(),
        health: web.sale.live.health(broadcast.id),
    }
}

fn private(status: StatusCode, body: &impl Serialize) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Answer(body)).into_response()
}

async fn on_disk<T: Send + 'static>(
    web: Shared,
    work: impl FnOnce(&Web) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(move || work(&web)).await;
    done.map_err(|error| ApiError::Internal(error.into()))?
}
