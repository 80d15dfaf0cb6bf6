//! `[payments]`: who takes the money, and by which secrets.

use std::path::Path;

use toml::de::DeValue;

use crate::{
    fault::Problem,
    schema::{Backend, Btcpay, DEFAULT_INVOICE_MINUTES, Lnd, Network, Payments},
    secret::Secret,
    section::{Section, article},
    value,
};

const BACKENDS: [(&str, Backend); 3] = [
    ("wallet", Backend::Wallet),
    ("lnd", Backend::Lnd),
    ("btcpay", Backend::Btcpay),
];

const NETWORKS: [(&str, Network); 4] = [
    ("mainnet", Network::Mainnet),
    ("testnet", Network::Testnet),
    ("signet", Network::Signet),
    ("regtest", Network::Regtest),
];

pub(crate) fn payments(section: Section<'_>, base: &Path) -> Option<Payments> {
    let backend = section.require("backend", "\"wallet\"", &value::word(&BACKENDS));
    let invoice_minutes = section.get("invoice_minutes", &value::number(1..=1440));
    let lnd = {
        let keys = section.section("lnd");
        if backend == Some(Backend::Lnd) && !keys.is_present() {
            let remedy =
                "write it below [payments] with its keys address, certificate and macaroon";
            keys.fault("", Problem::new("missing", remedy));
        }
        lnd(keys, base)
    };
    let btcpay = {
        let keys = section.section("btcpay");
        if backend == Some(Backend::Btcpay) && !keys.is_present() {
            let remedy =
                "write it below [payments] with its keys url, store, api_key and webhook_secret";
            keys.fault("", Problem::new("missing", remedy));
        }
        btcpay(keys, base)
    };
    section.finish();
    Some(Payments {
        backend: backend?,
        invoice_minutes: invoice_minutes.unwrap_or(DEFAULT_INVOICE_MINUTES),
        lnd,
        btcpay,
    })
}

fn lnd(section: Section<'_>, base: &Path) -> Option<Lnd> {
    if !section.is_present() {
        return None;
    }
    let address = section.require("address", "\"https://127.0.0.1:10009\"", &value::origin);
    let certificate = section.require("certificate", "\"…/tls.cert\"", &value::path(base));
    let macaroon = section.require("macaroon", FILE_EXAMPLE, &secret("macaroon", base));
    let network = section.get("network", &value::word(&NETWORKS));
    section.finish();
    Some(Lnd {
        address: address?,
        certificate: certificate?,
        macaroon: macaroon?,
        network,
    })
}

fn btcpay(section: Section<'_>, base: &Path) -> Option<Btcpay> {
    if !section.is_present() {
        return None;
    }
    let url = section.require("url", "\"https://btcpay.example\"", &value::url);
    let store = section.require("store", "\"the store's id\"", &value::short_text(100));
    let api_key = section.require("api_key", FILE_EXAMPLE, &secret("api_key", base));
    let webhook_secret = section.require(
        "webhook_secret",
        FILE_EXAMPLE,
        &secret("webhook_secret", base),
    );
    section.finish();
    Some(Btcpay {
        url: url?,
        store: store?,
        api_key: api_key?,
        webhook_secret: webhook_secret?,
    })
}

pub(crate) const FILE_EXAMPLE: &str = "{ file = \"…\" }";

/// A reference to a secret.
///
/// SECURITY: no fault says what stands in the file: it may be the secret itself.
pub(crate) fn secret<'a>(
    key: &'static str,
    base: &'a Path,
) -> impl Fn(&DeValue<'_>) -> Result<Secret, Problem> + 'a {
    move |value| {
        let remedy = || {
            format!(
                "write {key} = {{ file = \"…\" }}, {{ credential = \"name\" }} (systemd) or \
                 {{ env = \"NAME\" }}"
            )
        };
        let Some(table) = value.as_table() else {
            let what = match value {
                DeValue::String(_) => "a secret never stands in this file",
                _ => "a reference to a secret is wanted here",
            };
            return Err(Problem::new(what, remedy()));
        };
        let mut entries = table.iter();
        let (Some((kind, name)), None) = (entries.next(), entries.next()) else {
            return Err(Problem::new(
                "exactly one of file, credential and env is wanted here",
                remedy(),
            ));
        };
        let Some(name) = name.get_ref().as_str().filter(|name| !name.is_empty()) else {
            let what = format!("its name is {}", article(name.get_ref()));
            return Err(Problem::new(what, remedy()));
        };
        match (kind.get_ref().as_ref(), is_plain(name)) {
            ("file", _) => Ok(Secret::File(base.join(name))),
            ("credential", true) => Ok(Secret::Credential(name.to_owned())),
            ("env", true) => Ok(Secret::Env(name.to_owned())),
            ("credential" | "env", false) => Err(Problem::new(
                "its name may hold letters, digits, dots, dashes and underscores",
                remedy(),
            )),
            _ => Err(Problem::new("not a place for a secret", remedy())),
        }
    }
}

/// Neither leaves the credentials' folder nor trips `std::env`.
fn is_plain(name: &str) -> bool {
    !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
