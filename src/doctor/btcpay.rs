//! A store of a BTCPay Server.

use satreel_config::Btcpay as Keys;

use super::Check;
use crate::payments::btcpay::{Btcpay, Finding};

pub(super) async fn look(keys: &Keys) -> Vec<Check> {
    let secret = match keys.webhook_secret.read() {
        Ok(_) => Check::green("webhook secret", "can be read"),
        Err(error) => Check::red(
            "webhook secret",
            error.to_string(),
            "put it there: openssl rand -hex 32; then run satreel btcpay connect",
        ),
    };
    let checks = match Btcpay::open(keys) {
        Ok(btcpay) => btcpay.examine().await.into_iter().map(check).collect(),
        Err(error) => vec![Check::red(
            "API key",
            format!("{error:#}"),
            "see [payments.btcpay] api_key",
        )],
    };
    std::iter::once(secret).chain(checks).collect()
}

fn check(finding: Finding) -> Check {
    match (finding.good, finding.remedy) {
        (true, None) => Check::green(finding.name, finding.detail),
        (true, Some(remedy)) => Check::yellow(finding.name, finding.detail, remedy),
        (false, remedy) => Check::red(finding.name, finding.detail, remedy.unwrap_or_default()),
    }
}
