//! The viewers' pages, rendered here so that they show something before any script has run, and
//! without scripts as far as an invoice to copy.

use std::sync::Arc;

use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use maud::Markup;
use satreel_hls::{naming::VideoId, title::State as TitleState};
use serde::Deserialize;

use super::{
    api::{self, ListQuery, OrderAnswer},
    client::Client,
    extract::{PathPart, Query, cookies},
    limits::Kind,
    pages::{self, AssetUrls},
    pay_uri,
    problem::ApiError,
    state::{Shared, Web},
};
use crate::{
    catalog::Title,
    core::{ticket::Ticket, time::Timestamp},
    sale::{self, GrantRequest, Placed},
};

/// A page instead of a problem document: a person is looking.
#[derive(Debug)]
pub struct PageError {
    web: Shared,
    error: ApiError,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let Self { web, error } = self;
        let detail = error.to_string();
        let mut problem = error.into_response();
        let status = problem.status();
        let page = if status == StatusCode::NOT_FOUND {
            pages::not_found(&web.site, &web.assets)
        } else {
            pages::message(&web.site, &web.assets, &message(status, &detail))
        };
        let mut response = (status, page).into_response();
        if let Some(wait) = problem.headers_mut().remove(header::RETRY_AFTER) {
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response
    }
}

fn message(status: StatusCode, detail: &str) -> pages::Message {
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return pages::Message {
            heading: "The cinema's till is closed for the moment".to_owned(),
            text: "Nothing was charged. Try again in a moment.".to_owned(),
            link: None,
        };
    }
    let mut letters = detail.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    pages::Message {
        heading: "That did not work".to_owned(),
        text: format!("{}{}.", first.unwrap_or_default(), letters.as_str()),
        link: None,
    }
}

/// Turns an error into a page, keeping what the page needs.
pub fn page_error<E: Into<ApiError>>(web: &Shared) -> impl Fn(E) -> PageError {
    let web = web.clone();
    move |error| PageError {
        web: web.clone(),
        error: error.into(),
    }
}

pub async fn storefront(
    State(web): State<Shared>,
    query: Result<Query<ListQuery>, ApiError>,
) -> Result<Markup, PageError> {
    let Query(query) = query.map_err(page_error(&web))?;
    let search = query.search().map_err(page_error(&web))?;
    let found = web.sale.catalog.list(&search);
    let mut titles = Vec::new();
    if search.page == 1 && search.q.is_none() && search.tag.is_none() {
        titles = on_air(&web);
    }
    titles.extend(found.titles);
    let view = pages::Storefront {
        titles: api::title_views(&web, &titles).await,
        total: found.total,
        page: search.page as usize,
        pages: found.pages as usize,
        query: (!query.q.is_empty()).then(|| query.q.clone()),
        tag: search.tag,
    };
    Ok(pages::storefront(&web.site, &web.assets, &view))
}

/// What can be watched live at this moment, the newest first.
fn on_air(web: &Web) -> Vec<Arc<Title>> {
    let running = web.sale.live.on_air();
    let titles = running.iter().filter_map(|one| web.sale.on_air(one));
    titles
        .filter(|title| title.state == TitleState::Live)
        .map(Arc::new)
        .collect()
}

pub async fn film(
    State(web): State<Shared>,
    id: Result<PathPart<VideoId>, ApiError>,
) -> Result<Response, PageError> {
    let PathPart(id) = id.map_err(page_error(&web))?;
    let title = web.sale.public_title(id).map_err(page_error(&web))?;
    let title = api::title_view(&web, &title).await;
    if title.state == "live" {
        return Ok(Redirect::to(&title.url).into_response());
    }
    let view = pages::Film { title };
    Ok(pages::film(&web.site, &web.assets, &view).into_response())
}

#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn purchases(State(web): State<Shared>) -> Markup {
    pages::purchases(&web.site, &web.assets)
}

#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn not_found(State(web): State<Shared>) -> Response {
    (
        StatusCode::NOT_FOUND,
        pages::not_found(&web.site, &web.assets),
    )
        .into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderForm {
    tier: String,
}

/// `POST /w/{id}/order`: the order of a browser without JavaScript.
pub async fn order(
    State(web): State<Shared>,
    client: Client,
    id: Result<PathPart<VideoId>, ApiError>,
    headers: HeaderMap,
    form: Result<Form<OrderForm>, FormRejection>,
) -> Result<Response, PageError> {
    let PathPart(id) = id.map_err(page_error(&web))?;
    let Ok(Form(form)) = form else {
        return Ok(Redirect::to(&format!("/w/{id}")).into_response());
    };
    web.count(Kind::Order, client).map_err(page_error(&web))?;
    let placed = place(&web, id, &form.tier, &headers)
        .await
        .map_err(page_error(&web))?;
    let title = web.sale.public_title(id).map_err(page_error(&web))?;
    let label = placed
        .tier
        .map(|tier| api::offer_label(&web, &tier))
        .unwrap_or_default();
    let answer = OrderAnswer::new(&web, placed);
    let view = pages::OrderPlain {
        title: api::title_view(&web, &title).await,
        label,
        amount_sat: answer.amount_sat.get(),
        payment_request: answer.payment_request,
        pay_uri: answer.pay_uri,
        expires_at: answer.expires_at.to_string(),
        qr_url: format!("/api/orders/{}/qr.svg", answer.order),
        ticket: answer.ticket.unwrap_or_default(),
        demo_wallet: answer.demo_wallet,
        state: pages::PlainState::Waiting,
    };
    let cookie = order_cookie(&web, id, &view.ticket);
    let page = private(pages::order_plain(&web.site, &web.assets, &view));
    Ok(([(header::SET_COOKIE, cookie)], page).into_response())
}

/// The last unpaid order of this browser for the same thing, or a new one: a page that is loaded
/// again must not make an invoice each time.
async fn place(
    web: &Web,
    id: VideoId,
    tier: &str,
    headers: &HeaderMap,
) -> Result<Placed, sale::Error> {
    for ticket in cookies(headers, ORDER_COOKIE) {
        if let Some(placed) = web.sale.order_again(id, tier, ticket).await? {
            return Ok(placed);
        }
    }
    web.sale.order(id, tier).await
}

const ORDER_COOKIE: &str = "satreel_order";

/// The ticket, for as long as its invoice can be paid, and sent to this one address only.
fn order_cookie(web: &Web, id: VideoId, ticket: &str) -> String {
    let (age, secure) = (web.sale.invoice_s, if web.secure { "; Secure" } else { "" });
    format!(
        "{ORDER_COOKIE}={ticket}; Path=/w/{id}/order; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaidForm {
    ticket: String,
}

/// `POST /w/{id}/paid`: "I have paid", without JavaScript.
pub async fn paid(
    State(web): State<Shared>,
    client: Client,
    id: Result<PathPart<VideoId>, ApiError>,
    form: Result<Form<PaidForm>, FormRejection>,
) -> Result<Response, PageError> {
    let PathPart(id) = id.map_err(page_error(&web))?;
    let Ok(Form(form)) = form else {
        return Ok(Redirect::to(&format!("/w/{id}")).into_response());
    };
    web.count(Kind::Token, client).map_err(page_error(&web))?;
    let view = paid_view(&web, id, &form.ticket)
        .await
        .map_err(page_error(&web))?;
    Ok(private(pages::order_plain(&web.site, &web.assets, &view)))
}

async fn paid_view(web: &Web, id: VideoId, text: &str) -> Result<pages::OrderPlain, sale::Error> {
    let now: Timestamp = web.sale.clock.now();
    let ticket =
        Ticket::open(text, &web.sale.keys.current(), now).map_err(sale::Error::BadTicket)?;
    let invoice = web.sale.look_up(&ticket.invoice).await?;
    let id = ticket.order.page().unwrap_or(id);
    let title = web.sale.title(id).ok_or(sale::Error::UnknownTitle)?;
    let state = match web.sale.redeem(text).await {
        Ok(redeemed) => pages::PlainState::Paid {
            master_url: plain_master_url(web, id, redeemed.token).await?,
        },
        Err(sale::Error::Unpaid {
            state: "confirming",
            ..
        }) => pages::PlainState::Confirming,
        Err(sale::Error::Unpaid { received, .. }) if received.get() > 0 => {
            pages::PlainState::Underpaid {
                received_sat: received.get(),
            }
        }
        Err(sale::Error::Unpaid { .. }) => pages::PlainState::NotYet,
        Err(sale::Error::Expired | sale::Error::Canceled) => pages::PlainState::Expired,
        Err(error) => return Err(error),
    };
    let handle = web.sale.handle(&invoice, ticket.order.tier.price());
    Ok(pages::OrderPlain {
        title: api::title_view(web, &title).await,
        label: api::offer_label(web, &ticket.order.tier),
        amount_sat: ticket.order.tier.price().get(),
        expires_at: invoice.expires_at.to_string(),
        qr_url: format!("/api/orders/{handle}/qr.svg"),
        ticket: text.to_owned(),
        demo_wallet: web.wallet_url(&invoice.payment_request),
        pay_uri: pay_uri::link(&invoice),
        payment_request: invoice.payment_request,
        state,
    })
}

async fn plain_master_url(web: &Web, title: VideoId, token: String) -> Result<String, sale::Error> {
    let request = GrantRequest {
        title,
        token: Some(token),
        session: None,
        whole_timeline: false,
        native: true,
    };
    Ok(api::master_url(&web.sale.grant(request).await?))
}

/// Carries the buyer's secret: kept by no cache.
fn private(page: Markup) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], page).into_response()
}

/// `GET /theme.css`: the operator's accent over the house's own.
#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn theme(State(web): State<Shared>) -> Response {
    let css = web.accent.as_ref().map_or_else(String::new, |accent| {
        format!(":root {{ --accent: {accent}; }}\n")
    });
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, css).into_response()
}

/// `GET /favicon.ico`: asked for by browsers that ignore the page's own link.
#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn favicon(State(web): State<Shared>) -> Redirect {
    Redirect::permanent(web.assets.url("favicon.svg"))
}
