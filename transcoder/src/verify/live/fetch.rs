//! Asks a site as a player would: GET and HEAD, no redirects, no cookies, nothing remembered.

use std::io;
use std::time::Duration;

use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use url::Url;

/// Longer than any server may hold a reload back: three target durations of 10 s, and the way.
const PATIENCE: Duration = Duration::from_secs(45);
const LONGEST_TEXT: u64 = 4 << 20;
const LARGEST_FILE: u64 = 1 << 30;

#[derive(Debug, thiserror::Error)]
#[error("{url} cannot be fetched")]
pub(super) struct Unreachable {
    pub(super) url: String,
    pub(super) source: ureq::Error,
}

#[derive(Debug, Clone)]
pub(super) struct Client(Agent);

impl Client {
    pub(super) fn new() -> Self {
        let tls = TlsConfig::builder()
            // What the machine trusts: a site at home may have an authority of its own.
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            // Players follow redirects at a price; here they are seen.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("satreel-verify/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        Self(Agent::new_with_config(config))
    }

    /// The status and the whole text.
    pub(super) fn text(&self, url: &Url) -> Result<(u16, String), Unreachable> {
        let answer = self.0.get(url.as_str()).call();
        answer.and_then(read).map_err(unreachable(url))
    }

    /// The same for a question in JSON, with what proves a purchase.
    pub(super) fn post(
        &self,
        url: &Url,
        json: &str,
        token: Option<&str>,
    ) -> Result<(u16, String), Unreachable> {
        let mut request = self.0.post(url.as_str());
        request = request.header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.send(json).and_then(read).map_err(unreachable(url))
    }

    /// Reads a file to its end and forgets it: the status.
    pub(super) fn whole(&self, url: &Url) -> Result<u16, Unreachable> {
        let answer = self.0.get(url.as_str()).call().map_err(unreachable(url))?;
        let status = answer.status().as_u16();
        let mut body = answer
            .into_body()
            .into_with_config()
            .limit(LARGEST_FILE)
            .reader();
        io::copy(&mut body, &mut io::sink())
            .map_err(ureq::Error::Io)
            .map_err(unreachable(url))?;
        Ok(status)
    }

    /// Whether a file is there, without its bytes: the status.
    pub(super) fn head(&self, url: &Url) -> Result<u16, Unreachable> {
        let answer = self.0.head(url.as_str()).call().map_err(unreachable(url))?;
        Ok(answer.status().as_u16())
    }
}

fn read(mut answer: Response<ureq::Body>) -> Result<(u16, String), ureq::Error> {
    let text = answer
        .body_mut()
        .with_config()
        .limit(LONGEST_TEXT)
        .read_to_string()?;
    Ok((answer.status().as_u16(), text))
}

fn unreachable(url: &Url) -> impl FnOnce(ureq::Error) -> Unreachable {
    let url = url.to_string();
    |source| Unreachable { url, source }
}
