//! The calls of Greenfield that we use, behind the check of everything published.

use std::sync::atomic::Ordering;

use anyhow::{Context, Result, anyhow};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    Key, Standin,
    book::{self, Additional, Invoice, Status},
    hooks::Hook,
    openapi::Call,
    standin::{description, random_id},
};

const MAX_BODY: usize = 1 << 20;
/// BTCPay looks for late payments this long after the end.
const MONITORING_S: u64 = 24 * 3600;

pub(crate) fn router(standin: Standin) -> Router {
    Router::new().fallback(answer).with_state(standin)
}

struct Asked {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Value>,
}

type Answer = (StatusCode, Value);

async fn answer(State(standin): State<Standin>, request: Request) -> Response {
    standin.state.requests.fetch_add(1, Ordering::SeqCst);
    let faults = standin.faults();
    if faults.failing {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let authorization = request.headers().get(header::AUTHORIZATION).cloned();
    let authorization = authorization.as_ref().and_then(|value| value.to_str().ok());
    let asked = match take(request).await {
        Ok(asked) => asked,
        Err(error) => return refuse(&standin, "a request", &error),
    };
    let name = format!("{} {}", asked.method, asked.path);
    let Some(call) = standin.state.published.call(&asked.method, &asked.path) else {
        return refuse(&standin, &name, &anyhow!("no such call"));
    };
    let checked = call
        .check_query(&asked.query)
        .and_then(|()| call.check_body(asked.body.as_ref()));
    if let Err(error) = checked {
        return refuse(&standin, &name, &error);
    }
    let result = match permit(&standin, call, authorization) {
        Ok(key) => serve(&standin, &asked, key).await,
        Err(answer) => Ok(answer),
    };
    let (status, body) = match result {
        Ok(answer) => answer,
        Err(error) => {
            if !is_node_away(&error) {
                standin.violate(format!("own fault at {name}: {error:#}"));
            }
            (StatusCode::INTERNAL_SERVER_ERROR, Value::Null)
        }
    };
    if let Err(error) = call.check_answer(status.as_u16(), &body) {
        standin.violate(format!("own answer to {name}: {error:#}"));
    }
    (status, axum::Json(body)).into_response()
}

/// The node behind the store is down, locked or starting: no fault of the stand-in's.
fn is_node_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let fault = cause.downcast_ref::<satreel_lnd::Error>();
        fault.is_some_and(|fault| fault.is_passing() || matches!(fault, satreel_lnd::Error::Locked))
    })
}

fn refuse(standin: &Standin, name: &str, error: &anyhow::Error) -> Response {
    standin.violate(format!("{name}: {error:#}"));
    let body = json!([{"path": name, "message": format!("{error:#}")}]);
    (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
}

async fn take(request: Request) -> Result<Asked> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map(|pairs| pairs.0)
        .with_context(|| format!("the query {query}"))?;
    let bytes = to_bytes(Body::new(body), MAX_BODY).await?;
    let body = if bytes.is_empty() {
        None
    } else {
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        anyhow::ensure!(json, "the body is not sent as application/json");
        Some(serde_json::from_slice(&bytes).context("the body")?)
    };
    Ok(Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query,
        body,
    })
}

/// The key, if the call needs one and the key may.
fn permit<'a>(
    standin: &'a Standin,
    call: &Call,
    authorization: Option<&str>,
) -> Result<Option<&'a Key>, Answer> {
    let Some(needed) = &call.permissions else {
        return Ok(None);
    };
    let unknown = || {
        let body = json!({"code": "unauthenticated", "message": "Authentication is required"});
        (StatusCode::UNAUTHORIZED, body)
    };
    let secret = authorization.and_then(|text| text.strip_prefix("token "));
    let keys = &standin.state.options.keys;
    let key = keys
        .iter()
        .find(|key| Some(key.secret.as_str()) == secret)
        .ok_or_else(unknown)?;
    let scope = format!(":{}", standin.state.options.store);
    let held = |needed: &String| {
        key.permissions.iter().any(|held| {
            held == "unrestricted" || held.strip_suffix(&scope).unwrap_or(held) == needed
        })
    };
    match needed.iter().find(|needed| !held(needed)) {
        None => Ok(Some(key)),
        Some(missing) => {
            let body = json!({"code": "missing-permission", "message": format!("The key lacks {missing}")});
            Err((StatusCode::FORBIDDEN, body))
        }
    }
}

async fn serve(standin: &Standin, asked: &Asked, key: Option<&Key>) -> Result<Answer> {
    let parts: Vec<_> = asked.path.split('/').skip(3).collect();
    let missing = (
        StatusCode::NOT_FOUND,
        json!({"code": "not-found", "message": "Not found"}),
    );
    if parts[0] == "stores" && parts[1] != standin.state.options.store {
        return Ok(missing);
    }
    let body = asked.body.as_ref().unwrap_or(&Value::Null);
    let found = match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["health"]) => Some(json!({"synchronized": true})),
        ("GET", ["api-keys", "current"]) => key.map(
            |key| json!({"apiKey": key.secret, "label": "Satreel", "permissions": key.permissions}),
        ),
        ("GET", ["stores", _, "invoices"]) => Some(list(standin, asked).await?),
        ("POST", ["stores", _, "invoices"]) => return create(standin, body).await,
        ("GET", ["invoices", id]) => {
            standin.look_at(id).await?;
            standin
                .invoice(id)
                .map(|invoice| shown(standin, asked, &invoice))
        }
        ("GET", ["invoices", id, "payment-methods"]) => {
            standin.look_at(id).await?;
            standin.invoice(id).map(|invoice| invoice.methods())
        }
        ("GET", ["stores", _, "webhooks"]) => Some(Value::Array(
            standin.hooks().iter().map(Hook::json).collect(),
        )),
        ("POST", ["stores", _, "webhooks"]) => Some(hook(standin, random_id(), body)?),
        ("PUT", ["webhooks", id]) if standin.hooks().iter().any(|hook| hook.id == *id) => {
            Some(hook(standin, (*id).to_owned(), body)?)
        }
        _ => None,
    };
    Ok(found.map_or(missing, |body| (StatusCode::OK, body)))
}

fn shown(standin: &Standin, asked: &Asked, invoice: &Invoice) -> Value {
    let mut shown = invoice.json(&standin.state.options.store);
    if asked
        .query
        .iter()
        .any(|(name, value)| name == "includePaymentMethods" && value == "true")
    {
        shown["paymentMethods"] = invoice.methods();
    }
    shown
}

/// Newest first.
async fn list(standin: &Standin, asked: &Asked) -> Result<Value> {
    let values = |wanted: &str| {
        let found = asked.query.iter().filter(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    let number = |name| {
        values(name)
            .first()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let statuses: Vec<Status> = values("status")
        .into_iter()
        .map(|text| serde_json::from_value(json!(text)))
        .collect::<Result<_, _>>()?;
    let orders = values("orderId");
    let (start, end) = (number("startDate"), number("endDate"));
    for invoice in standin.invoices() {
        standin.look_at(&invoice.id).await?;
    }
    let fits = |invoice: &Invoice| {
        let order = invoice.metadata["orderId"].as_str().unwrap_or_default();
        (statuses.is_empty() || statuses.contains(&invoice.status))
            && (orders.is_empty() || orders.contains(&order))
            && start.is_none_or(|start| invoice.created >= start)
            && end.is_none_or(|end| invoice.created <= end)
    };
    let (skip, take) = (
        number("skip").unwrap_or(0),
        number("take").unwrap_or(u64::MAX),
    );
    let page = standin.invoices().into_iter().rev().filter(fits);
    let page = page
        .skip(usize::try_from(skip)?)
        .take(usize::try_from(take).unwrap_or(usize::MAX));
    Ok(Value::Array(
        page.map(|invoice| shown(standin, asked, &invoice))
            .collect(),
    ))
}

async fn create(standin: &Standin, body: &Value) -> Result<Answer> {
    let invalid = |path: &str, message: &str| {
        Ok((
            StatusCode::BAD_REQUEST,
            json!([{"path": path, "message": message}]),
        ))
    };
    let msat = body["amount"].as_str().and_then(book::msat_of);
    let (Some(msat), Some("BTC")) = (msat, body["currency"].as_str()) else {
        return invalid("amount", "this stand-in sells for bitcoin only");
    };
    let checkout = &body["checkout"];
    let minutes = checkout["expirationMinutes"].as_u64().unwrap_or(15);
    if checkout["expirationMinutes"]
        .as_f64()
        .is_some_and(|given| given.fract() != 0.0)
        || minutes == 0
    {
        return invalid(
            "checkout.expirationMinutes",
            "Expiration time must be at least 30 seconds",
        );
    }
    let wanted = |id: &str| {
        let chosen = checkout["paymentMethods"].as_array();
        chosen.is_none_or(|chosen| chosen.iter().any(|one| one == id))
    };
    let (id, now) = (random_id(), standin.now());
    let order = body["metadata"]["orderId"]
        .as_str()
        .unwrap_or(&id)
        .to_owned();
    let bolt11 = if wanted(book::LIGHTNING) && !standin.faults().no_lightning {
        let node = &standin.state.node;
        Some(
            node.invoice(msat, &description(&order), minutes * 60)
                .await?,
        )
    } else {
        None
    };
    let address = if wanted(book::ONCHAIN) {
        standin.state.node.address().await?
    } else {
        None
    };
    let invoice = Invoice {
        id,
        msat,
        metadata: body["metadata"].clone(),
        checkout: checkout.clone(),
        created: now,
        expires: now + minutes * 60,
        monitored_until: now + minutes * 60 + MONITORING_S,
        status: Status::New,
        additional: Additional::None,
        bolt11,
        address,
        payments: Vec::new(),
    };
    let shown = invoice.json(&standin.state.options.store);
    standin.add(invoice)?;
    Ok((StatusCode::OK, shown))
}

fn hook(standin: &Standin, id: String, body: &Value) -> Result<Value> {
    let events = &body["authorizedEvents"];
    let specific = events["specificEvents"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let hook = Hook {
        id,
        enabled: body["enabled"].as_bool().unwrap_or(true),
        automatic_redelivery: body["automaticRedelivery"].as_bool().unwrap_or(true),
        url: body["url"].as_str().context("a URL")?.to_owned(),
        everything: events["everything"].as_bool().unwrap_or(true),
        events: specific
            .iter()
            .filter_map(|one| Some(one.as_str()?.to_owned()))
            .collect(),
        secret: body["secret"]
            .as_str()
            .map_or_else(random_id, str::to_owned),
    };
    let mut shown = hook.json();
    if body["secret"].is_null() {
        shown["secret"] = json!(hook.secret);
    }
    standin.put_hook(hook)?;
    Ok(shown)
}
