//! `/api/studio/titles/{id}/poster`: which picture stands for a title, chosen among those that were
//! made or brought from outside; `/pictures/{file}` beside it shows what nobody else may see.
//!
//! A picture's bytes pass through to the transcoder unread. Whoever sends one waits for its answer.

use std::time::Duration;

use axum::{
    Json as Answer, Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use satreel_hls::{
    job::MAX_PICTURE_BYTES,
    naming::{MediaFile, VideoId},
};
use serde::{Deserialize, Serialize};

use super::titles::{condition, follower, on_disk, taken_in};
use crate::{
    catalog::Title,
    media::{
        respond::{Content, respond},
        store,
    },
    sale,
    studio::{
        jobs::Asked,
        posters::{Gallery, Wanted},
        titles::Error,
    },
    web::{
        api::titles::{poster_url, shown_url},
        body,
        extract::PathPart,
        problem::ApiError,
        state::Shared,
    },
};

/// How long a picture may take to arrive, and the transcoder to answer.
const ARRIVAL: Duration = Duration::from_mins(1);
const PATIENCE: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(50);
const PICTURES: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];
#[allow(clippy::cast_possible_truncation, reason = "some megabytes")]
const LIMIT: usize = MAX_PICTURE_BYTES as usize;

/// Outside of the layer that takes small bodies into memory.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/studio/titles/{id}/poster", get(read).put(put))
        .route("/api/studio/titles/{id}/pictures/{file}", get(picture))
}

#[derive(Serialize)]
struct View {
    poster: Option<String>,
    choices: Vec<Choice>,
    /// The poster is none of these.
    own: bool,
    /// All of the film in small pictures.
    sheets: Vec<String>,
    hover: Option<String>,
    waveform: Option<String>,
    /// Another was asked for, and comes when the transcoder runs.
    waiting: bool,
    /// To be sent as `If-Match` with a change.
    etag: String,
}

#[derive(Serialize)]
struct Choice {
    number: u32,
    picture: String,
    /// It is the poster.
    shown: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    choice: u32,
}

async fn read(
    State(web): State<Shared>,
    PathPart(id): PathPart<VideoId>,
) -> Result<Response, ApiError> {
    shown(&web, id, StatusCode::OK).await
}

async fn put(
    State(web): State<Shared>,
    PathPart(id): PathPart<VideoId>,
    request: Request,
) -> Result<Response, ApiError> {
    let condition = condition(request.headers())?;
    let asked = asked(request).await?;
    web.sale.catalog.get(&id).ok_or(Error::Unknown)?;
    let mut follower = follower(&web);
    let wish = on_disk(&web, move |web| {
        let wanted = match &asked {
            Put::Choice(number) => Wanted::Choice(*number),
            Put::Picture(bytes) => Wanted::Picture(bytes),
        };
        let wish = web.studio.posters.prepare(id, &condition, &wanted)?;
        Ok::<_, Error>(web.studio.jobs.ask_and_wait(&wish)?)
    });
    match answer(&web, wish.await??).await? {
        Some(Ok(())) => {
            taken_in(&mut follower).await;
            shown(&web, id, StatusCode::OK).await
        }
        Some(Err(why)) => Err(ApiError::field("poster", why)),
        None => shown(&web, id, StatusCode::ACCEPTED).await,
    }
}

enum Put {
    Choice(u32),
    Picture(Bytes),
}

async fn asked(request: Request) -> Result<Put, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_picture = PICTURES.contains(&kind.as_str());
    if !is_picture && kind != "application/json" {
        return Err(ApiError::Request {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            detail:
                "send a JPEG, PNG or WebP picture under its Content-Type, or {\"choice\": 1} as \
                     application/json"
                    .to_owned(),
        });
    }
    let too_long = "the picture has more than 10 MB: save it smaller";
    let bytes = body::whole(request.into_body(), LIMIT, ARRIVAL, too_long).await?;
    if is_picture {
        return Ok(Put::Picture(bytes));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Chosen { choice }) => Ok(Put::Choice(choice)),
        Err(error) if error.is_data() => Err(ApiError::invalid(error.to_string())),
        Err(error) => Err(ApiError::Request {
            status: StatusCode::BAD_REQUEST,
            detail: format!("the body is not JSON: {error}"),
        }),
    }
}

/// What the transcoder says. None: it has not taken the wish yet, and will when it runs.
async fn answer(web: &Shared, asked: Asked) -> Result<Option<Result<(), String>>, ApiError> {
    let asked = std::sync::Arc::new(asked);
    let until = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < until {
        let asked = asked.clone();
        if let Some(answer) = on_disk(web, move |_| asked.answer()).await? {
            return Ok(Some(answer));
        }
        tokio::time::sleep(GLANCE).await;
    }
    Ok(None)
}

async fn shown(web: &Shared, id: VideoId, status: StatusCode) -> Result<Response, ApiError> {
    let title = web.sale.catalog.get(&id).ok_or(Error::Unknown)?;
    let gallery = on_disk(web, move |web| web.studio.posters.gallery(id)).await??;
    let view = view(&title, gallery, status == StatusCode::ACCEPTED);
    let mut response = (status, Answer(&view)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(tag) = HeaderValue::from_str(&view.etag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

fn view(title: &Title, gallery: Gallery, waiting: bool) -> View {
    let url = |file: MediaFile| format!("/api/studio/titles/{}/pictures/{file}", title.id);
    let choice = |(number, shown)| Choice {
        number,
        picture: url(MediaFile::Choice(number)),
        shown,
    };
    let sheet = |number| url(MediaFile::Sprite(number));
    View {
        poster: poster_url(title),
        choices: gallery.choices.into_iter().map(choice).collect(),
        own: gallery.own,
        sheets: gallery.sheets.into_iter().map(sheet).collect(),
        hover: shown_url(title, MediaFile::Hover, title.beside.hover),
        waveform: shown_url(title, MediaFile::Waveform, title.beside.waveform),
        waiting,
        etag: format!("\"{}\"", gallery.mark),
    }
}

/// What the creator may see of a film without a purchase: stills of all of it, and no more.
async fn picture(
    State(web): State<Shared>,
    Path((id, file)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id: VideoId = id.parse().map_err(|_| Error::Unknown)?;
    let Ok(file @ (MediaFile::Choice(_) | MediaFile::Sprite(_))) = file.parse() else {
        return Err(ApiError::UnknownPath);
    };
    web.sale.catalog.get(&id).ok_or(Error::Unknown)?;
    let asset = web.sale.store.load(id, file, None).await;
    let asset = asset.map_err(|error| match error {
        store::Error::Absent => ApiError::UnknownPath,
        other => ApiError::Sale(sale::Error::Media(other)),
    })?;
    let content = Content {
        bytes: &asset.bytes,
        gzip: None,
        etag: &asset.etag,
        content_type: asset.content_type,
        // A new making draws others under the same names.
        cache_control: "private, no-cache",
    };
    Ok(respond(&headers, method == Method::HEAD, content)
        .map(Body::new)
        .into_response())
}
