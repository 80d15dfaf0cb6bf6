//! Scripts, styles and images of the pages, built into the binary and served under names that
//! carry a hash of their content, so that a browser keeps them for ever.

use std::collections::HashMap;

use axum::{
    body::Body,
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use super::pages::AssetUrls;

mod table {
    use super::File;

    include!(concat!(env!("OUT_DIR"), "/assets.rs"));
}

struct File {
    url: &'static str,
    bytes: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

/// The URL of each asset by its logical name.
#[derive(Debug)]
pub struct Assets {
    urls: HashMap<String, String>,
}

/// The binary was built before the pages were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this program was built without its pages: run `make build`")]
pub struct NoPages;

impl Assets {
    pub fn embedded() -> Result<Self, NoPages> {
        let urls: HashMap<String, String> =
            serde_json::from_str(table::MANIFEST).map_err(|_| NoPages)?;
        if urls.is_empty() {
            Err(NoPages)
        } else {
            Ok(Self { urls })
        }
    }
}

impl AssetUrls for Assets {
    fn url(&self, logical: &str) -> &str {
        // A name that the manifest lacks is a slip between template and build; the page test
        // holds that there is none.
        self.urls
            .get(logical)
            .map_or("/assets/missing", String::as_str)
    }
}

/// `GET /assets/{file}`
#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn asset(Path(name): Path<String>, request: HeaderMap) -> Response {
    let Some(file) = table::FILES
        .iter()
        .find(|file| file.url["/assets/".len()..] == name)
    else {
        return (StatusCode::NOT_FOUND, "no such file\n").into_response();
    };
    let (bytes, coding) = encoded(file, &request);
    let mut headers = vec![
        (header::CONTENT_TYPE, content_type(&name)),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
    ];
    headers.extend(coding.map(|coding| (header::CONTENT_ENCODING, coding)));
    let headers: HeaderMap = headers
        .into_iter()
        .map(|(name, value): (HeaderName, _)| (name, HeaderValue::from_static(value)))
        .collect();
    (headers, Body::from(Bytes::from_static(bytes))).into_response()
}

fn encoded(file: &File, request: &HeaderMap) -> (&'static [u8], Option<&'static str>) {
    let accepted = request
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let takes = |coding: &str| {
        accepted.split(',').any(|one| {
            let (name, weight) = one.split_once(';').unwrap_or((one, ""));
            name.trim().eq_ignore_ascii_case(coding) && !weight.trim().starts_with("q=0")
        })
    };
    match (file.brotli, file.gzip) {
        (Some(brotli), _) if takes("br") => (brotli, Some("br")),
        (_, Some(gzip)) if takes("gzip") => (gzip, Some("gzip")),
        _ => (file.bytes, None),
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json" | "map") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
