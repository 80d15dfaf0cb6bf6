//! `/overlay/{secret}`: a channel's tips and its goal over the creator's own picture, as a browser source
//! of OBS.
//!
//! SECURITY: the address is the secret, `<channel>_<128 random bits>`; the channel's file has its hash.
//! It shows what a channel's page may show, and opens nothing. No cookie is read or set.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::{sync::watch, time::Instant};

use super::{
    client::Client,
    extract::PathPart,
    limits::{Kind, Seat},
    pages,
    problem::ApiError,
    state::{Shared, Web},
};
use crate::{
    catalog::Channel,
    event_stream::{EventStream, KEEP_ALIVE, event},
};

/// Nothing from elsewhere, nothing inline, nothing sent anywhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// How often it is looked at though nothing is told: another server may record a tip.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_secs(15);

pub async fn page(
    State(web): State<Shared>,
    client: Client,
    secret: Result<PathPart<String>, ApiError>,
) -> Response {
    let found = secret.and_then(|PathPart(secret)| known(&web, client, &secret));
    if found.is_err() {
        return super::site::not_found(State(web)).await;
    }
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, pages::overlay(&web.assets)).into_response()
}

/// The channel whose overlay has this address.
fn known(web: &Web, client: Client, secret: &str) -> Result<Arc<Channel>, ApiError> {
    let found = satreel_hls::live::channel::ChannelName::of_key(secret)
        .and_then(|name| web.sale.channels.get(&name.to_string()))
        .filter(|channel| opens(channel, secret));
    if found.is_none() {
        // Whoever guesses is slowed down like one who guesses at the studio's door.
        web.count(Kind::Knock, client)?;
    }
    found.ok_or(ApiError::UnknownPath)
}

fn opens(channel: &Channel, secret: &str) -> bool {
    let hash = hex::encode(Sha256::digest(secret.as_bytes()));
    let known = channel.file.overlay_sha256.as_deref().unwrap_or_default();
    // SECURITY: constant time, as for stream keys.
    bool::from(hash.as_bytes().ct_eq(known.as_bytes()))
}

/// Somebody's OBS.
struct Watch {
    web: Shared,
    channel: String,
    secret: String,
    changed: watch::Receiver<u64>,
    settings: watch::Receiver<u64>,
    told: String,
    spoken: Instant,
    _seat: Seat,
}

pub async fn events(
    State(web): State<Shared>,
    client: Client,
    PathPart(secret): PathPart<String>,
) -> Result<Response, ApiError> {
    let channel = known(&web, client, &secret)?;
    let watch = Watch {
        changed: web.sale.ledger.tips_changed(),
        settings: web.sale.channels.version(),
        _seat: web.limits.stream(client)?,
        channel: channel.id.to_string(),
        secret,
        web,
        told: String::new(),
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
    /// The board when it has changed, or a sign of life; None when the address opens nothing any
    /// more.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let channel = self.web.sale.channels.get(&self.channel);
            let channel = channel.filter(|channel| opens(channel, &self.secret))?;
            match self.web.boards.of(&self.web, &channel).await {
                Ok(board) => {
                    let board = serde_json::to_string(&*board).ok()?;
                    if board != self.told {
                        self.told = board;
                        return Some(event("board", &self.told));
                    }
                }
                // A record that can't be read now is read at the next look.
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "tips not read");
                }
            }
            if self.spoken.elapsed() >= SILENCE {
                return Some(KEEP_ALIVE);
            }
            tokio::select! {
                _ = self.changed.changed() => {}
                _ = self.settings.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}
