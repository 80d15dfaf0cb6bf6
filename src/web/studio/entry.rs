//! `GET /studio`, and `GET /studio/enter/{link}`, where a link becomes a session.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};

use super::door;
use crate::{
    studio::entrance::{self, renewed},
    web::{
        client::Client,
        limits::Kind,
        pages,
        problem::ApiError,
        site::{PageError, page_error},
        state::Shared,
    },
};

/// The page for the creator; for everybody else, how to become one.
#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn page(State(web): State<Shared>, headers: HeaderMap) -> Response {
    let session = match door::session(&web, &headers) {
        Some(Ok(session)) => session,
        Some(Err(closed)) => return closed_page(&web, Some(closed)),
        None => return closed_page(&web, None),
    };
    let page = pages::studio(&web.site, &web.assets);
    let mut response = ([(header::CACHE_CONTROL, "no-store")], page).into_response();
    if let Some(longer) = renewed(&session, web.sale.clock.now()) {
        door::set_cookies(response.headers_mut(), &door::kept(&web, &longer));
    }
    response
}

fn closed_page(web: &Shared, closed: Option<entrance::Closed>) -> Response {
    let page = pages::studio_closed(&web.site, &web.assets, closed.is_some());
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::WWW_AUTHENTICATE, "Bearer"),
    ];
    (StatusCode::UNAUTHORIZED, headers, page).into_response()
}

/// The link works once, so only a person who opens it may use it up: neither a look at its head
/// nor a browser that fetches ahead.
pub async fn enter(
    State(web): State<Shared>,
    client: Client,
    method: Method,
    Path(link): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let ahead = headers
        .get("sec-purpose")
        .is_some_and(|purpose| purpose.as_bytes().starts_with(b"prefetch"));
    if method == Method::HEAD || ahead {
        let nothing = [(header::CACHE_CONTROL, "no-store")];
        return Ok((StatusCode::SERVICE_UNAVAILABLE, nothing).into_response());
    }
    web.count(Kind::Knock, client).map_err(page_error(&web))?;
    let (keyring, now) = (web.sale.keys.current(), web.sale.clock.now());
    let entered = tokio::task::spawn_blocking({
        let web = web.clone();
        move || web.studio.entrance.enter(&link, &keyring, now)
    });
    let entered = entered.await.map_err(anyhow::Error::from);
    let entered = entered.and_then(|entered| entered.map_err(anyhow::Error::from));
    let session = match entered
        .map_err(ApiError::Internal)
        .map_err(page_error(&web))?
    {
        Ok(session) => session,
        Err(closed) => return Ok(closed_page(&web, Some(closed))),
    };
    // A browser that came from elsewhere would not send a strict cookie after a redirect: such a
    // one opens the studio from a page of ours.
    let from_elsewhere = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "none" && site != "same-origin");
    let mut response = if from_elsewhere {
        pages::studio_open(&web.site, &web.assets).into_response()
    } else {
        Redirect::to("/studio").into_response()
    };
    door::set_cookies(response.headers_mut(), &door::kept(&web, &session));
    tracing::info!("the studio was opened with a link");
    Ok(response)
}
