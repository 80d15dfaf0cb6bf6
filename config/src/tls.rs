//! `[tls]`: who speaks TLS, and where its certificate comes from.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{fault::Problem, net::HttpUrl, schema::Site, section::Section, value};

/// Let's Encrypt's, for certificates that browsers trust.
const LETS_ENCRYPT: &str = "acme-v02.api.letsencrypt.org";
const DIRECTORY: &str = "/directory";

/// Who speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// A proxy in front, or nobody.
    Off,
    /// The server itself, with a certificate that somebody else renews. Both files are PEM; the
    /// server's own certificate first, then those that vouch for it.
    Files { certificate: PathBuf, key: PathBuf },
    /// The server itself, with a certificate that it orders and renews.
    Acme(Acme),
}

/// Certificates by ACME (RFC 8555).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The names in the certificate, in lower case; the site's own is one of them.
    pub domains: Vec<String>,
    /// A mail address for the authority's warnings.
    pub contact: Option<String>,
    pub directory: HttpUrl,
    /// Account, order under way and certificate, all with their keys.
    pub folder: PathBuf,
    /// Trusted besides the system's authorities when the directory is asked; PEM.
    pub root: Option<PathBuf>,
}

/// The whole section.
pub(crate) struct Speaking {
    pub(crate) tls: Tls,
    pub(crate) redirect: Option<SocketAddr>,
}

const MODES: [(&str, Mode); 3] = [
    ("off", Mode::Off),
    ("files", Mode::Files),
    ("acme", Mode::Acme),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Off,
    Files,
    Acme,
}

/// Each key, and the modes in which it means something.
const HOMES: [(&str, &[Mode]); 8] = [
    ("certificate", &[Mode::Files]),
    ("key", &[Mode::Files]),
    ("domains", &[Mode::Acme]),
    ("contact", &[Mode::Acme]),
    ("directory", &[Mode::Acme]),
    ("folder", &[Mode::Acme]),
    ("root", &[Mode::Acme]),
    ("redirect", &[Mode::Files, Mode::Acme]),
];

pub(crate) fn tls(section: Section<'_>, base: &Path, site: Option<&Site>) -> Speaking {
    let mode = section.get("mode", &value::word(&MODES));
    let mode = mode.unwrap_or(Mode::Off);
    refuse_strangers(&section, mode);
    let tls = match mode {
        Mode::Off => Tls::Off,
        Mode::Files => files(&section, base),
        Mode::Acme => Tls::Acme(acme(&section, base, site)),
    };
    let redirect = match mode {
        Mode::Off => None,
        Mode::Files | Mode::Acme => section.get("redirect", &value::address),
    };
    section.finish();
    Speaking { tls, redirect }
}

/// Saying that a key does nothing beats ignoring it.
fn refuse_strangers(section: &Section<'_>, mode: Mode) {
    let word = |wanted: Mode| {
        let found = MODES.iter().find(|(_, mode)| *mode == wanted);
        format!("\"{}\"", found.map_or("off", |(word, _)| word))
    };
    for (key, homes) in HOMES {
        if homes.contains(&mode) || section.raw(key).is_none() {
            continue;
        }
        let homes: Vec<_> = homes.iter().map(|home| word(*home)).collect();
        let problem = Problem::new(
            format!("of no use with mode = {}", word(mode)),
            format!("write mode = {}, or remove the line", homes.join(" or ")),
        );
        section.fault(key, problem);
    }
}

fn files(section: &Section<'_>, base: &Path) -> Tls {
    let certificate = section.require("certificate", "\"…/fullchain.pem\"", &value::path(base));
    let key = section.require("key", "\"…/privkey.pem\"", &value::path(base));
    match (certificate, key) {
        (Some(certificate), Some(key)) => Tls::Files { certificate, key },
        _ => Tls::Off,
    }
}

fn acme(section: &Section<'_>, base: &Path, site: Option<&Site>) -> Acme {
    let domains = section.get("domains", &value::domains);
    let directory = section.get("directory", &value::url);
    check_directory(section, directory.as_ref());
    let data = site.map_or(base, |site| &site.data);
    Acme {
        domains: names(section, domains, site),
        contact: section.get("contact", &value::mail_address),
        directory: directory.unwrap_or_else(|| HttpUrl::secure(LETS_ENCRYPT, DIRECTORY)),
        folder: section
            .get("folder", &value::path(base))
            .unwrap_or_else(|| data.join("acme")),
        root: section.get("root", &value::path(base)),
    }
}

/// SECURITY: what the directory says becomes the certificate that visitors see.
fn check_directory(section: &Section<'_>, directory: Option<&HttpUrl>) {
    if directory.is_some_and(|url| !url.is_https()) {
        let problem = Problem::new(
            "a directory is asked over TLS only",
            "write https://, and name its authority with root = \"…\" if it is one of your own",
        );
        section.fault("directory", problem);
    }
}

/// The names in the certificate: as written, or the site's own alone.
fn names(section: &Section<'_>, given: Option<Vec<String>>, site: Option<&Site>) -> Vec<String> {
    let Some(host) = site.map(|site| site.url.host()) else {
        return given.unwrap_or_default();
    };
    match given {
        None if host.parse::<std::net::IpAddr>().is_ok() => {
            let problem = Problem::new(
                format!("{host} is an address, and certificates are ordered for names"),
                "write the site's name into site.url",
            );
            section.fault("domains", problem);
            Vec::new()
        }
        None => vec![host.to_owned()],
        Some(names) => {
            if !names.iter().any(|name| name == host) {
                let problem = Problem::new(
                    format!(
                        "the site is {host}, which is not among them: browsers would refuse it"
                    ),
                    format!("write \"{host}\" too, or remove the line"),
                );
                section.fault("domains", problem);
            }
            names
        }
    }
}
