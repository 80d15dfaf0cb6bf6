//! `GET /l402/{id}/master.m3u8`: a film for programs that pay. 402 with a challenge; with the paid
//! authorization a redirect to the film under a grant, for players that can't renew one.
//!
//! Only this address makes invoices, and one for each visitor, film and tier at a time. What lies
//! under the grant is media, which knows nothing of payments.

use std::{fmt, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use quick_cache::sync::Cache;
use satreel_hls::naming::VideoId;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    api::master_url,
    client::Client,
    extract::{PathPart, Query},
    limits::Kind,
    problem::{ApiError, document},
    state::{Shared, Web},
};
use crate::{
    catalog::Title,
    core::{
        l402::Authorization,
        offer::{Tier, TierKind},
        tag::TagId,
        time::Timestamp,
    },
    sale::{self, Entrance, GrantRequest, Granted, Placed},
};

/// Challenges remembered; of more, the ones asked for least are made anew.
const REMEMBERED: usize = 4096;
/// Authorizations looked at in one request.
const MAX_AUTHORIZATIONS: usize = 4;
/// Where programs read how it works.
pub const DISCOVERY: &str = "/.well-known/l402.json";
const DESCRIPTION: &str = "/api/openapi.json";

/// The last challenge of each visitor, film and tier: whoever asks again gets the same one while
/// it can be paid.
pub struct Challenges(Cache<Asked, Arc<Challenge>>);

/// Who asked for what.
type Asked = (Client, VideoId, TierKind, Option<TagId>);

impl fmt::Debug for Challenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Challenges({})", self.0.len())
    }
}

impl Default for Challenges {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

/// What was asked of somebody.
struct Challenge {
    ticket: String,
    macaroon: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    tier: Option<String>,
}

pub async fn master(
    State(web): State<Shared>,
    client: Client,
    PathPart(id): PathPart<VideoId>,
    Query(choice): Query<Choice>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut reason = None;
    for authorization in authorizations(&headers)? {
        web.count(Kind::Token, client)?;
        match web.sale.enter(id, &authorization).await? {
            Entrance::Open(granted) => return Ok(to_film(&granted)),
            Entrance::Wait => return Err(ApiError::NotSettledYet),
            Entrance::Pay(why) => reason = Some(why),
        }
    }
    let title = web.sale.public_title(id)?;
    if title.offer.is_free() {
        web.count(Kind::Grant, client)?;
        return Ok(to_film(&web.sale.grant(free(id)).await?));
    }
    let tier = chosen(&web, &title, choice.tier.as_deref())?;
    let (placed, macaroon) = challenge(&web, client, id, tier).await?;
    payment_required(&web, &title, &placed, &macaroon, reason.as_deref())
}

/// Every L402 header of a request. Several, as some clients send one for each name of the scheme:
/// the first that opens the film counts, and one that can't be read only if it is alone.
fn authorizations(headers: &HeaderMap) -> Result<Vec<Authorization>, sale::Error> {
    let mut good = Vec::new();
    let mut fault = None;
    for value in headers.get_all(header::AUTHORIZATION) {
        match value.to_str().ok().and_then(Authorization::parse) {
            Some(Ok(authorization)) if good.len() < MAX_AUTHORIZATIONS => good.push(authorization),
            Some(Err(error)) => fault = Some(error),
            // Another scheme's: not for this address.
            Some(Ok(_)) | None => {}
        }
    }
    match fault {
        Some(error) if good.is_empty() => Err(error.into()),
        Some(_) | None => Ok(good),
    }
}

/// No token: a film that costs nothing.
const fn free(title: VideoId) -> GrantRequest {
    GrantRequest {
        title,
        token: None,
        session: None,
        whole_timeline: false,
        native: true,
    }
}

fn to_film(granted: &Granted) -> Response {
    let headers = [
        (header::LOCATION, master_url(granted)),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
}

/// The tier of this name, else the cheapest.
fn chosen(web: &Web, title: &Title, name: Option<&str>) -> Result<Tier, sale::Error> {
    let offers = web.sale.offers(title);
    let found = match name {
        Some(name) => web.sale.offer(title, name),
        None => offers.iter().min_by_key(|tier| tier.price()).copied(),
    };
    found.ok_or_else(|| {
        let names: Vec<_> = offers.iter().map(|tier| web.sale.offer_id(tier)).collect();
        sale::Error::NotOnOffer(names.join(", "))
    })
}

/// The visitor's open challenge, or a new one. Two requests at once share one.
async fn challenge(
    web: &Web,
    client: Client,
    id: VideoId,
    tier: Tier,
) -> Result<(Placed, String), ApiError> {
    web.count(Kind::Look, client)?;
    let name = web.sale.offer_id(&tier);
    let key = (client, id, tier.kind(), tier.tag());
    loop {
        match web.challenges.0.get_value_or_guard_async(&key).await {
            Ok(known) => {
                if let Some(placed) = web.sale.order_again(id, &name, &known.ticket).await? {
                    return Ok((placed, known.macaroon.clone()));
                }
                let same = |other: &Arc<Challenge>| Arc::ptr_eq(other, &known);
                web.challenges.0.remove_if(&key, same);
            }
            Err(guard) => {
                web.count(Kind::Order, client)?;
                let placed = web.sale.order(id, &name).await?;
                let place = web.site.url.as_deref().unwrap_or_default();
                let macaroon = web.sale.macaroon(&placed, place)?;
                let ticket = placed.ticket.clone().unwrap_or_default();
                let challenge = Challenge {
                    ticket,
                    macaroon: macaroon.clone(),
                };
                // Forgotten in between: then the next request makes another one.
                let _ = guard.insert(Arc::new(challenge));
                return Ok((placed, macaroon));
            }
        }
    }
}

fn payment_required(
    web: &Web,
    title: &Title,
    placed: &Placed,
    macaroon: &str,
    reason: Option<&str>,
) -> Result<Response, ApiError> {
    let detail = detail(placed, reason);
    let fields = fields(web, title, placed, macaroon);
    let status = StatusCode::PAYMENT_REQUIRED;
    let mut response = document(
        status,
        "payment-required",
        "Payment required",
        &detail,
        fields,
    );
    let invoice = &placed.invoice.payment_request;
    // The new parameter beside the old one, and the scheme's older name for older clients, some
    // of which want its parameters in just this order.
    for challenge in [
        format!(
            "L402 version=\"0\", token=\"{macaroon}\", macaroon=\"{macaroon}\", invoice=\"{invoice}\""
        ),
        format!("LSAT macaroon=\"{macaroon}\", invoice=\"{invoice}\""),
    ] {
        let value =
            HeaderValue::try_from(challenge).map_err(|error| ApiError::Internal(error.into()))?;
        response
            .headers_mut()
            .append(header::WWW_AUTHENTICATE, value);
    }
    Ok(response)
}

fn detail(placed: &Placed, reason: Option<&str>) -> String {
    let time = match placed.tier.and_then(|tier| tier.hours()) {
        Some(hours) => format!("for {hours} hours, counted from your payment"),
        None => "for ever".to_owned(),
    };
    let price = placed.amount.get();
    let reason = reason.map(|why| format!("{why}. ")).unwrap_or_default();
    format!(
        "{reason}This costs {price} sat, {time}. Pay the Lightning invoice in \"payment_request\": \
         your wallet gets a preimage, 64 hex digits. Then ask for this address again with the \
         header \"Authorization: L402 MACAROON:PREIMAGE\", the macaroon as given here. The answer \
         is a redirect to an HLS playlist that any player plays. Asking again before you have \
         paid gives the same invoice."
    )
}

fn fields(web: &Web, title: &Title, placed: &Placed, macaroon: &str) -> Map<String, Value> {
    let base = web.site.url.as_deref().unwrap_or_default();
    let tiers: Vec<_> = web
        .sale
        .offers(title)
        .iter()
        .map(|tier| {
            let name = web.sale.offer_id(tier);
            json!({
                "tier": name,
                "sat": tier.price(),
                "hours": tier.hours(),
                "url": format!("{base}/l402/{}/master.m3u8?tier={name}", title.id),
            })
        })
        .collect();
    let expires_at: Timestamp = placed.invoice.expires_at;
    let fields = json!({
        "film": {"id": title.id.to_string(), "name": &*title.name},
        "amount_sat": placed.amount,
        "tier": placed.tier.map(|tier| web.sale.offer_id(&tier)),
        "hours": placed.tier.and_then(|tier| tier.hours()),
        "payment_request": placed.invoice.payment_request,
        "payment_hash": placed.invoice.payment_hash,
        "expires_at": expires_at,
        "macaroon": macaroon,
        "authorization": format!("L402 {macaroon}:PREIMAGE"),
        "tiers": tiers,
        "documentation": [format!("{base}{DISCOVERY}"), format!("{base}{DESCRIPTION}")],
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// `GET /.well-known/l402.json`: what is for sale here and how a program buys it.
#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn discovery(State(web): State<Shared>) -> Response {
    let base = web.site.url.as_deref().unwrap_or_default();
    let document = json!({
        "name": web.site.name,
        "description": "Films for Lightning payments, without accounts.",
        "versions": ["0"],
        "schemes": ["L402", "LSAT"],
        "services": [{
            "name": "film",
            "description": "A whole film as an HLS playlist, for any player.",
            "method": "GET",
            "pattern": "/l402/{id}/master.m3u8",
            "url": format!("{base}/l402/{{id}}/master.m3u8{{?tier}}"),
            "parameters": {
                "id": "a title's id from the catalogue",
                "tier": "one of the title's tiers; the cheapest if left out",
            },
            "pricing": {
                "currency": "sat",
                "model": "once for each title and tier; some titles are free",
                "prices": format!("{base}/api/titles"),
            },
            "caveats": ["title", "tier", "hours", "order", "invoice"],
        }],
        "steps": [
            "Choose a title and a tier at the address under \"catalogue\".",
            "GET the service's address: 402, with an invoice and a macaroon, in WWW-Authenticate and in the body.",
            "Pay the invoice. Until it is paid or runs out, asking again gives the same one.",
            "GET the address again with \"Authorization: L402 MACAROON:PREIMAGE\": 307 to the film's playlist, good for some hours.",
            "Keep macaroon and preimage: they open the film again until the time that was bought is over. Hours count from the payment.",
        ],
        "catalogue": format!("{base}/api/titles"),
        "documentation": format!("{base}{DESCRIPTION}"),
    });
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, document.to_string()).into_response()
}
