//! Requests taken in strictly: what can't be understood is a problem document that says why.

use axum::{
    extract::{FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;

use super::problem::ApiError;

/// A JSON body.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(refused(&rejection)),
        }
    }
}

fn refused(rejection: &JsonRejection) -> ApiError {
    let (status, detail) = match rejection {
        JsonRejection::MissingJsonContentType(_) => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send JSON, with Content-Type: application/json".into(),
        ),
        JsonRejection::JsonDataError(error) => (StatusCode::UNPROCESSABLE_ENTITY, innermost(error)),
        JsonRejection::JsonSyntaxError(error) => (
            StatusCode::BAD_REQUEST,
            format!("the body is not JSON: {}", innermost(error)),
        ),
        JsonRejection::BytesRejection(_) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            (
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is too large".into(),
            )
        }
        _ => (StatusCode::BAD_REQUEST, "the body could not be read".into()),
    };
    ApiError::Request { status, detail }
}

/// What serde says, without the layers around it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The query string.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Query::<T>::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| ApiError::Request {
                status: StatusCode::BAD_REQUEST,
                detail: format!("the query: {}", innermost(&rejection)),
            })
    }
}

/// One part of the path, parsed; a part that does not parse names nothing.
#[derive(Debug, Clone, Copy)]
pub struct PathPart<T>(pub T);

impl<S: Send + Sync, T: std::str::FromStr> FromRequestParts<S> for PathPart<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let parsed = path
            .ok()
            .and_then(|axum::extract::Path(text)| text.parse().ok());
        parsed
            .map(Self)
            .ok_or(ApiError::Sale(crate::sale::Error::UnknownTitle))
    }
}

/// The values of all cookies of this name.
pub fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(move |cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The access token of an `Authorization: Bearer` header, unchecked. None: no such header.
#[derive(Clone)]
pub struct Bearer(pub Option<String>);

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer(hidden)")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut values = parts
            .headers
            .get_all(axum::http::header::AUTHORIZATION)
            .iter();
        let Some(value) = values.next() else {
            return Ok(Self(None));
        };
        let token = value.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| token.trim().to_owned())
        });
        match (token, values.next()) {
            (Some(token), None) => Ok(Self(Some(token))),
            _ => Err(ApiError::Request {
                status: StatusCode::BAD_REQUEST,
                detail: "send one header \"Authorization: Bearer TOKEN\", or none".into(),
            }),
        }
    }
}
