//! Errors as the API tells them: RFC 9457 `application/problem+json`.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use crate::{
    core::{access, envelope, grant::Refusal, money::Sats, ticket, time::Timestamp},
    payments,
};

/// Everything the API refuses or can't do.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("no film has this id: see GET /api/titles")]
    UnknownTitle,
    #[error("there is nothing at this address: see /api/openapi.json")]
    UnknownPath,
    #[error("this address does not take {0}: see /api/openapi.json")]
    WrongMethod(String),
    #[error("this film is still being prepared: try again in a moment")]
    NotReady,
    #[error("this film is free: ask for a grant without a token")]
    Free,
    #[error("this film has no tier of this name on offer: it has {0}")]
    NotOnOffer(String),
    #[error("{state}: {received} of {amount} arrived")]
    Unpaid {
        state: &'static str,
        received: Sats,
        amount: Sats,
    },
    #[error("{0}")]
    Expired(&'static str),
    #[error("this is no ticket of this site: {0}")]
    BadTicket(#[source] ticket::Error),
    #[error("this is no order of this site: {0}")]
    BadOrder(#[source] envelope::Error),
    #[error("this is no token of this site: {0}")]
    BadToken(#[source] envelope::Error),
    #[error("this token is for another film")]
    WrongTitle,
    #[error("this token's time ran out at {0}: buy again to go on")]
    TokenExpired(Timestamp),
    #[error("{0}")]
    BadReceipt(&'static str),
    #[error("{detail}")]
    Request { status: StatusCode, detail: String },
    #[error("the cinema's till is closed for the moment; nothing was charged: try again soon")]
    NodeAway(#[source] payments::Error),
    #[error("{0}")]
    Busy(&'static str),
    #[error("this can't be recorded at the moment; nothing is lost: try again soon")]
    Storage(#[source] anyhow::Error),
    #[error("something went wrong here; nothing is lost: try again soon")]
    Internal(#[source] anyhow::Error),
}

impl From<payments::Error> for ApiError {
    fn from(error: payments::Error) -> Self {
        Self::NodeAway(error)
    }
}

impl From<access::Refusal> for ApiError {
    fn from(refusal: access::Refusal) -> Self {
        match refusal {
            access::Refusal::WrongTitle => Self::WrongTitle,
            access::Refusal::Expired(at) => Self::TokenExpired(at),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Request {
            status: StatusCode::FORBIDDEN,
            detail: refusal.to_string(),
        }
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

    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownTitle | Self::UnknownPath | Self::BadOrder(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotReady => StatusCode::CONFLICT,
            Self::Free | Self::NotOnOffer(_) | Self::BadReceipt(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Unpaid { .. } => StatusCode::PAYMENT_REQUIRED,
            Self::Expired(_) | Self::BadTicket(ticket::Error::Expired) => StatusCode::GONE,
            Self::BadTicket(_) | Self::BadToken(_) | Self::WrongTitle | Self::TokenExpired(_) => {
                StatusCode::FORBIDDEN
            }
            Self::Request { status, .. } => *status,
            Self::NodeAway(_) | Self::Busy(_) | Self::Storage(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::UnknownTitle => "unknown-title",
            Self::UnknownPath => "not-found",
            Self::WrongMethod(_) => "wrong-method",
            Self::NotReady => "not-ready",
            Self::Free => "free",
            Self::NotOnOffer(_) => "not-on-offer",
            Self::Unpaid { .. } => "unpaid",
            Self::Expired(_) | Self::BadTicket(ticket::Error::Expired) => "expired",
            Self::BadTicket(_) => "bad-ticket",
            Self::BadOrder(_) => "unknown-order",
            Self::BadToken(_) => "bad-token",
            Self::WrongTitle => "wrong-title",
            Self::TokenExpired(_) => "token-expired",
            Self::BadReceipt(_) => "bad-receipt",
            Self::Request { status, .. } => match *status {
                StatusCode::PAYLOAD_TOO_LARGE => "too-large",
                StatusCode::UNSUPPORTED_MEDIA_TYPE => "wrong-content-type",
                StatusCode::BAD_REQUEST => "bad-request",
                _ => "invalid",
            },
            Self::NodeAway(_) => "node-away",
            Self::Busy(_) => "busy",
            Self::Storage(_) => "not-recorded",
            Self::Internal(_) => "internal",
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::UnknownTitle => "Unknown film",
            Self::UnknownPath => "Nothing here",
            Self::WrongMethod(_) => "Wrong method",
            Self::NotReady => "Not ready yet",
            Self::Free => "Nothing to pay",
            Self::NotOnOffer(_) => "Not on offer",
            Self::Unpaid { .. } => "Not paid yet",
            Self::Expired(_) | Self::BadTicket(ticket::Error::Expired) => "Ran out",
            Self::BadTicket(_) => "Not a valid ticket",
            Self::BadOrder(_) => "Unknown order",
            Self::BadToken(_) => "Not a valid token",
            Self::WrongTitle => "Another film's token",
            Self::TokenExpired(_) => "The time ran out",
            Self::BadReceipt(_) => "Not a valid receipt",
            Self::Request { .. } => "The request can't be understood",
            Self::NodeAway(_) => "The till is closed",
            Self::Busy(_) => "Too busy",
            Self::Storage(_) => "Not recorded",
            Self::Internal(_) => "Our fault",
        }
    }

    /// Fields that a program needs beside the words.
    fn extra(&self) -> Map<String, Value> {
        let fields = match self {
            Self::Unpaid {
                state,
                received,
                amount,
            } => {
                json!({"state": state, "received_sat": received, "amount_sat": amount})
            }
            Self::TokenExpired(at) => json!({"expired_at": at}),
            _ => json!({}),
        };
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// Whether the operator should hear of it.
    fn log(&self) {
        let error = self as &dyn std::error::Error;
        match self {
            Self::NodeAway(source) => tracing::warn!(
                error = source as &dyn std::error::Error,
                "payment backend away"
            ),
            Self::Storage(source) | Self::Internal(source) => {
                tracing::error!(error = format!("{source:#}"), "request failed");
            }
            _ => tracing::debug!(error, "refused"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let status = self.status();
        let mut problem = self.extra();
        problem.insert(
            "type".into(),
            format!("urn:satreel:problem:{}", self.slug()).into(),
        );
        problem.insert("title".into(), self.title().into());
        problem.insert("status".into(), status.as_u16().into());
        problem.insert("detail".into(), self.to_string().into());
        let mut response = (
            status,
            [
                (header::CONTENT_TYPE, "application/problem+json"),
                (header::CACHE_CONTROL, "no-store"),
            ],
            Value::Object(problem).to_string(),
        )
            .into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
