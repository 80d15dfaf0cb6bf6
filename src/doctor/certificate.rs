//! The site's own certificate: good, for this name, and for how long.

use std::{fs, path::Path};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use satreel_config::{Config, Tls};
use satreel_tls::Identity;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, time::ASN1Time,
};

use super::Check;

const NAME: &str = "certificate";
/// Programs that renew certificates do so a month before their end.
const SOON_DAYS: i64 = 14;
const DAY_S: i64 = 24 * 3600;

/// Nothing where a proxy speaks TLS, or nobody.
pub(super) fn look(config: &Config) -> Option<Check> {
    let Tls::Files { certificate, key } = &config.tls else {
        return None;
    };
    let host = config.site.url.host();
    Some(check(certificate, key, host, ASN1Time::now().timestamp()))
}

fn check(certificate: &Path, key: &Path, host: &str, now: i64) -> Check {
    let renew =
        "renew it (certbot renew, or as it was made); the server takes the new files in by itself";
    let identity = Identity::new("[tls]", certificate, key, &[]);
    if let Err(error) = identity.config() {
        return Check::red(
            NAME,
            error.to_string(),
            "the server's user must be able to read both files",
        );
    }
    let Some((names, until)) = read(certificate) else {
        return Check::red(
            NAME,
            format!("{} is no certificate of a website", certificate.display()),
            renew,
        );
    };
    let days = (until - now).div_euclid(DAY_S);
    let all = names.join(", ");
    if !names.iter().any(|name| covers(name, host)) {
        return Check::red(
            NAME,
            format!("it is for {all}, and the site is {host}: browsers refuse it"),
            format!("have one made for {host}"),
        );
    }
    if until <= now {
        Check::red(
            NAME,
            format!("it has run out, {} days ago: browsers refuse it", -days),
            renew,
        )
    } else if days < SOON_DAYS {
        Check::yellow(NAME, format!("it runs out in {days} days"), renew)
    } else {
        Check::green(NAME, format!("for {all}, good for {days} days"))
    }
}

/// The names in it, and the second in which it ends.
fn read(path: &Path) -> Option<(Vec<String>, i64)> {
    let der = CertificateDer::from_pem_slice(&fs::read(path).ok()?).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let names = names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => match *bytes {
                [a, b, c, d] => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
                bytes => <[u8; 16]>::try_from(bytes)
                    .ok()
                    .map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
            },
            _ => None,
        });
    Some((
        names.collect(),
        certificate.validity().not_after.timestamp(),
    ))
}

/// RFC 9525 §6.3: a star stands for one label.
fn covers(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(rest) => host
            .split_once('.')
            .is_some_and(|(_, above)| above.eq_ignore_ascii_case(rest)),
        None => name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    const END: i64 = 1_800_000_000;

    fn written(folder: &Path, names: &[&str]) -> Check {
        at(folder, names, END - 80 * DAY_S)
    }

    fn at(folder: &Path, names: &[&str], now: i64) -> Check {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut wanted = rcgen::CertificateParams::new(names).expect("names");
        wanted.not_after = rcgen::date_time_ymd(2027, 1, 15) + std::time::Duration::from_hours(8);
        let key = rcgen::KeyPair::generate().expect("a key");
        let made = wanted.self_signed(&key).expect("a certificate");
        let (certificate, private) = (folder.join("c.pem"), folder.join("k.pem"));
        fs::write(&certificate, made.pem()).expect("written");
        fs::write(&private, key.serialize_pem()).expect("written");
        check(&certificate, &private, "films.example", now)
    }

    #[test]
    fn its_end_is_told_in_time() {
        let folder = tempfile::tempdir().expect("a folder");
        for (left, state, words) in [
            (80 * DAY_S, State::Green, "good for 80 days"),
            (14 * DAY_S - 1, State::Yellow, "runs out in 13 days"),
            (1, State::Yellow, "runs out in 0 days"),
            (0, State::Red, "has run out, 0 days ago"),
            (-3 * DAY_S, State::Red, "has run out, 3 days ago"),
        ] {
            let check = at(folder.path(), &["films.example"], END - left);
            assert_eq!(check.state, state, "{}", check.detail);
            assert!(check.detail.contains(words), "{}", check.detail);
        }
    }

    #[test]
    fn it_has_to_be_for_this_site() {
        let folder = tempfile::tempdir().expect("a folder");
        for (names, state) in [
            (&["other.example", "films.example"][..], State::Green),
            (&["*.example"], State::Green),
            (&["*.films.example"], State::Red),
            (&["127.0.0.1"], State::Red),
        ] {
            let check = written(folder.path(), names);
            assert_eq!(check.state, state, "{names:?}: {}", check.detail);
        }
    }

    #[test]
    fn files_that_are_none_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let missing = check(&certificate, &key, "films.example", END);
        assert_eq!(missing.state, State::Red);
        assert!(missing.detail.contains("c.pem"), "{}", missing.detail);
    }
}
