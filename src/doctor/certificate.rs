//! The site's own certificate: good, for this name, and for how long.

use std::path::Path;

use jiff::Timestamp;
use satreel_acme::{Facts, certificate_file};
use satreel_config::{Acme, Config, Tls};
use satreel_tls::Identity;

use super::{Check, State};

const NAME: &str = "certificate";
/// Programs that renew certificates do so a month before their end.
const SOON_DAYS: i64 = 14;
/// The server does when a third of the lifetime is left.
const SOON_PART: i64 = 6;
const DAY_S: i64 = 24 * 3600;
const RENEW: &str =
    "renew it (certbot renew, or as it was made); the server takes the new files in by itself";
const ORDER: &str = "a running server orders one by itself: systemctl status satreel";

/// Nothing where a proxy speaks TLS, or nobody.
pub(super) fn look(config: &Config) -> Option<Check> {
    let host = config.site.url.host();
    let now = Timestamp::now().as_second();
    match &config.tls {
        Tls::Off => None,
        Tls::Files { certificate, key } => Some(written(certificate, key, host, now)),
        Tls::Acme(settings) => Some(ordered(settings, host, now)),
    }
}

/// One that somebody else renews.
fn written(certificate: &Path, key: &Path, host: &str, now: i64) -> Check {
    check(certificate, key, host, now, |_| SOON_DAYS * DAY_S, RENEW)
}

/// One that the server orders, and how that goes.
fn ordered(settings: &Acme, host: &str, now: i64) -> Check {
    let status = match satreel_acme::status(&settings.folder) {
        Ok(status) => status,
        Err(error) => {
            let detail = format!("{}: {error}", settings.folder.display());
            let remedy = "ask as the server's user: sudo -u satreel satreel doctor …";
            return Check::yellow(NAME, detail, remedy);
        }
    };
    let file = certificate_file(&settings.folder);
    let mut found = if file.exists() {
        let soon = |facts: &Facts| (facts.ends - facts.begins) / SOON_PART;
        check(&file, &file, host, now, soon, ORDER)
    } else {
        Check::red(NAME, "there is none yet: nobody can connect by TLS", ORDER)
    };
    if let Some(failure) = status.failure {
        if found.state == State::Green {
            found.state = State::Yellow;
        }
        found.detail = format!(
            "{}; ordering failed {}, last at {:.0}: {}; next try at {:.0}",
            found.detail,
            times(failure.in_a_row),
            failure.at,
            failure.words,
            failure.next
        );
        failure.kind.remedy().clone_into(&mut found.remedy);
    }
    found
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// `soon`: how many seconds before its end it should have been renewed.
fn check(
    certificate: &Path,
    key: &Path,
    host: &str,
    now: i64,
    soon: impl Fn(&Facts) -> i64,
    renew: &str,
) -> Check {
    let identity = Identity::new("[tls]", certificate, key, &[]);
    if let Err(error) = identity.config() {
        return Check::red(
            NAME,
            error.to_string(),
            "the server's user must be able to read both files",
        );
    }
    let Some(facts) = Facts::read(certificate) else {
        return Check::red(
            NAME,
            format!("{} is no certificate of a website", certificate.display()),
            renew,
        );
    };
    let left = facts.ends - now;
    let all = facts.names.join(", ");
    if !facts.names.iter().any(|name| covers(name, host)) {
        return Check::red(
            NAME,
            format!("it is for {all}, and the site is {host}: browsers refuse it"),
            format!("have one made for {host}"),
        );
    }
    if left <= 0 {
        Check::red(
            NAME,
            format!("it has run out, {} ago: browsers refuse it", span(-left)),
            renew,
        )
    } else if left < soon(&facts) {
        Check::yellow(NAME, format!("it runs out in {}", span(left)), renew)
    } else {
        Check::green(NAME, format!("for {all}, good for {}", span(left)))
    }
}

fn span(seconds: i64) -> String {
    format!("{} days", seconds.div_euclid(DAY_S))
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
    use std::fs;

    use satreel_acme::{Failure, Kind, Status};

    use super::*;

    const END: i64 = 1_800_000_000;

    fn named(folder: &Path, names: &[&str]) -> Check {
        at(folder, names, END - 80 * DAY_S)
    }

    fn at(folder: &Path, names: &[&str], now: i64) -> Check {
        let (certificate, private) = (folder.join("c.pem"), folder.join("k.pem"));
        make(&certificate, &private, names);
        written(&certificate, &private, "films.example", now)
    }

    /// A year's, as far as its end.
    fn make(certificate: &Path, private: &Path, names: &[&str]) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut wanted = rcgen::CertificateParams::new(names).expect("names");
        wanted.not_before = rcgen::date_time_ymd(2026, 1, 15);
        wanted.not_after = rcgen::date_time_ymd(2027, 1, 15) + std::time::Duration::from_hours(8);
        let key = rcgen::KeyPair::generate().expect("a key");
        let made = wanted.self_signed(&key).expect("a certificate");
        let (pem, key) = (made.pem(), key.serialize_pem());
        if certificate == private {
            fs::write(certificate, pem + &key).expect("written");
        } else {
            fs::write(certificate, pem).expect("written");
            fs::write(private, key).expect("written");
        }
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
            let check = named(folder.path(), names);
            assert_eq!(check.state, state, "{names:?}: {}", check.detail);
        }
    }

    #[test]
    fn files_that_are_none_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let missing = written(&certificate, &key, "films.example", END);
        assert_eq!(missing.state, State::Red);
        assert!(missing.detail.contains("c.pem"), "{}", missing.detail);
    }
    fn settings(folder: &Path) -> Acme {
        Acme {
            domains: vec!["films.example".to_owned()],
            contact: None,
            directory: "https://ca.example/dir".parse().expect("a URL"),
            folder: folder.to_owned(),
            root: None,
        }
    }

    #[test]
    fn an_order_that_fails_is_told_with_its_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(folder.path());
        let now = END - 80 * DAY_S;
        let none = ordered(&settings, "films.example", now);
        assert_eq!(none.state, State::Red);
        assert!(none.detail.contains("none yet"), "{}", none.detail);

        let time = |second| Timestamp::from_second(second).expect("a time");
        let status = Status {
            failure: Some(Failure {
                kind: Kind::Refused,
                words: "films.example: connection refused".to_owned(),
                at: time(now - 60),
                next: time(now + 240),
                in_a_row: 2,
            }),
        };
        let text = serde_json::to_string(&status).expect("a text");
        fs::write(folder.path().join("status.json"), text).expect("written");
        let failed = ordered(&settings, "films.example", now);
        assert_eq!(failed.state, State::Red);
        for words in [
            "failed 2 times",
            "connection refused",
            "next try at 2026-10-27T",
        ] {
            assert!(failed.detail.contains(words), "{}", failed.detail);
        }
        assert!(failed.remedy.contains("port 443"), "{}", failed.remedy);

        // The old one is good still.
        let file = certificate_file(folder.path());
        make(&file, &file, &["films.example"]);
        let renewing = ordered(&settings, "films.example", now);
        assert_eq!(renewing.state, State::Yellow, "{}", renewing.detail);
        assert!(
            renewing
                .detail
                .contains("good for 80 days; ordering failed")
        );

        fs::remove_file(folder.path().join("status.json")).expect("removed");
        assert_eq!(ordered(&settings, "films.example", now).state, State::Green);
        let late = ordered(&settings, "films.example", END - 50 * DAY_S);
        assert_eq!(late.state, State::Yellow, "{}", late.detail);
    }
}
