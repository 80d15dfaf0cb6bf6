//! `/api/studio/uploads`: films that arrive by tus 1.0 (<https://tus.io/protocols/resumable-upload>).
//!
//! Bodies go to disk as they come, so these routes stand outside the layer that takes bodies into
//! memory.

use std::time::{Duration, SystemTime};

use axum::{
    Json as Answer, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use http_body_util::BodyExt;
use satreel_hls::naming::VideoId;
use serde::Serialize;
use serde_json::json;

use crate::{
    core::time::Timestamp,
    studio::uploads::{
        Append, Done, Error, Finished, New, Standing, UploadId,
        tus::{self, Checksum},
    },
    web::{
        extract::PathPart,
        problem::ApiError,
        state::{Shared, Web},
    },
};

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
/// Ours: the title that the film becomes, once it is whole.
const SATREEL_TITLE: HeaderName = HeaderName::from_static("satreel-title");
/// Ours: the site has this film already.
const SATREEL_KNOWN: HeaderName = HeaderName::from_static("satreel-known");
const BYTES: &[u8] = b"application/offset+octet-stream";
const OVERRIDE: &str = "x-http-method-override";
/// A client that sends nothing for so long has gone.
const PATIENCE: Duration = Duration::from_mins(1);

pub fn routes() -> Router<Shared> {
    Router::new()
        .route(
            "/api/studio/uploads",
            get(list).post(create).options(abilities),
        )
        .route(
            "/api/studio/uploads/{id}",
            axum::routing::head(look)
                .patch(append)
                .delete(cancel)
                .options(abilities)
                .post(overridden),
        )
        .layer(middleware::from_fn(speak))
}

/// Every answer names the protocol's version.
async fn speak(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, HeaderValue::from_static(tus::VERSION));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if response.status() == StatusCode::PRECONDITION_FAILED {
        let version = HeaderValue::from_static(tus::VERSION);
        response.headers_mut().insert("tus-version", version);
    }
    response
}

/// What is spoken here.
#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn abilities(State(web): State<Shared>) -> Response {
    let most = web.studio.uploads.most_bytes().to_string();
    let headers = [
        ("tus-version", tus::VERSION),
        ("tus-extension", tus::EXTENSIONS),
        ("tus-checksum-algorithm", tus::ALGORITHMS),
        ("tus-max-size", &most),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

#[derive(Serialize)]
struct View {
    id: String,
    name: String,
    length: u64,
    offset: u64,
    /// `receiving`, `done`, or `known`: the site has this film already.
    state: &'static str,
    title: Option<VideoId>,
    expires_at: Timestamp,
}

impl From<Standing> for View {
    fn from(upload: Standing) -> Self {
        let done = upload.record.done;
        Self {
            id: upload.id.to_string(),
            name: upload.record.file_name,
            length: upload.record.length,
            offset: upload.offset,
            state: match done {
                None => "receiving",
                Some(Done { known: true, .. }) => "known",
                Some(Done { known: false, .. }) => "done",
            },
            title: done.map(|done| done.title),
            expires_at: Timestamp::from_unix(upload.record.expires_at),
        }
    }
}

/// For the page, which shows what waits for the rest of it.
pub async fn list(State(web): State<Shared>) -> Result<Response, ApiError> {
    let uploads = on_disk(&web, |web| web.studio.uploads.list()).await?;
    let views: Vec<View> = uploads.into_iter().map(View::from).collect();
    Ok(Answer(json!({ "uploads": views })).into_response())
}

/// Creation, with the first bytes if the client sends some.
pub async fn create(
    State(web): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    check_version(&headers)?;
    if headers.contains_key("upload-defer-length") {
        let detail = "say the length at once: Upload-Length";
        return Err(ApiError::Tus(StatusCode::BAD_REQUEST, detail.to_owned()));
    }
    let length = bytes(&headers, &UPLOAD_LENGTH, "Upload-Length")?;
    let (raw, metadata) = metadata(&headers)?;
    if let Some(id) = metadata.sha256.map(title_of)
        && let Some(title) = web.sale.catalog.get(&id)
    {
        return Err(ApiError::KnownFilm {
            title: id,
            name: title.name.to_string(),
        });
    }
    let checksum = checksum(&headers)?;
    let has_bytes = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes() == BYTES);
    let now = web.sale.clock.now();
    let new = New {
        length,
        metadata,
        raw,
    };
    let made = on_disk(&web, move |web| web.studio.uploads.create(new, now)).await?;
    let location = format!("/api/studio/uploads/{}", made.id);
    let location = HeaderValue::from_str(&location).map_err(|e| ApiError::Internal(e.into()))?;
    let mut response = StatusCode::CREATED.into_response();
    let answer = response.headers_mut();
    answer.insert(header::LOCATION, location);
    if has_bytes {
        // The upload is there whatever becomes of its first bytes: the client looks, and goes on.
        match receive(&web, made.id, 0, checksum, body).await {
            Ok(finished) => tell(answer, &finished),
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "first bytes not taken"
                );
                tell_offset(answer, 0, made.record.expires_at);
            }
        }
    } else {
        tell_offset(answer, 0, made.record.expires_at);
        answer.remove(UPLOAD_OFFSET);
    }
    Ok(response)
}

fn title_of(digest: [u8; 32]) -> VideoId {
    let mut id = [0; 8];
    id.copy_from_slice(&digest[..8]);
    VideoId::from_bytes(id)
}

/// `HEAD`: where to go on.
pub async fn look(
    State(web): State<Shared>,
    id: Result<PathPart<UploadId>, ApiError>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    check_version(&headers)?;
    let PathPart(id) = id.map_err(|_| Error::Unknown)?;
    let standing = web.studio.uploads.settled(id).await?;
    let mut response = StatusCode::OK.into_response();
    let answer = response.headers_mut();
    tell_offset(answer, standing.offset, standing.record.expires_at);
    answer.insert(UPLOAD_LENGTH, HeaderValue::from(standing.record.length));
    if let Ok(metadata) = HeaderValue::from_str(&standing.record.metadata)
        && !metadata.is_empty()
    {
        answer.insert(UPLOAD_METADATA, metadata);
    }
    if let Some(done) = standing.record.done {
        tell_done(answer, done);
    }
    Ok(response)
}

pub async fn append(
    State(web): State<Shared>,
    id: Result<PathPart<UploadId>, ApiError>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    check_version(&headers)?;
    let PathPart(id) = id.map_err(|_| Error::Unknown)?;
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind != Some(BYTES) {
        let detail = "send bytes, with Content-Type: application/offset+octet-stream";
        return Err(ApiError::Tus(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            detail.to_owned(),
        ));
    }
    let offset = bytes(&headers, &UPLOAD_OFFSET, "Upload-Offset")?;
    let checksum = checksum(&headers)?;
    let finished = receive(&web, id, offset, checksum, body).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    tell(response.headers_mut(), &finished);
    Ok(response)
}

/// Termination.
pub async fn cancel(
    State(web): State<Shared>,
    id: Result<PathPart<UploadId>, ApiError>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    check_version(&headers)?;
    let PathPart(id) = id.map_err(|_| Error::Unknown)?;
    web.studio.uploads.cancel(id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// For clients that can send nothing but POST.
pub async fn overridden(
    state: State<Shared>,
    id: Result<PathPart<UploadId>, ApiError>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    match headers.get(OVERRIDE).map(HeaderValue::as_bytes) {
        Some(b"PATCH") => append(state, id, headers, body).await,
        Some(b"DELETE") => cancel(state, id, headers).await,
        Some(b"HEAD") => look(state, id, headers).await,
        // RFC 9110 §15.5.6: a 405 says what is allowed.
        Some(_) | None => {
            let allowed = [(header::ALLOW, "HEAD, PATCH, DELETE, OPTIONS")];
            Ok((allowed, ApiError::WrongMethod).into_response())
        }
    }
}

/// Takes in a body until it ends, breaks off, or a newer request wants its place.
async fn receive(
    web: &Shared,
    id: UploadId,
    offset: u64,
    checksum: Option<Checksum>,
    mut body: Body,
) -> Result<Finished, ApiError> {
    let mut append = Append::begin(&web.studio.uploads, id, offset, checksum).await?;
    let displaced = append.displaced.clone();
    let now = || web.sale.clock.now();
    loop {
        let frame = tokio::select! {
            frame = tokio::time::timeout(PATIENCE, body.frame()) => frame,
            () = displaced.cancelled() => {
                append.break_off(now()).await?;
                return Err(Error::Locked.into());
            }
            () = web.shutdown.cancelled() => {
                append.break_off(now()).await?;
                return Err(ApiError::Busy("the server is stopping: go on in a moment"));
            }
        };
        match frame {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    append.write(data).await?;
                }
            }
            Ok(None) => break,
            Ok(Some(Err(_))) | Err(_) => {
                append.break_off(now()).await?;
                let detail = "the body broke off: what arrived stays";
                return Err(ApiError::Tus(StatusCode::BAD_REQUEST, detail.to_owned()));
            }
        }
    }
    let known = {
        let web = web.clone();
        move |title| web.sale.catalog.get(&title).is_some()
    };
    Ok(append.finish(now(), known).await?)
}

fn tell(headers: &mut HeaderMap, finished: &Finished) {
    tell_offset(headers, finished.offset, finished.expires_at);
    if let Some(done) = finished.done {
        tell_done(headers, done);
    }
}

fn tell_offset(headers: &mut HeaderMap, offset: u64, expires_at: u64) {
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(offset));
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(expires_at));
    let at = at.map(httpdate::fmt_http_date);
    if let Some(Ok(at)) = at.map(|at| HeaderValue::from_str(&at)) {
        headers.insert(UPLOAD_EXPIRES, at);
    }
}

fn tell_done(headers: &mut HeaderMap, done: Done) {
    if let Ok(title) = HeaderValue::from_str(&done.title.to_string()) {
        headers.insert(SATREEL_TITLE, title);
    }
    if done.known {
        headers.insert(SATREEL_KNOWN, HeaderValue::from_static("1"));
    }
}

fn check_version(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(TUS_RESUMABLE) {
        Some(version) if version == tus::VERSION => Ok(()),
        Some(_) | None => Err(ApiError::Tus(
            StatusCode::PRECONDITION_FAILED,
            "this is for tus 1.0.0: send Tus-Resumable: 1.0.0".to_owned(),
        )),
    }
}

fn bytes(headers: &HeaderMap, name: &HeaderName, shown: &'static str) -> Result<u64, ApiError> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    Ok(tus::bytes(shown, value.unwrap_or_default())?)
}

fn metadata(headers: &HeaderMap) -> Result<(String, tus::Metadata), ApiError> {
    let Some(value) = headers
        .get(UPLOAD_METADATA)
        .filter(|value| !value.is_empty())
    else {
        return Ok((String::new(), tus::Metadata::default()));
    };
    // What is no text fails like every other letter that does not belong.
    let raw = value.to_str().unwrap_or("\u{fffd}");
    Ok((raw.to_owned(), tus::metadata(raw)?))
}

fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, ApiError> {
    let Some(value) = headers.get(UPLOAD_CHECKSUM) else {
        return Ok(None);
    };
    Ok(Some(tus::checksum(value.to_str().unwrap_or_default())?))
}

async fn on_disk<T: Send + 'static>(
    web: &Shared,
    work: impl FnOnce(&Web) -> Result<T, Error> + Send + 'static,
) -> Result<T, ApiError> {
    let web = web.clone();
    let done = tokio::task::spawn_blocking(move || work(&web)).await;
    Ok(done.map_err(|error| ApiError::Internal(error.into()))??)
}
