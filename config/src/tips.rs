//! `[tips]`: a Lightning address for thanks.

use toml::de::DeValue;

use crate::{
    fault::Problem,
    net::HttpUrl,
    schema::{Site, Tips},
    section::Section,
    value,
};

/// 1 bitcoin: more is a slip of the hand.
const MAX_SAT: u64 = 100_000_000;
/// LUD-09.
const MAX_MESSAGE: usize = 144;
const MAX_NAME: usize = 64;

pub(crate) fn tips(section: Section<'_>, site: Option<&Site>) -> Tips {
    let default = Tips::default();
    let address = section.get("address", &name);
    let min_sat = section.get("min_sat", &value::number(1..=MAX_SAT));
    let max_sat = section.get("max_sat", &value::number(1..=MAX_SAT));
    let message = section.get("message", &value::short_text(MAX_MESSAGE));
    let tips = Tips {
        address,
        min_sat: min_sat.unwrap_or(default.min_sat),
        max_sat: max_sat.unwrap_or(default.max_sat),
        message: message.unwrap_or(default.message),
    };
    if tips.min_sat > tips.max_sat {
        let what = format!("more than max_sat, {}", tips.max_sat);
        section.fault("min_sat", Problem::new(what, "write a smaller number"));
    }
    if let Some(site) = site.filter(|_| tips.address.is_some())
        && !(site.url.is_https() || site.url.is_loopback() || is_onion(&site.url))
    {
        let what = format!("wallets ask {} only over TLS", site.url);
        let remedy = "make site.url an https address, or remove this line";
        section.fault("address", Problem::new(what, remedy));
    }
    section.finish();
    tips
}

/// Tor encrypts by itself (LUD-01).
fn is_onion(url: &HttpUrl) -> bool {
    let ending = url.host().rsplit_once('.').map(|(_, ending)| ending);
    ending == Some("onion")
}

/// The part before the @ (LUD-16).
fn name(value: &DeValue<'_>) -> Result<String, Problem> {
    let name = value::text(value)?;
    let fits = name.len() <= MAX_NAME
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte)
        });
    if fits {
        Ok(name)
    } else {
        Err(Problem::new(
            format!("\"{name}\" is no name of a Lightning address"),
            "write the part before the @: small letters, digits, \"-\", \"_\" and \".\", \
             for example \"tips\"",
        ))
    }
}
