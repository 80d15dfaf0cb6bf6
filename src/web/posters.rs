//! `GET /posters/{id}/poster.jpg`, and `hover.mp4` and `waveform.svg` beside it: what the storefront
//! shows of a title, free to everybody.

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Method},
    response::{IntoResponse, Response},
};
use satreel_hls::naming::{MediaFile, VideoId};

use super::{problem::ApiError, state::Shared};
use crate::{
    media::respond::{Content, respond},
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
    web.sale.catalog.get(&id).ok_or(ApiError::UnknownPath)?;
    let asset = web
        .sale
        .store
        .load(id, file, None)
        .await
        .map_err(|error| match error {
            crate::media::store::Error::Absent => ApiError::UnknownPath,
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
