//! Live checks of what a site depends on, for the person who runs it: what was looked at, how it
//! is, and what to do. One function a backend; the command line prints them.

mod backup;
mod btcpay;
mod certificate;
mod lnd;
mod machine;
mod proxy;
mod transcoder;

use satreel_config::{Backend, Config};
use serde::{Deserialize, Serialize};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Green,
    /// It works, and something about it should be changed; or it could not be looked at.
    Yellow,
    Red,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub state: State,
    pub detail: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
}

impl Check {
    pub fn green(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, State::Green, detail, "")
    }

    pub fn yellow(
        name: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(name, State::Yellow, detail, remedy)
    }

    pub fn red(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(name, State::Red, detail, remedy)
    }

    /// Another fault stands before it.
    pub fn not_looked_at(name: &'static str, why: &str) -> Self {
        Self::new(name, State::Yellow, format!("not looked at: {why}"), "")
    }

    fn new(
        name: &'static str,
        state: State,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            name,
            state,
            detail: detail.into(),
            remedy: remedy.into(),
        }
    }
}

/// Looks at all that this site depends on.
pub async fn look(config: &Config) -> Vec<Check> {
    let mut checks = payments(config).await;
    checks.extend(certificate::look(config));
    checks.extend(proxy::look(config).await);
    checks.extend(machine::look(config).await);
    checks.extend(transcoder::look(config).await);
    checks.extend(backup::look(config, jiff::Timestamp::now()));
    checks
}

async fn payments(config: &Config) -> Vec<Check> {
    let payments = &config.payments;
    match (payments.backend, &payments.lnd, &payments.btcpay) {
        (Backend::Lnd, Some(keys), _) => lnd::look(config, keys).await,
        (Backend::Btcpay, _, Some(keys)) => btcpay::look(keys).await,
        (Backend::Wallet, _, _) => vec![Check::green(
            "payments",
            "the built-in wallet: play money, on this machine only",
        )],
        // The configuration refuses both.
        (Backend::Lnd, None, _) | (Backend::Btcpay, _, None) => Vec::new(),
    }
}
