//! `GET /api/purchases`, `PUT /api/purchases`: what this browser owns, checked, and kept in a
//! cookie as a second home, because some browsers clear a page's storage after a week away.
//!
//! The server keeps nothing: the list goes back to the browser.

use std::fmt::Write;

use axum::{
    Json as Answer,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::{
    core::{
        access::{Access, Scope},
        envelope,
        offer::tier_name,
        order::Subject,
        time::Timestamp,
    },
    web::{
        extract::{Json, cookies},
        problem::ApiError,
        state::{Shared, Web},
    },
};

/// Tokens in one list.
const MAX_TOKENS: usize = 100;
/// Tokens in the cookie: browsers keep about 4,096 bytes of one, a token has 86.
const MAX_IN_COOKIE: usize = 44;
const COOKIE: &str = "satreel";
/// The longest that browsers keep a cookie.
const COOKIE_DAYS: u32 = 400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    tokens: Vec<String>,
}

#[derive(Serialize)]
struct List {
    purchases: Vec<Purchase>,
    rejected: Vec<Rejected>,
    now: Timestamp,
}

#[derive(Serialize)]
struct Purchase {
    token: String,
    scope: String,
    tier: &'static str,
    expires_at: Option<Timestamp>,
    /// What outages have added to that, in seconds.
    credit_s: u64,
    subject: Subject,
    state: &'static str,
    /// The tag of a collection, while it is sold.
    tag: Option<String>,
    /// Null for the whole site, for a collection, and for a film that was taken down.
    title: Option<Film>,
}

#[derive(Serialize)]
struct Film {
    id: String,
    name: String,
    poster: Option<String>,
    duration_s: Option<f64>,
}

#[derive(Serialize)]
struct Rejected {
    index: usize,
    reason: String,
    /// Signed with a key that was retired since: the wallet's history restores it.
    retired: bool,
}

pub async fn replace(
    State(web): State<Shared>,
    Json(request): Json<Request>,
) -> Result<Response, ApiError> {
    if request.tokens.len() > MAX_TOKENS {
        return Err(ApiError::invalid(format!(
            "tokens: at most {MAX_TOKENS} at once"
        )));
    }
    Ok(answer(&web, &request.tokens).await)
}

pub async fn read(State(web): State<Shared>, headers: HeaderMap) -> Response {
    let tokens: Vec<String> = cookies(&headers, COOKIE)
        .flat_map(|value| value.split('.'))
        .filter(|token| !token.is_empty())
        .take(MAX_IN_COOKIE)
        .map(str::to_owned)
        .collect();
    answer(&web, &tokens).await
}

async fn answer(web: &Web, tokens: &[String]) -> Response {
    let now = web.sale.clock.now();
    let keyring = web.sale.keys.current();
    let mut answer = List {
        purchases: Vec::new(),
        rejected: Vec::new(),
        now,
    };
    for (index, token) in tokens.iter().enumerate() {
        match Access::open(token, &keyring) {
            // The same purchase twice is one purchase.
            Ok(_) if answer.purchases.iter().any(|known| known.token == *token) => {}
            Ok(access) => answer
                .purchases
                .push(purchase(web, token, &access, now).await),
            Err(error) => answer.rejected.push(Rejected {
                index,
                reason: error.to_string(),
                retired: error == envelope::Error::RetiredKey,
            }),
        }
    }
    let cookie = cookie(web, &answer.purchases);
    let headers = [
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::SET_COOKIE, cookie),
    ];
    (headers, Answer(answer)).into_response()
}

async fn purchase(web: &Web, token: &str, access: &Access, now: Timestamp) -> Purchase {
    let title = match access.scope {
        Scope::Title(id) => web.sale.title(id),
        Scope::Site | Scope::Tag(_) => None,
    };
    let tag = match access.scope {
        Scope::Tag(tag) => web.sale.tag_name(tag),
        Scope::Title(_) | Scope::Site => None,
    };
    let film = match title {
        Some(title) => {
            let view = super::title_view(web, &title).await;
            Some(Film {
                id: view.id,
                name: view.name,
                poster: view.poster,
                duration_s: view.duration_s,
            })
        }
        None => None,
    };
    let credit_s = web.sale.credit_s(access);
    let expires_at = access.end(credit_s);
    Purchase {
        token: token.to_owned(),
        scope: access.scope.to_string(),
        tier: tier_name(access.tier),
        expires_at,
        credit_s,
        subject: access.subject,
        tag,
        state: if expires_at.is_some_and(|end| now >= end) {
            "expired"
        } else {
            "valid"
        },
        title: film,
    }
}

/// Sent to this one path only, so that no other request carries it.
fn cookie(web: &Web, purchases: &[Purchase]) -> String {
    let kept: Vec<&str> = purchases
        .iter()
        .filter(|purchase| purchase.state == "valid")
        .take(MAX_IN_COOKIE)
        .map(|purchase| purchase.token.as_str())
        .collect();
    let age = if kept.is_empty() {
        0
    } else {
        COOKIE_DAYS * 86_400
    };
    let mut cookie = format!(
        "{COOKIE}={}; Path=/api/purchases; Max-Age={age}; HttpOnly; SameSite=Strict",
        kept.join(".")
    );
    if web.secure {
        let _ = write!(cookie, "; Secure");
    }
    cookie
}
