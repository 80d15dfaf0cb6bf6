//! `GET /api/channels`, `GET /api/channels/{name}`, `GET /api/channels/{name}/events`

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use satreel_hls::{
    live::{broadcast::Standing, channel::ChannelName},
    title::State as TitleState,
};
use serde::Serialize;
use tokio::{sync::watch, time::Instant};

use super::{title_view, title_views, titles::offer_view};
use crate::{
    catalog::{self, Channel},
    core::order::Order,
    event_stream::{EventStream, KEEP_ALIVE, event},
    studio::channels::Error,
    web::{
        client::Client,
        extract::PathPart,
        limits::Seat,
        pages,
        problem::ApiError,
        state::{Shared, Web},
    },
};

/// Recordings on a channel's page.
const RECORDINGS: u32 = 12;
/// How often a page that waits is told anew, whatever changed: the schedule is a file.
const LOOK_EVERY: Duration = Duration::from_secs(15);

#[derive(Serialize)]
struct List {
    channels: Vec<pages::Channel>,
}

pub async fn list(State(web): State<Shared>) -> Response {
    let mut channels = Vec::new();
    for channel in web.sale.channels.all() {
        channels.push(channel_view(&web, &channel).await);
    }
    (
        [(header::CACHE_CONTROL, "no-store")],
        Json(List { channels }),
    )
        .into_response()
}

pub async fn one(
    State(web): State<Shared>,
    PathPart(name): PathPart<String>,
) -> Result<Response, ApiError> {
    let view = channel_view(&web, &*known(&web, &name)?).await;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(view)).into_response())
}

/// The channel of this name.
pub fn known(web: &Web, name: &str) -> Result<Arc<Channel>, ApiError> {
    let channel = web.sale.channels.get(name);
    channel.ok_or_else(|| Error::Unknown.into())
}

/// A channel as viewers see it, with what is on air.
pub async fn channel_view(web: &Web, channel: &Channel) -> pages::Channel {
    let now = web.sale.clock.now();
    let id = channel.id.to_string();
    let broadcast = web.sale.live.of_channel(&id).filter(|one| one.has_begun());
    let title = broadcast.as_ref().and_then(|one| web.sale.on_air(one));
    let title = match title {
        Some(title) => Some(title_view(web, &title).await),
        None => None,
    };
    let starts_at = channel.starts_at.filter(|at| *at > now);
    let state = match broadcast.as_ref().map(|one| one.standing()) {
        Some(Standing::Live) => "live",
        Some(Standing::Away) => "away",
        Some(Standing::Ended) | None if starts_at.is_some() => "scheduled",
        Some(Standing::Ended) | None => "offline",
    };
    pages::Channel {
        name: channel.file.name.clone(),
        description: channel.file.description.clone(),
        state: state.to_owned(),
        starts_at: starts_at.map(|at| at.to_string()),
        passes: match title {
            Some(_) => Vec::new(),
            None => passes(web, channel),
        },
        title,
        url: format!("/live/{id}"),
        recordings: recordings(web, &channel.id).await,
        now: now.to_string(),
        id,
    }
}

fn passes(web: &Web, channel: &Channel) -> Vec<pages::Offer> {
    let passes = web.sale.passes_off_air(channel);
    let view = |pass| offer_view(web, Order::NOWHERE, pass);
    passes.iter().map(view).collect()
}

async fn recordings(web: &Web, channel: &ChannelName) -> Vec<pages::Title> {
    let found = web.sale.catalog.list(&catalog::Query {
        q: None,
        tag: Some(channel.to_string()),
        page: 1,
        per_page: RECORDINGS,
    });
    let mut titles = found.titles;
    titles.retain(|title| title.state == TitleState::Published);
    title_views(web, &titles).await
}

/// Somebody whose page shows a channel.
struct Watch {
    web: Shared,
    channel: String,
    changed: watch::Receiver<u64>,
    tips: watch::Receiver<u64>,
    settings: watch::Receiver<u64>,
    told: String,
    told_tips: String,
    spoken: Instant,
    _seat: Seat,
}

pub async fn events(
    State(web): State<Shared>,
    client: Client,
    PathPart(name): PathPart<String>,
) -> Result<Response, ApiError> {
    known(&web, &name)?;
    let watch = Watch {
        changed: web.sale.live.changed(),
        tips: web.sale.ledger.tips_changed(),
        settings: web.sale.channels.version(),
        _seat: web.limits.stream(client)?,
        web,
        channel: name,
        told: String::new(),
        told_tips: String::new(),
        spoken: Instant::now(),
    };
    let shutdown = watch.web.shutdown.clone();
    let events = stream::unfold(watch, async |mut watch| {
        let event = watch.next().await?;
        watch.spoken = Instant::now();
        Some((event, watch))
    });
    Ok(EventStream::new(events, shutdown).into_response())
}

impl Watch {
    /// The channel when something of it changed, or a sign of life; None when it is gone.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let channel = self.web.sale.channels.get(&self.channel)?;
            let view = channel_view(&self.web, &channel).await;
            let mut compared = view.clone();
            compared.now = String::new();
            let compared = serde_json::to_string(&compared).ok()?;
            if compared != self.told {
                self.told = compared;
                return Some(event("channel", &serde_json::to_string(&view).ok()?));
            }
            if let Some(tips) = self.tips(&channel).await {
                return Some(tips);
            }
            if self.spoken.elapsed() >= LOOK_EVERY {
                return Some(KEEP_ALIVE);
            }
            tokio::select! {
                _ = self.changed.changed() => {}
                _ = self.settings.changed() => {}
                _ = self.tips.changed(), if channel.file.tips_on_page => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// The tips, if they are shown here and others than before.
    async fn tips(&mut self, channel: &Channel) -> Option<Bytes> {
        let tips = if channel.file.tips_on_page {
            let board = self.web.boards.of(&self.web, channel).await;
            let board = board.inspect_err(|error| {
                tracing::warn!(error = error as &dyn std::error::Error, "tips not read");
            });
            serde_json::to_string(&board.ok()?.tips).ok()?
        } else if self.told_tips.is_empty() {
            return None;
        } else {
            "[]".to_owned()
        };
        if tips == self.told_tips {
            return None;
        }
        self.told_tips = tips;
        Some(event("tips", &self.told_tips))
    }
}
