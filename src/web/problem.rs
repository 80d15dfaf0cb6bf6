//! Errors as the API tells them: RFC 9457 `application/problem+json`.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use satreel_hls::naming::VideoId;
use serde_json::{Map, Value, json};

use crate::{
    core::{access::Refusal, envelope, ticket},
    sale,
    studio::{
        channels,
        entrance::Closed,
        titles,
        uploads::{self, tus},
    },
};

/// Everything the API refuses or can't do.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(transparent)]
    Sale(#[from] sale::Error),
    #[error("there is nothing at this address: see /api/openapi.json")]
    UnknownPath,
    #[error("this address does not take this method: see /api/openapi.json")]
    WrongMethod,
    #[error("{detail}")]
    Request { status: StatusCode, detail: String },
    #[error("{0}")]
    Busy(&'static str),
    #[error("you asked too often: wait {retry_after_s} s, then try again")]
    TooMany { retry_after_s: u64 },
    #[error("this is not signed with the webhook's secret: see [payments.btcpay] webhook_secret")]
    BadSignature,
    #[error(
        "this is for the creator: open the link that `satreel studio-link` prints, or send the key \
         of `satreel studio-key` as Authorization: Bearer{}", why(.0.as_ref())
    )]
    NotTheCreator(Option<Closed>),
    #[error("{field}: {what}")]
    Field { field: String, what: String },
    #[error(
        "say which version you change: send If-Match with the etag that you read, or * for \
         whichever stands there"
    )]
    NoCondition,
    #[error(transparent)]
    Title(#[from] titles::Error),
    #[error(transparent)]
    Channel(#[from] channels::Error),
    /// A request that is no tus 1.0.
    #[error("{1}")]
    Tus(StatusCode, String),
    #[error(transparent)]
    Upload(#[from] uploads::Error),
    #[error("you have this film already: {name}")]
    KnownFilm { title: VideoId, name: String },
    #[error("only this site's own page may change things with a browser's session")]
    ForeignPage,
    #[error("the payment is on its way: ask again in a second with the same header")]
    NotSettledYet,
    #[error("something went wrong here; nothing is lost: try again soon")]
    Internal(#[source] anyhow::Error),
}

/// What was shown, and why it did not open.
fn why(closed: Option<&Closed>) -> String {
    closed.map_or_else(String::new, |closed| format!(" (what you sent: {closed})"))
}

/// How one error looks from outside.
struct Look {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
}

const fn look(status: StatusCode, slug: &'static str, title: &'static str) -> Look {
    Look {
        status,
        slug,
        title,
    }
}

impl ApiError {
    /// A request that says something impossible, with what to do about it.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::Request {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            detail: detail.into(),
        }
    }

    /// The same, about one field.
    pub fn field(field: &str, what: impl Into<String>) -> Self {
        Self::Field {
            field: field.to_owned(),
            what: what.into(),
        }
    }

    fn look(&self) -> Look {
        use StatusCode as S;
        match self {
            Self::Sale(error) => sale_look(error),
            Self::UnknownPath => look(S::NOT_FOUND, "not-found", "Nothing here"),
            Self::WrongMethod => look(S::METHOD_NOT_ALLOWED, "wrong-method", "Wrong method"),
            Self::Request { status, .. } => {
                let slug = match *status {
                    S::PAYLOAD_TOO_LARGE => "too-large",
                    S::UNSUPPORTED_MEDIA_TYPE => "wrong-content-type",
                    S::BAD_REQUEST => "bad-request",
                    _ => "invalid",
                };
                look(*status, slug, "The request can't be understood")
            }
            Self::TooMany { .. } => look(
                S::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Too many requests",
            ),
            Self::BadSignature => look(S::UNAUTHORIZED, "bad-signature", "Not signed"),
            Self::NotTheCreator(_) => look(S::UNAUTHORIZED, "not-the-creator", "For the creator"),
            Self::Field { .. } => look(S::UNPROCESSABLE_ENTITY, "invalid", "Not possible"),
            Self::NoCondition => look(
                S::PRECONDITION_REQUIRED,
                "condition-missing",
                "Which version?",
            ),
            Self::Title(error) => title_look(error),
            Self::Channel(error) => channel_look(error),
            Self::Tus(status, _) => look(*status, "no-upload", "Not an upload"),
            Self::Upload(error) => upload_look(error),
            Self::KnownFilm { .. } => look(S::CONFLICT, "known-film", "Known film"),
            Self::ForeignPage => look(S::FORBIDDEN, "foreign-page", "Another site's page"),
            Self::Busy(_) => look(S::SERVICE_UNAVAILABLE, "busy", "Too busy"),
            Self::NotSettledYet => look(S::TOO_EARLY, "not-settled", "Not settled yet"),
            Self::Internal(_) => look(S::INTERNAL_SERVER_ERROR, "internal", "Our fault"),
        }
    }

    /// Fields that a program needs beside the words.
    fn extra(&self) -> Map<String, Value> {
        let fields = match self {
            Self::Sale(sale::Error::Unpaid {
                state,
                received,
                amount,
            }) => {
                json!({"state": state, "received_sat": received, "amount_sat": amount})
            }
            Self::Sale(sale::Error::Access(Refusal::Expired(at))) => json!({"expired_at": at}),
            Self::Field { field, .. }
            | Self::Title(titles::Error::Field { field, .. })
            | Self::Channel(channels::Error::Field { field, .. }) => {
                json!({"field": field})
            }
            Self::Upload(uploads::Error::WrongOffset { at }) => json!({"offset": at}),
            Self::KnownFilm { title, name } => json!({"title_id": title, "name": name}),
            _ => json!({}),
        };
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// When trying again makes sense.
    fn retry_after_s(&self, status: StatusCode) -> Option<u64> {
        match self {
            Self::TooMany { retry_after_s } => Some(*retry_after_s),
            Self::NotSettledYet => Some(1),
            _ => (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5),
        }
    }

    /// What the operator should hear of. Refusals are the viewer's business.
    fn log(&self, status: StatusCode) {
        if status.is_server_error() {
            let error = self as &dyn std::error::Error;
            tracing::error!(error, "request failed");
        }
    }
}

fn upload_look(error: &uploads::Error) -> Look {
    use uploads::Error as E;
    match error {
        E::Unknown => look(StatusCode::NOT_FOUND, "unknown-upload", "Unknown upload"),
        E::Empty => look(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Not possible"),
        E::TooLarge { .. } => look(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large"),
        E::TooLong => look(StatusCode::PAYLOAD_TOO_LARGE, "too-long", "Too long"),
        E::NoRoom { .. } | E::Full => look(
            StatusCode::INSUFFICIENT_STORAGE,
            "no-room",
            "Not enough room",
        ),
        E::TooMany(_) => look(StatusCode::CONFLICT, "too-many-uploads", "Too many uploads"),
        E::WrongOffset { .. } => look(StatusCode::CONFLICT, "wrong-offset", "Wrong offset"),
        E::WrongChecksum => look(wrong_checksum(), "wrong-checksum", "Wrong checksum"),
        E::Locked => look(StatusCode::LOCKED, "locked", "In use"),
        E::Randomness(_) => look(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too busy"),
        E::Io(_) => look(
            StatusCode::SERVICE_UNAVAILABLE,
            "not-written",
            "Not written",
        ),
    }
}

/// The number that tus has for it.
fn wrong_checksum() -> StatusCode {
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

impl From<tus::Wrong> for ApiError {
    fn from(wrong: tus::Wrong) -> Self {
        Self::Tus(StatusCode::BAD_REQUEST, wrong.to_string())
    }
}

fn title_look(error: &titles::Error) -> Look {
    use StatusCode as S;
    match error {
        titles::Error::Unknown => look(S::NOT_FOUND, "unknown-title", "Unknown film"),
        titles::Error::Changed => look(S::PRECONDITION_FAILED, "changed", "Changed meanwhile"),
        titles::Error::Field { .. } => look(S::UNPROCESSABLE_ENTITY, "invalid", "Not possible"),
        titles::Error::NotReady => look(S::CONFLICT, "not-ready", "Not ready yet"),
        titles::Error::Busy => look(S::CONFLICT, "working", "Being worked on"),
        titles::Error::Broken(_) => look(S::CONFLICT, "broken-file", "A broken file"),
        titles::Error::Io(_) => look(S::SERVICE_UNAVAILABLE, "not-written", "Not written"),
    }
}

fn channel_look(error: &channels::Error) -> Look {
    use StatusCode as S;
    match error {
        channels::Error::Unknown => look(S::NOT_FOUND, "unknown-channel", "Unknown channel"),
        channels::Error::Exists => look(S::CONFLICT, "known-channel", "Known channel"),
        channels::Error::TooMany => look(S::CONFLICT, "too-many-channels", "Too many channels"),
        channels::Error::Name(_) | channels::Error::Field { .. } | channels::Error::Refused(_) => {
            look(S::UNPROCESSABLE_ENTITY, "invalid", "Not possible")
        }
        channels::Error::Io(_) => look(S::SERVICE_UNAVAILABLE, "not-written", "Not written"),
    }
}

fn sale_look(error: &sale::Error) -> Look {
    use StatusCode as S;
    match error {
        sale::Error::UnknownTitle => look(S::NOT_FOUND, "unknown-title", "Unknown film"),
        sale::Error::NotReady => look(S::CONFLICT, "not-ready", "Not ready yet"),
        sale::Error::Free => look(S::UNPROCESSABLE_ENTITY, "free", "Nothing to pay"),
        sale::Error::NotOnOffer(_) => look(S::UNPROCESSABLE_ENTITY, "not-on-offer", "Not on offer"),
        sale::Error::NoPreview | sale::Error::GlimpseOver => {
            look(S::PAYMENT_REQUIRED, "no-preview", "No free part")
        }
        sale::Error::Unpaid { .. } => look(S::PAYMENT_REQUIRED, "unpaid", "Not paid yet"),
        sale::Error::Expired | sale::Error::Canceled | sale::Error::OldTicket(_) => {
            look(S::GONE, "expired", "Ran out")
        }
        sale::Error::BadToken(envelope::Error::RetiredKey)
        | sale::Error::BadTicket(ticket::Error::Envelope(envelope::Error::RetiredKey)) => {
            look(S::FORBIDDEN, "retired-key", "Signed with a retired key")
        }
        sale::Error::BadTicket(_) => look(S::FORBIDDEN, "bad-ticket", "Not a valid ticket"),
        sale::Error::BadOrder(_) => look(S::NOT_FOUND, "unknown-order", "Unknown order"),
        sale::Error::BadToken(_) => look(S::FORBIDDEN, "bad-token", "Not a valid token"),
        sale::Error::Access(Refusal::WrongTitle) => {
            look(S::FORBIDDEN, "wrong-title", "Another film's token")
        }
        sale::Error::Access(Refusal::Expired(_)) => {
            look(S::FORBIDDEN, "token-expired", "The time ran out")
        }
        sale::Error::Denied => look(S::FORBIDDEN, "denied", "Closed purchase"),
        sale::Error::Elsewhere(_) => {
            look(S::CONFLICT, "too-many-sessions", "Playing on other devices")
        }
        sale::Error::BadAuthorization(_) => look(
            S::UNAUTHORIZED,
            "bad-authorization",
            "Not a valid authorization",
        ),
        sale::Error::BadReceipt(_) => look(
            S::UNPROCESSABLE_ENTITY,
            "bad-receipt",
            "Not a valid receipt",
        ),
        sale::Error::NodeAway(_) => look(S::SERVICE_UNAVAILABLE, "node-away", "The till is closed"),
        sale::Error::CannotReceive(_) => look(
            S::SERVICE_UNAVAILABLE,
            "cannot-receive",
            "The till can't take this much",
        ),
        sale::Error::Ledger(_) => look(S::SERVICE_UNAVAILABLE, "not-recorded", "Not recorded"),
        sale::Error::Media(_) => look(S::SERVICE_UNAVAILABLE, "not-readable", "Not readable"),
        sale::Error::Crowded | sale::Error::Randomness(_) => {
            look(S::SERVICE_UNAVAILABLE, "busy", "Too busy")
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Look {
            status,
            slug,
            title,
        } = self.look();
        self.log(status);
        let mut response = document(status, slug, title, &self.to_string(), self.extra());
        if let Some(seconds) = self.retry_after_s(status) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // RFC 9110 §15.5.2: a 401 names the scheme that is wanted.
        if matches!(self, Self::Sale(sale::Error::BadAuthorization(_))) {
            let scheme = HeaderValue::from_static("L402 version=\"0\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        if matches!(self, Self::NotTheCreator(_)) {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// A problem document; `fields` are for programs.
pub fn document(
    status: StatusCode,
    slug: &str,
    title: &str,
    detail: &str,
    mut fields: Map<String, Value>,
) -> Response {
    fields.insert("type".into(), format!("urn:satreel:problem:{slug}").into());
    fields.insert("title".into(), title.into());
    fields.insert("status".into(), status.as_u16().into());
    fields.insert("detail".into(), detail.into());
    let headers = [
        (header::CONTENT_TYPE, "application/problem+json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, Value::Object(fields).to_string()).into_response()
}
