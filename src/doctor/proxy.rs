//! Whether the proxies in front say who visits: the site is asked by its public address, as a visitor
//! who makes up another address for himself.

use std::{net::IpAddr, time::Duration};

use satreel_config::{Config, Tls};
use serde::Deserialize;

use super::Check;

const NAME: &str = "proxy headers";
/// Nobody's (RFC 5737): whoever is seen under it was believed.
const INVENTED: &str = "192.0.2.77";
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 4 << 10;
const SET: &str = "the proxy has to set the header itself, whatever a visitor sends: nginx: proxy_set_header \
                   X-Forwarded-For $remote_addr; (config/nginx.conf)";

/// What `GET /api/seen` says.
#[derive(Debug, Deserialize)]
struct Seen {
    noted: Option<IpAddr>,
}

/// Nothing where no proxy is named.
pub(super) async fn look(config: &Config) -> Option<Check> {
    if config.server.trusted_proxies.is_empty() {
        return None;
    }
    // Without its server a proxy has nothing to show.
    if config.tls == Tls::Off {
        let own = own_address(config);
        if let Err(why) = ask(&own).await {
            return Some(Check::yellow(
                NAME,
                format!("not looked at: the server gives no answer at {own}: {why}"),
                "start it (systemctl start satreel) and ask again",
            ));
        }
    }
    let site = config.site.url.as_str();
    Some(match ask(site).await {
        Ok(seen) => judge(site, seen.noted),
        Err(why) => Check::yellow(
            NAME,
            format!("not looked at: {site} gives no answer: {why}"),
            "see that the proxy runs and leads to server.listen, and that this machine reaches it by that address",
        ),
    })
}

/// `server.listen`, as this machine reaches it.
fn own_address(config: &Config) -> String {
    let mut address = config.server.listen;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

fn judge(site: &str, noted: Option<IpAddr>) -> Check {
    match noted {
        None => Check::yellow(
            NAME,
            format!(
                "by {site} no proxy of server.trusted_proxies says who visits: to the limits all visitors are one"
            ),
            format!("write the proxy's own address into server.trusted_proxies; {SET}"),
        ),
        Some(noted) if noted.to_string() == INVENTED => Check::red(
            NAME,
            format!(
                "by {site} a visitor is believed to be whoever he says in X-Forwarded-For: no limit holds him"
            ),
            SET,
        ),
        Some(_) => Check::green(
            NAME,
            format!(
                "by {site} the proxy says who visits, and an address that a visitor makes up is not believed"
            ),
        ),
    }
}

/// As a visitor with an invented address.
async fn ask(site: &str) -> Result<Seen, String> {
    // An error only says that somebody else has chosen already, and everybody here chooses it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .map_err(|error| chain(&error))?;
    let mut answer = client
        .get(format!("{site}/api/seen"))
        .header("x-forwarded-for", INVENTED)
        .header("forwarded", format!("for={INVENTED}"))
        .send()
        .await
        .map_err(|error| chain(&error))?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| chain(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            break;
        }
    }
    serde_json::from_slice(&body)
        .map_err(|_| format!("something else than this server is there ({status})"))
}

/// reqwest's own line says only that it failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    #[test]
    fn what_the_proxy_wrote_is_judged() {
        for (noted, state) in [
            (None, State::Yellow),
            (Some(INVENTED), State::Red),
            (Some("127.0.0.1"), State::Green),
            (Some("2001:db8::1"), State::Green),
        ] {
            let noted = noted.map(|noted| noted.parse().expect("an address"));
            assert_eq!(
                judge("https://films.example", noted).state,
                state,
                "{noted:?}"
            );
        }
    }
}
