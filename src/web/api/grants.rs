//! `POST /api/grants`

use axum::{
    Json as Answer,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use satreel_hls::naming::{MediaFile, VideoId};
use serde::{Deserialize, Serialize};

use crate::{
    core::{
        grant::{Extent, Session},
        time::Timestamp,
    },
    media::path::PREFIX,
    sale::{GrantRequest, Granted},
    web::{
        client::Client,
        extract::{Bearer, Json},
        limits::Kind,
        problem::ApiError,
        state::Shared,
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    title: VideoId,
    /// The playing that this renews.
    session: Option<String>,
    #[serde(default)]
    whole_timeline: bool,
    #[serde(default)]
    native: bool,
}

#[derive(Serialize)]
struct GrantAnswer {
    grant: String,
    master_url: String,
    expires_at: Timestamp,
    session: String,
    /// Whether it opens the whole film.
    full: bool,
    /// Where the free part ends, in seconds; null when it opens the whole film.
    preview_s: Option<f64>,
    /// When what was shown ends; null: never, or nothing was shown.
    ends_at: Option<Timestamp>,
    /// What outages have added to that, in seconds.
    credit_s: u64,
    /// The server's clock, since the viewer's may be wrong.
    now: Timestamp,
}

pub async fn create(
    State(web): State<Shared>,
    client: Client,
    Bearer(token): Bearer,
    Json(request): Json<Request>,
) -> Result<Response, ApiError> {
    web.count(Kind::Grant, client)?;
    let session = match request.session {
        None => None,
        Some(text) => Some(
            text.parse::<Session>()
                .map_err(|error| ApiError::invalid(error.to_string()))?,
        ),
    };
    let asked = GrantRequest {
        title: request.title,
        token,
        session,
        whole_timeline: request.whole_timeline,
        native: request.native,
    };
    let granted = web.sale.grant(asked).await?;
    let now = web.sale.clock.now();
    Ok((
        [(header::CACHE_CONTROL, "no-store")],
        Answer(answer(granted, now)),
    )
        .into_response())
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a film's length in microseconds is far below 2^53"
)]
fn answer(granted: Granted, now: Timestamp) -> GrantAnswer {
    GrantAnswer {
        master_url: master_url(&granted),
        expires_at: granted.grant.expires_at,
        session: granted.grant.session.to_string(),
        full: granted.grant.extent == Extent::Film,
        preview_s: granted.preview_end_us.map(|end| end as f64 / 1e6),
        ends_at: granted.rent.map(|rent| rent.ends_at),
        credit_s: granted.rent.map_or(0, |rent| rent.credit_s),
        now,
        grant: granted.text,
    }
}

/// Where a player begins.
pub fn master_url(granted: &Granted) -> String {
    format!(
        "{PREFIX}{}/{}/{}",
        granted.text,
        granted.grant.title,
        MediaFile::Master
    )
}
