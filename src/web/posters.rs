//! `GET /posters/{id}/poster.jpg`, and `hover.mp4` and `waveform.svg` beside it: what the storefront
//! shows of a title, free to everybody.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Method},
    response::{IntoResponse, Response},
};
use satreel_hls::naming::{MediaFile, VideoId};

use super::{
    problem::ApiError,
    state::{Shared, Web},
};
use crate::{
    media::{
        live::{Served, Trouble},
        respond::{Content, respond},
        store::{self, Asset},
    },
    sale,
};

pub async fn poster(
    State(web): State<Shared>,
    Path((id, file)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id: VideoId = id.parse().map_err(|_| ApiError::UnknownPath)?;
    let Ok(file @ (MediaFile::Poster | MediaFile::Hover | MediaFile::Waveform)) = file.parse()
    else {
        return Err(ApiError::UnknownPath);
    };
    let asset = shown(&web, id, file).await.map_err(|error| match error {
        store::Error::Absent => ApiError::UnknownPath,
        other => ApiError::Sale(sale::Error::Media(other)),
    })?;
    let content = Content {
        bytes: &asset.bytes,
        gzip: asset.gzip.as_ref(),
        etag: &asset.etag,
        content_type: asset.content_type,
        // Its address carries the version.
        cache_control: "public, max-age=86400",
    };
    Ok(respond(&headers, method == Method::HEAD, content)
        .map(Body::new)
        .into_response())
}

/// Of a film, or of a broadcast while it runs.
async fn shown(web: &Web, id: VideoId, file: MediaFile) -> Result<Arc<Asset>, store::Error> {
    let (live, store) = (&web.sale.live, &web.sale.store);
    if web.sale.catalog.get(&id).is_some() {
        return store.load(id, file, None).await;
    }
    let broadcast = live.get(id).ok_or(store::Error::Absent)?;
    match live.answer(&broadcast, file, "").await {
        Ok(Served::File(asset)) => Ok(asset),
        Err(Trouble::Store(error)) => Err(error),
        Ok(Served::Playlist(_)) | Err(_) => Err(store::Error::Absent),
    }
}
