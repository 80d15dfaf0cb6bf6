//! Talking to BTCPay Server: one request, one answer, within limits. Knows no invoices.
//!
//! Follows no redirect and no proxy of the environment: the API key goes to the configured host
//! and nowhere else. Trusts the system's certificate roots.

use std::time::Duration;

use anyhow::{Context, anyhow};
use reqwest::{Method, StatusCode, Url, header::HeaderValue, redirect::Policy};
use satreel_config::{HttpUrl, SecretString};
use serde::{Serialize, de::DeserializeOwned};

use crate::payments::{Error, Result};

/// Longest answer that is taken in; a page of invoices is a tenth of it.
const MAX_ANSWER: usize = 8 << 20;
/// Longest part of a refusal's words that goes to the log.
const MAX_WORDS: usize = 300;
/// BTCPay itself waits 5 s for its Lightning node.
const PATIENCE: Duration = Duration::from_secs(20);
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// See the module's head.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    /// Marked as sensitive: hidden in `Debug`.
    authorization: HeaderValue,
}

impl Client {
    pub(super) fn new(base: &HttpUrl, api_key: &SecretString) -> anyhow::Result<Self> {
        if !base.is_https() && !stays_inside(base) {
            tracing::warn!(
                url = %base,
                "BTCPay Server is reached without TLS: whoever listens on the way learns the API key"
            );
        }
        // An error only says that somebody else has chosen already, and everybody here chooses it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(PATIENCE)
            .user_agent(concat!("satreel/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("the HTTP client")?;
        let mut authorization = HeaderValue::try_from(format!("token {}", api_key.expose()))
            .map_err(|_| anyhow!("the API key holds letters that no API key has"))?;
        authorization.set_sensitive(true);
        let base = Url::parse(base.as_str()).context("[payments.btcpay] url")?;
        Ok(Self {
            http,
            base,
            authorization,
        })
    }

    /// None: there is no such thing (404).
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<T>> {
        self.send(Method::GET, path, query, None::<&()>).await
    }

    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Option<T>> {
        let url = self.url(path, query)?;
        let mut request = self
            .http
            .request(method, url)
            .header(http::header::AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(away)?;
        let status = answer.status();
        let body = read(answer).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => serde_json::from_slice(&body)
                .map(Some)
                .map_err(|error| Error::Away(anyhow!(error).context("BTCPay Server's answer"))),
            status => Err(refusal(status, &body)),
        }
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Refused(anyhow!("the URL of BTCPay Server has no path")))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(away)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Error::Away(anyhow!("BTCPay Server's answer is over 8 MB")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn away(error: reqwest::Error) -> Error {
    Error::Away(anyhow!(error).context("BTCPay Server is not reached"))
}

fn refusal(status: StatusCode, body: &[u8]) -> Error {
    let words: String = String::from_utf8_lossy(body)
        .chars()
        .filter(|letter| !letter.is_control())
        .take(MAX_WORDS)
        .collect();
    match status {
        StatusCode::UNAUTHORIZED => {
            Error::Refused(anyhow!("BTCPay Server does not know the API key"))
        }
        StatusCode::FORBIDDEN => Error::Refused(anyhow!(
            "the API key may not do this in this store (satreel btcpay connect says what it lacks): {words}"
        )),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Error::Away(anyhow!("BTCPay Server answers {status}"))
        }
        status if status.is_server_error() => {
            Error::Away(anyhow!("BTCPay Server answers {status}"))
        }
        status => Error::Refused(anyhow!("BTCPay Server answers {status}: {words}")),
    }
}

/// No packet to it leaves the house, or none without cover.
fn stays_inside(url: &HttpUrl) -> bool {
    let host = url.host();
    // A name without a dot is one of the local network: a container's, say.
    url.is_loopback()
        || host
            .parse()
            .map_or(!host.contains('.'), satreel_config::stays_inside)
        || host
            .rsplit_once('.')
            .is_some_and(|(_, last)| last == "onion")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_the_house() {
        for (url, inside) in [
            ("http://127.0.0.1:23000", true),
            ("http://192.168.1.5", true),
            ("http://10.0.0.2:80", true),
            ("http://[fd00::1]", true),
            ("http://btcpayserver", true),
            ("http://abcdefghij.onion", true),
            ("http://btcpay.example", false),
            ("http://8.8.8.8", false),
            ("http://[2001:db8::1]", false),
        ] {
            assert_eq!(stays_inside(&url.parse().expect(url)), inside, "{url}");
        }
    }

    #[test]
    fn paths_and_queries_hold_what_they_are_given() {
        let base = "https://pay.example/btcpay".parse().expect("a URL");
        let key = SecretString::new("hush".into());
        let client = Client::new(&base, &key).expect("a client");
        let url = client.url(&["stores", "a/b?", "invoices"], &[("orderId", "x&y=1")]);
        assert_eq!(
            url.expect("a URL").as_str(),
            "https://pay.example/btcpay/api/v1/stores/a%2Fb%3F/invoices?orderId=x%26y%3D1"
        );
        assert!(!format!("{client:?}").contains("hush"));
    }

    #[test]
    fn whether_to_try_again_is_told_from_the_status() {
        let away = |code| {
            let status = StatusCode::from_u16(code).expect("a status");
            matches!(refusal(status, b"words"), Error::Away(_))
        };
        for (code, expected) in [
            (400, false),
            (401, false),
            (403, false),
            (422, false),
            (408, true),
            (429, true),
            (500, true),
            (502, true),
            (503, true),
        ] {
            assert_eq!(away(code), expected, "{code}");
        }
    }
}
