//! The decision about every media request: by arithmetic on the grant, and what `admission` says.

use std::sync::Arc;

use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode, Uri,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE,
        REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
    },
};
use http_body::Body as _;
use http_body_util::Full;
use satreel_hls::naming::MediaFile;

use super::{
    live::{Broadcast, Live, Served, Trouble},
    path::MediaPath,
    respond::{BytesResponse, Content, respond},
    store::{Asset, Error, Store},
};
use crate::{
    admission::Admission,
    clock::Clock,
    core::grant::{Extent, Grant, Refusal},
    keys::Keys,
    metrics::{GateAnswer, GateRefusal, Metrics},
};

/// Grants change from viewer to viewer, so only the viewer's own cache may keep what is under one.
const IMMUTABLE: &str = "private, max-age=31536000, immutable";
const REVALIDATE: &str = "private, no-cache";
/// A running broadcast's playlists: each version is another text, and the next one is about to be.
const NO_STORE: &str = "no-store";
/// What a player is asked to wait when it can't be served at the moment, in seconds.
const RETRY_S: HeaderValue = HeaderValue::from_static("1");

/// Serves media to who may see it.
#[derive(Debug)]
pub struct Gate {
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    store: Arc<Store>,
    live: Arc<Live>,
    admission: Arc<Admission>,
    metrics: Arc<Metrics>,
}

impl Gate {
    pub const fn new(
        keys: Arc<Keys>,
        clock: Arc<dyn Clock>,
        store: Arc<Store>,
        live: Arc<Live>,
        admission: Arc<Admission>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            keys,
            clock,
            store,
            live,
            admission,
            metrics,
        }
    }

    /// Answers a request whose path begins with [`super::path::PREFIX`].
    pub async fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> BytesResponse {
        let mut response = match *method {
            Method::GET => self.serve(uri, headers, false).await,
            Method::HEAD => self.serve(uri, headers, true).await,
            Method::OPTIONS => preflight(),
            _ => {
                let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "media is only read\n");
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
                response
            }
        };
        self.metrics.gate.add(counted(response.status()));
        let bytes = response.body().size_hint().exact().unwrap_or_default();
        self.metrics.media_bytes.add(bytes);
        let headers = response.headers_mut();
        // The grant in the path is the whole authority: any player on any page may use it.
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("content-length, content-range, etag"),
        );
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }

    /// Whether a web server in front may answer `GET uri` itself with the file as it lies on disk.
    /// Counted as a request for it would be, without its bytes.
    pub fn lets_through(&self, uri: &Uri) -> bool {
        let allowed = MediaPath::parse(uri.path()).is_some_and(|path| {
            // What a preview sees of a playlist is not what lies on disk.
            self.check(&path)
                .is_ok_and(|grant| cut(&grant, path.file).is_none())
        });
        self.metrics.gate.add(if allowed {
            GateAnswer::Served
        } else {
            GateAnswer::Refused
        });
        allowed
    }

    async fn serve(&self, uri: &Uri, headers: &HeaderMap, is_head: bool) -> BytesResponse {
        let Some(path) = MediaPath::parse(uri.path()) else {
            return not_found();
        };
        // SECURITY: nothing below this line runs without a grant for this title.
        let grant = match self.check(&path) {
            Ok(grant) => grant,
            Err(refusal) => return forbidden(refusal),
        };
        let query = uri.query().unwrap_or_default();
        if let Some(broadcast) = self.live.get(path.title) {
            let follows_on = matches!(path.file, MediaFile::Playlist(_)) && query.contains("_HLS_");
            if follows_on || !broadcast.is_over() {
                let served = self.live.answer(&broadcast, path.file, query).await;
                self.note_viewer(&broadcast, &grant, path.file);
                return sent(served, headers, is_head);
            }
        }
        let cut = cut(&grant, path.file);
        match self.store.load(path.title, path.file, cut).await {
            // It ended a moment ago, and no title was made of it, or not yet.
            Err(Error::Absent) => match self.live.get(path.title) {
                Some(broadcast) => {
                    let served = self.live.answer(&broadcast, path.file, query).await;
                    sent(served, headers, is_head)
                }
                None => not_found(),
            },
            loaded => {
                let served = loaded.map(Served::File).map_err(Trouble::from);
                sent(served, headers, is_head)
            }
        }
    }

    fn note_viewer(&self, broadcast: &Broadcast, grant: &Grant, file: MediaFile) {
        if matches!(file, MediaFile::Playlist(_)) {
            broadcast.note_viewer(grant.session, self.clock.now());
        }
    }

    fn check(&self, path: &MediaPath<'_>) -> Result<Grant, Refusal> {
        let checked = self.judge(path);
        if let Err(refusal) = checked {
            self.metrics.gate_refusals.add(reason(refusal));
        }
        checked
    }

    fn judge(&self, path: &MediaPath<'_>) -> Result<Grant, Refusal> {
        // Why a grant is no grant of ours is nothing a stranger needs to know.
        let grant = Grant::open(path.grant, &self.keys.current()).map_err(|_| Refusal::NoGrant)?;
        let now = self.clock.now();
        grant.check(path.title, now)?;
        if let Some(number) = path.file.segment_number() {
            grant.check_segment(number)?;
        }
        if path.file.shows_all() {
            grant.check_whole()?;
        }
        self.admission.check(&grant, now)?;
        Ok(grant)
    }
}

const fn reason(refusal: Refusal) -> GateRefusal {
    match refusal {
        Refusal::NoGrant => GateRefusal::NoGrant,
        Refusal::WrongTitle => GateRefusal::WrongTitle,
        Refusal::Expired => GateRefusal::Expired,
        Refusal::BeyondPreview => GateRefusal::BeyondPreview,
        Refusal::Denied => GateRefusal::Denied,
        Refusal::Elsewhere => GateRefusal::Elsewhere,
    }
}

fn sent(served: Result<Served, Trouble>, headers: &HeaderMap, is_head: bool) -> BytesResponse {
    match served {
        Ok(Served::File(asset)) => respond(headers, is_head, whole(&asset)),
        Ok(Served::Playlist(playlist)) => {
            let content = Content {
                bytes: &playlist.bytes,
                gzip: playlist.gzip.as_ref(),
                etag: &playlist.etag,
                content_type: "application/vnd.apple.mpegurl",
                cache_control: NO_STORE,
            };
            respond(headers, is_head, content)
        }
        Err(trouble) => troubled(&trouble),
    }
}

fn whole(asset: &Asset) -> Content<'_> {
    Content {
        bytes: &asset.bytes,
        gzip: asset.gzip.as_ref(),
        etag: &asset.etag,
        content_type: asset.content_type,
        cache_control: if asset.immutable {
            IMMUTABLE
        } else {
            REVALIDATE
        },
    }
}

fn troubled(trouble: &Trouble) -> BytesResponse {
    let unavailable = |body| {
        let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, body);
        response.headers_mut().insert(RETRY_AFTER, RETRY_S);
        response
    };
    match trouble {
        Trouble::Absent | Trouble::Store(Error::Absent) => not_found(),
        Trouble::Ask => plain(
            StatusCode::BAD_REQUEST,
            "_HLS_msn may name one segment more than comes next, _HLS_part needs it, each once\n",
        ),
        Trouble::Late => unavailable("nothing new came in time: ask again\n"),
        Trouble::Crowded => unavailable("too many wait already: ask again\n"),
        Trouble::Store(error @ (Error::Damaged { .. } | Error::Read { .. })) => {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "media not readable"
            );
            unavailable("this file can't be read at the moment\n")
        }
    }
}

fn counted(status: StatusCode) -> GateAnswer {
    match status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => GateAnswer::Served,
        StatusCode::NOT_MODIFIED => GateAnswer::Unchanged,
        StatusCode::FORBIDDEN => GateAnswer::Refused,
        StatusCode::NOT_FOUND => GateAnswer::Absent,
        StatusCode::SERVICE_UNAVAILABLE => GateAnswer::Failed,
        _ => GateAnswer::Other,
    }
}

/// Where a media playlist is cut for this grant.
const fn cut(grant: &Grant, file: MediaFile) -> Option<u32> {
    match (grant.extent, file) {
        (
            Extent::Preview {
                last_segment,
                whole_timeline: false,
            },
            MediaFile::Playlist(_),
        ) => Some(last_segment),
        _ => None,
    }
}

fn preflight() -> BytesResponse {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, OPTIONS"),
    );
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("range, if-none-match"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

fn forbidden(refusal: Refusal) -> BytesResponse {
    plain(
        StatusCode::FORBIDDEN,
        match refusal {
            Refusal::NoGrant => "no valid grant: ask for one with POST /api/grants\n",
            Refusal::WrongTitle => "this grant is for another title\n",
            Refusal::Expired => "this grant has run out: ask for a new one\n",
            Refusal::BeyondPreview => "the free part ends before this segment\n",
            Refusal::Denied => "this purchase was closed by the cinema\n",
            Refusal::Elsewhere => "this purchase is playing on other devices\n",
        },
    )
}

fn not_found() -> BytesResponse {
    plain(StatusCode::NOT_FOUND, "no such file\n")
}

fn plain(status: StatusCode, body: &'static str) -> BytesResponse {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
