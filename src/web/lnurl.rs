//! Tips by Lightning address: LNURL-pay (LUD-01, 06, 09, 12, 16, 21).
//!
//! Owns what wallets ask for and its own shape of errors. A tip that comes this way is a tip like
//! any other: see `sale`.

use std::ops::RangeInclusive;

use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bitcoin::bech32::{self, Bech32, Hrp};
use satreel_config::{Backend, Config};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    api::qr_svg,
    client::Client,
    extract::Query,
    limits::Kind,
    problem::ApiError,
    state::{Shared, Web},
};
use crate::{
    core::money::Msats,
    payments::Invoice,
    sale::{MAX_TIP_MESSAGE, NewTip},
};

/// Whether tips come by Lightning address.
#[derive(Debug)]
pub enum Tips {
    Off,
    /// BTCPay Server has one of its own.
    Elsewhere,
    Here(Address),
}

/// The site's Lightning address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    name: String,
    /// `name@host`
    text: String,
    /// The site's URL without a slash at its end.
    base: String,
    min: Msats,
    max: Msats,
    thanks: String,
    /// JSON, to the byte: the invoice commits to it (LUD-06).
    metadata: String,
}

impl Tips {
    pub fn new(config: &Config) -> Self {
        let Some(name) = &config.tips.address else {
            return Self::Off;
        };
        if config.payments.backend == Backend::Btcpay {
            return Self::Elsewhere;
        }
        let base = config.site.url.as_str().trim_end_matches('/').to_owned();
        let host = base.split_once("://").map_or("", |(_, host)| host);
        let text = format!("{name}@{host}");
        let about = format!("A tip for {}", config.site.name);
        let metadata = json!([["text/plain", about], ["text/identifier", text]]).to_string();
        let msats = |sat: u64| Msats::new(sat * 1000).unwrap_or(Msats::ZERO);
        Self::Here(Address {
            name: name.clone(),
            text,
            base,
            min: msats(config.tips.min_sat),
            max: msats(config.tips.max_sat),
            thanks: config.tips.message.clone(),
            metadata,
        })
    }

    /// As people write it.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Here(address) => Some(&address.text),
            Self::Off | Self::Elsewhere => None,
        }
    }

    fn named(&self, name: &str) -> Result<&Address, Refusal> {
        match self {
            Self::Here(address) if address.name == name => Ok(address),
            Self::Here(_) | Self::Off => Err(Refusal::Unknown("nobody here has this address")),
            Self::Elsewhere => Err(Refusal::Unknown(
                "tips by Lightning address are taken by this site's BTCPay Server itself",
            )),
        }
    }
}

impl Address {
    fn url(&self) -> String {
        format!("{}/.well-known/lnurlp/{}", self.base, self.name)
    }

    /// The URL as wallets scan it (LUD-01).
    fn lnurl(&self) -> Result<String, ApiError> {
        bech32::encode::<Bech32>(Hrp::parse_unchecked("lnurl"), self.url().as_bytes())
            .map_err(|error| ApiError::Internal(error.into()))
    }

    fn amount(&self, text: Option<&str>) -> Result<Msats, Refusal> {
        let (min, max) = (self.min.get(), self.max.get());
        read_amount(text, self.min..=self.max)
            .ok_or_else(|| Refusal::Request(format!("amount: {min} to {max} millisatoshi")))
    }
}

/// Wallets show `reason` to the payer.
#[derive(Debug)]
enum Refusal {
    Unknown(&'static str),
    Request(String),
    Api(ApiError),
}

impl<E: Into<ApiError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Api(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, reason, wait) = match self {
            Self::Unknown(reason) => (StatusCode::NOT_FOUND, reason.to_owned(), None),
            // 200 as is usual here: many wallets read no body of an error.
            Self::Request(reason) => (StatusCode::OK, reason, None),
            Self::Api(error) => {
                let reason = error.to_string();
                let mut problem = error.into_response();
                let wait = problem.headers_mut().remove(header::RETRY_AFTER);
                (problem.status(), reason, wait)
            }
        };
        let mut response = answer(&json!({"status": "ERROR", "reason": reason}));
        *response.status_mut() = status;
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response
    }
}

/// Any page may ask: there is no cookie and no secret in it.
fn answer(value: &Value) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            HeaderValue::from_static("*"),
        ),
    ];
    (headers, value.to_string()).into_response()
}

fn told(result: Result<Value, Refusal>) -> Response {
    match result {
        Ok(value) => answer(&value),
        Err(refusal) => refusal.into_response(),
    }
}

/// `GET /.well-known/lnurlp/{name}`
#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn offer(State(web): State<Shared>, Path(name): Path<String>) -> Response {
    told(web.tips.named(&name).map(|address| {
        json!({
            "tag": "payRequest",
            "callback": format!("{}/lnurl/pay/{}", address.base, address.name),
            "minSendable": address.min.get(),
            "maxSendable": address.max.get(),
            "metadata": address.metadata,
            "commentAllowed": MAX_TIP_MESSAGE,
        })
    }))
}

/// What a wallet sends; it may send more, for other uses of LNURL.
#[derive(Debug, Deserialize)]
pub struct Payment {
    amount: Option<String>,
    comment: Option<String>,
}

/// `GET /lnurl/pay/{name}?amount=&comment=`
pub async fn pay(
    State(web): State<Shared>,
    client: Client,
    Path(name): Path<String>,
    payment: Result<Query<Payment>, ApiError>,
) -> Response {
    told(invoice(&web, client, &name, payment).await)
}

async fn invoice(
    web: &Web,
    client: Client,
    name: &str,
    payment: Result<Query<Payment>, ApiError>,
) -> Result<Value, Refusal> {
    let address = web.tips.named(name)?;
    let Query(payment) = payment?;
    let amount = address.amount(payment.amount.as_deref())?;
    let message = comment(payment.comment.as_deref().unwrap_or_default())?;
    web.count(Kind::Order, client)?;
    let tip = NewTip {
        amount,
        title: None,
        channel: None,
        message,
        description_hash: Some(Sha256::digest(&address.metadata).into()),
    };
    let placed = web.sale.tip(tip).await?;
    Ok(json!({
        "pr": placed.invoice.payment_request,
        "routes": [],
        "disposable": false,
        "successAction": {"tag": "message", "message": address.thanks},
        "verify": format!("{}/lnurl/verify/{}", address.base, placed.order),
    }))
}

fn comment(text: &str) -> Result<String, Refusal> {
    read_comment(text)
        .ok_or_else(|| Refusal::Request(format!("comment: at most {MAX_TIP_MESSAGE} characters")))
}

/// Millisatoshi as a wallet writes them. None: no number, or beyond the limits.
pub fn read_amount(text: Option<&str>, limits: RangeInclusive<Msats>) -> Option<Msats> {
    let amount = Msats::new(text?.parse().ok()?).ok()?;
    limits.contains(&amount).then_some(amount)
}

/// The payer's words, without what no text field makes. None: too many.
pub fn read_comment(text: &str) -> Option<String> {
    let kept = |letter: &char| !letter.is_control() || *letter == '\n';
    (text.chars().count() <= MAX_TIP_MESSAGE).then(|| text.chars().filter(kept).collect())
}

/// `GET /lnurl/verify/{order}` (LUD-21)
pub async fn verify(
    State(web): State<Shared>,
    client: Client,
    Path(order): Path<String>,
) -> Response {
    told(is_paid(&web, client, &order).await)
}

async fn is_paid(web: &Web, client: Client, order: &str) -> Result<Value, Refusal> {
    web.count(Kind::Look, client)?;
    let handle = web.sale.open_handle(order)?;
    let invoice: Invoice = web.sale.look_up(&handle.invoice).await?;
    Ok(json!({
        "status": "OK",
        "settled": invoice.settled().is_some(),
        // The payment backends that we know tell it to the payer alone.
        "preimage": null,
        "pr": invoice.payment_request,
    }))
}

/// `GET /lnurl/pay/{name}/qr.svg`
#[allow(clippy::unused_async, reason = "axum's handlers are async")]
pub async fn qr(State(web): State<Shared>, Path(name): Path<String>) -> Response {
    let picture = || -> Result<String, Refusal> {
        let lnurl = web.tips.named(&name)?.lnurl()?;
        Ok(qr_svg(&format!(
            "LIGHTNING:{}",
            lnurl.to_ascii_uppercase()
        ))?)
    };
    match picture() {
        Ok(svg) => {
            let headers = [
                (header::CONTENT_TYPE, "image/svg+xml"),
                (header::CACHE_CONTROL, "public, max-age=3600"),
            ];
            (headers, svg).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address() -> Address {
        Address {
            name: "tips".into(),
            text: "tips@films.example".into(),
            base: "https://films.example".into(),
            min: Msats::new(1000).expect("an amount"),
            max: Msats::new(5_000_000).expect("an amount"),
            thanks: "Thanks".into(),
            metadata: "[]".into(),
        }
    }

    #[test]
    fn the_url_is_written_as_wallets_scan_it() {
        let text = address().lnurl().expect("a text");
        let (hrp, bytes) = bech32::decode(&text).expect("bech32");
        assert_eq!(hrp.as_str(), "lnurl");
        assert_eq!(bytes, b"https://films.example/.well-known/lnurlp/tips");
    }

    /// The example of LUD-01.
    #[test]
    fn the_standards_own_example_comes_out() {
        let url = "https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df";
        let text = bech32::encode::<Bech32>(Hrp::parse_unchecked("lnurl"), url.as_bytes());
        let expected = "LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3EV56NYD3HXQURZEPEXEJXXEPNXSCRVWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS";
        assert_eq!(text.expect("a text").to_uppercase(), expected);
    }

    proptest! {
        #[test]
        fn amounts_stay_within_the_limits(text in "-?[0-9]{0,25}|.{0,30}") {
            if let Ok(amount) = address().amount(Some(&text)) {
                prop_assert!((1000..=5_000_000).contains(&amount.get()));
                prop_assert_eq!(text.trim_start_matches(['0', '+']), amount.get().to_string());
            }
        }

        #[test]
        fn comments_are_text(text in "(.|\n|\r|\t){0,400}") {
            match comment(&text) {
                Ok(kept) => {
                    prop_assert!(kept.chars().all(|letter| !letter.is_control() || letter == '\n'));
                    prop_assert!(kept.chars().count() <= MAX_TIP_MESSAGE);
                }
                Err(_) => prop_assert!(text.chars().count() > MAX_TIP_MESSAGE),
            }
        }
    }
}
