//! `satreel btcpay connect`: whether the key may do what is needed and no more, whether the store
//! takes Lightning, and the webhook.

use reqwest::Method as Verb;
use satreel_config::SecretString;
use serde::Serialize;
use serde_json::json;

use super::{
    Btcpay,
    answers::{ApiKeyData, WebhookData},
    read,
};
use crate::{
    core::money::Sats,
    payments::{Error, Result},
};

const CREATE: &str = "btcpay.store.cancreateinvoice";
const VIEW: &str = "btcpay.store.canviewinvoices";
const WEBHOOKS: &str = "btcpay.store.webhooks.canmodifywebhooks";
/// These hold the ones we need among others.
const WIDER: [&str; 3] = [
    "unrestricted",
    "btcpay.store.canmodifystoresettings",
    "btcpay.store.canmodifyinvoices",
];

/// What a webhook is worth having for: money that moved. An invoice that ran out is known without.
const EVENTS: [&str; 6] = [
    "InvoiceReceivedPayment",
    "InvoiceProcessing",
    "InvoicePaymentSettled",
    "InvoiceSettled",
    "InvoicePaidAfterExpiration",
    "InvoiceInvalid",
];

/// One thing that was looked at or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub name: &'static str,
    pub good: bool,
    pub detail: String,
    /// What to do. Also beside a good one: what would be better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What was found out and done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connection {
    pub findings: Vec<Finding>,
}

impl Connection {
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| finding.good)
    }
}

fn good(name: &'static str, detail: impl Into<String>) -> Finding {
    Finding {
        name,
        good: true,
        detail: detail.into(),
        remedy: None,
    }
}

fn bad(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding {
        name,
        good: false,
        detail: detail.into(),
        remedy: Some(remedy.into()),
    }
}

/// Checks all there is, then installs the webhook that calls `url`.
pub async fn connect(btcpay: &Btcpay, url: &str, secret: &SecretString) -> Result<Connection> {
    let permissions = btcpay.permissions().await?;
    let may = |permission: &str| may(&permissions, permission, &btcpay.store.id);
    let mut findings = vec![key(&permissions, &btcpay.store.id)];
    if may(CREATE) && may(VIEW) {
        findings.push(btcpay.lightning().await?);
    }
    if may(WEBHOOKS) {
        findings.push(btcpay.install(url, secret).await?);
    } else {
        findings.push(bad(
            "webhook",
            "the key may not install it",
            format!(
                "give the key {WEBHOOKS} for this step, or add the webhook by hand: {url}, the \
                 configured secret, automatic redelivery, all invoice events"
            ),
        ));
    }
    Ok(Connection { findings })
}

impl Btcpay {
    /// For `satreel doctor`: what can be seen without changing anything.
    pub async fn examine(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        match self.is_ready().await {
            Ok(true) => findings.push(good("BTCPay Server", "answers, and knows the key")),
            Ok(false) => findings.push(bad(
                "BTCPay Server",
                "is still catching up with the chain",
                "wait for it: until then it makes no invoices",
            )),
            Err(error) => {
                findings.push(unreachable(&error));
                return findings;
            }
        }
        match self.permissions().await {
            Ok(permissions) => findings.push(key(&permissions, &self.store.id)),
            Err(error) => findings.push(unreachable(&error)),
        }
        findings
    }

    async fn permissions(&self) -> Result<Vec<String>> {
        let key: Option<ApiKeyData> = self.store.client.get(&["api-keys", "current"], &[]).await?;
        let none = || Error::Refused(anyhow::anyhow!("this is no API of BTCPay Server"));
        Ok(key.ok_or_else(none)?.permissions)
    }

    /// By the one way that shows it without more permissions: an invoice of 1 sat, which runs out
    /// within a minute.
    async fn lightning(&self) -> Result<Finding> {
        let amount = Sats::new(1).map_or(crate::core::money::Msats::ZERO, Sats::to_msats);
        let made = self.store.create(amount, "satreel-connect", 1).await?;
        let methods = self.store.methods(&made.id).await?;
        Ok(if read::has_lightning(&methods) {
            good("Lightning", "the store makes Lightning invoices")
        } else {
            bad(
                "Lightning",
                "an invoice of the store came without Lightning",
                "connect a Lightning node to the store; if there is one, it took longer than 5 s",
            )
        })
    }

    async fn install(&self, url: &str, secret: &SecretString) -> Result<Finding> {
        let body = json!({
            "enabled": true,
            "automaticRedelivery": true,
            "url": url,
            "authorizedEvents": { "everything": false, "specificEvents": EVENTS },
            "secret": secret.expose(),
        });
        let client = &self.store.client;
        let path = ["stores", self.store.id.as_str(), "webhooks"];
        let hooks: Vec<WebhookData> = client.get(&path, &[]).await?.unwrap_or_default();
        let known = hooks.iter().find(|hook| hook.url == url);
        let (made, done): (Option<WebhookData>, _) = if let Some(known) = known {
            let path = ["webhooks", known.id.as_str()];
            (
                client.send(Verb::PUT, &path, &[], Some(&body)).await?,
                "renewed",
            )
        } else {
            (
                client.send(Verb::POST, &path, &[], Some(&body)).await?,
                "installed",
            )
        };
        Ok(match made {
            Some(_) => good("webhook", format!("{done}: it calls {url}")),
            None => bad(
                "webhook",
                "BTCPay Server took it and lost it",
                "run this command again",
            ),
        })
    }
}

fn unreachable(error: &Error) -> Finding {
    let words = match error {
        Error::Away(error) | Error::Refused(error) => format!("{error:#}"),
        error => error.to_string(),
    };
    bad(
        "BTCPay Server",
        words,
        "check [payments.btcpay]: url, store and api_key",
    )
}

/// Whether the key may do exactly what is needed.
fn key(permissions: &[String], store: &str) -> Finding {
    let missing: Vec<_> = [CREATE, VIEW]
        .into_iter()
        .filter(|needed| !may(permissions, needed, store))
        .collect();
    if !missing.is_empty() {
        return bad(
            "API key",
            format!("it lacks {}", missing.join(" and ")),
            format!("make a key with {CREATE}:{store} and {VIEW}:{store}"),
        );
    }
    let too_much: Vec<_> = permissions
        .iter()
        .filter(|held| {
            let (held, scope) = held.split_once(':').unwrap_or((held.as_str(), ""));
            ![CREATE, VIEW, WEBHOOKS].contains(&held) || scope != store
        })
        .cloned()
        .collect();
    let mut finding = good("API key", "it may make and read invoices");
    if !too_much.is_empty() {
        finding.detail = format!("more than is needed: {}", too_much.join(", "));
        finding.remedy = Some(format!(
            "whoever finds this key can do all that: make one with {CREATE}:{store} and \
             {VIEW}:{store} only"
        ));
    } else if may(permissions, WEBHOOKS, store) {
        finding.detail.push_str(", and install the webhook");
        finding.remedy = Some(format!(
            "once the webhook is there, a key without {WEBHOOKS} is enough"
        ));
    }
    finding
}

/// Whether one of the permissions, for all stores or for this one, is or holds the needed one.
fn may(permissions: &[String], needed: &str, store: &str) -> bool {
    permissions.iter().any(|held| {
        let (held, scope) = held.split_once(':').unwrap_or((held.as_str(), store));
        let holds = match held {
            "unrestricted" | "btcpay.store.canmodifystoresettings" => true,
            "btcpay.store.canmodifyinvoices" => needed != WEBHOOKS,
            held => held == needed,
        };
        debug_assert!(held == needed || !holds || WIDER.contains(&held));
        holds && scope == store
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(permissions: &[&str]) -> Vec<String> {
        permissions.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_narrow_key_is_good_and_others_are_told_why_not() {
        let both = [
            "btcpay.store.cancreateinvoice:S",
            "btcpay.store.canviewinvoices:S",
        ];
        let narrow = key(&list(&both), "S");
        assert!(narrow.good && narrow.remedy.is_none(), "{narrow:?}");

        let with_webhooks = [
            both[0],
            both[1],
            "btcpay.store.webhooks.canmodifywebhooks:S",
        ];
        let finding = key(&list(&with_webhooks), "S");
        assert!(finding.good && finding.remedy.is_some_and(|words| words.contains("once")));

        for (permissions, said) in [
            (
                list(&[]),
                "cancreateinvoice and btcpay.store.canviewinvoices",
            ),
            (list(&both[..1]), "lacks btcpay.store.canviewinvoices"),
        ] {
            let finding = key(&permissions, "S");
            assert!(
                !finding.good && finding.detail.contains(said),
                "{finding:?}"
            );
        }
        assert!(!key(&list(&both), "Another").good, "another store's");
        for too_much in [
            list(&["unrestricted"]),
            list(&["btcpay.store.canmodifystoresettings:S"]),
            list(&["btcpay.store.canmodifyinvoices:S"]),
            list(&[
                "btcpay.store.cancreateinvoice",
                "btcpay.store.canviewinvoices",
            ]),
            list(&[both[0], both[1], "btcpay.user.canviewprofile"]),
        ] {
            let finding = key(&too_much, "S");
            assert!(
                finding.good && finding.detail.contains("more than is needed"),
                "{finding:?}"
            );
        }
    }
}
