//! Who may use the studio: a browser with the cookie of a session, or a program with a key.
//!
//! A cookie is sent by whichever page asks, so with one a change has to come from our own pages. A
//! key is sent by nobody who does not know it.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    core::studio::{Door, Entry},
    studio::entrance::{Closed, SESSION_S, renewed},
    web::{
        client::Client,
        extract::cookies,
        limits::Kind,
        problem::ApiError,
        state::{Shared, Web},
    },
};

const COOKIE: &str = "satreel_studio";
/// Where the cookie is sent, and nowhere else: viewers' requests never carry it.
const PATHS: [&str; 2] = ["/studio", "/api/studio"];

/// Who came in, for the handlers behind the guard.
#[derive(Debug, Clone, Copy)]
pub enum Creator {
    Browser(Entry),
    Program,
}

/// Lets the creator through, and renews his session while he uses it.
pub async fn guard(
    State(web): State<Shared>,
    client: Client,
    mut request: Request,
    next: Next,
) -> Response {
    let creator = match admit(&web, client, &request) {
        Ok(creator) => creator,
        Err(error) => return error.into_response(),
    };
    request.extensions_mut().insert(creator);
    let mut response = next.run(request).await;
    let longer = match creator {
        Creator::Browser(session) => renewed(&session, web.sale.clock.now()),
        Creator::Program => None,
    };
    if let Some(session) = longer
        && !response.headers().contains_key(header::SET_COOKIE)
    {
        set_cookies(response.headers_mut(), &kept(&web, &session));
    }
    response
}

fn admit(web: &Web, client: Client, request: &Request) -> Result<Creator, ApiError> {
    let headers = request.headers();
    if headers.contains_key(header::AUTHORIZATION) {
        let key = bearer(headers).ok_or(ApiError::NotTheCreator(None))?;
        return match check(web, key, Door::Key) {
            Ok(_) => Ok(Creator::Program),
            Err(closed) => Err(refuse(web, client, closed)),
        };
    }
    match session(web, headers) {
        Some(Ok(_)) if is_change(request.method()) && is_foreign(headers, request.uri()) => {
            Err(ApiError::ForeignPage)
        }
        Some(Ok(session)) => Ok(Creator::Browser(session)),
        Some(Err(closed)) => Err(refuse(web, client, closed)),
        None => Err(ApiError::NotTheCreator(None)),
    }
}

/// The session that a browser shows. None: it shows none.
pub fn session(web: &Web, headers: &HeaderMap) -> Option<Result<Entry, Closed>> {
    let mut refused = None;
    for text in cookies(headers, COOKIE) {
        match check(web, text, Door::Session) {
            Ok(session) => return Some(Ok(session)),
            Err(closed) => refused = Some(closed),
        }
    }
    refused.map(Err)
}

fn check(web: &Web, text: &str, door: Door) -> Result<Entry, Closed> {
    let (keyring, now) = (web.sale.keys.current(), web.sale.clock.now());
    web.studio.entrance.check(text, door, &keyring, now)
}

/// Whoever tries what does not open may not try for ever.
fn refuse(web: &Web, client: Client, closed: Closed) -> ApiError {
    match web.count(Kind::Knock, client) {
        Ok(()) => ApiError::NotTheCreator(Some(closed)),
        Err(too_many) => too_many,
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

fn is_change(method: &Method) -> bool {
    !(method == Method::GET || method == Method::HEAD || method == Method::OPTIONS)
}

/// SECURITY: the cookie is `SameSite=Strict` already; this holds also between two sites of one
/// domain, and in a browser that forgot. What is no browser sends neither header.
fn is_foreign(headers: &HeaderMap, uri: &Uri) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let host = headers.get(header::HOST).map_or_else(
        || uri.authority().map(|host| host.as_str().as_bytes()),
        |host| Some(host.as_bytes()),
    );
    let origin = origin.to_str().ok();
    let home = origin.and_then(|origin| origin.split_once("://"));
    home.map(|(_, host)| host.as_bytes()) != host || host.is_none()
}

/// The cookies that keep a session in its browser.
pub fn kept(web: &Web, session: &Entry) -> [String; 2] {
    let text = session.seal(Door::Session, &web.sale.keys.current());
    let now = web.sale.clock.now();
    let age = session
        .expires_at
        .map_or(SESSION_S, |end| end.seconds_since(now));
    cookie(web, &text, age)
}

/// The cookies that make a browser forget.
pub fn forgotten(web: &Web) -> [String; 2] {
    cookie(web, "", 0)
}

fn cookie(web: &Web, text: &str, age: u64) -> [String; 2] {
    let secure = if web.secure { "; Secure" } else { "" };
    PATHS.map(|path| {
        format!("{COOKIE}={text}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Strict{secure}")
    })
}

pub fn set_cookies(headers: &mut HeaderMap, cookies: &[String; 2]) {
    for cookie in cookies {
        // Credentials are base64url: always a header's value.
        if let Ok(value) = HeaderValue::from_str(cookie) {
            headers.append(header::SET_COOKIE, value);
        }
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

impl<S: Send + Sync> FromRequestParts<S> for Creator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let creator = parts.extensions.get::<Self>().copied();
        creator.ok_or(ApiError::NotTheCreator(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_comes_from_our_own_page() {
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("origin", "https://films.example")], false),
            (&[("origin", "https://evil.example")], true),
            (&[("origin", "https://films.example.evil.example")], true),
            (&[("origin", "null")], true),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://films.example"),
                ],
                true,
            ),
            // A program with a copied cookie.
            (&[], false),
        ];
        for (lines, foreign) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("films.example"));
            for (name, value) in *lines {
                let name: header::HeaderName = name.parse().expect("a name");
                headers.insert(name, value.parse().expect("a value"));
            }
            assert_eq!(is_foreign(&headers, &Uri::default()), *foreign, "{lines:?}");
        }
        let nameless = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static("null"))]);
        assert!(is_foreign(&nameless, &Uri::default()));
    }
}
