//! `[backup]`: what the guardian saves, for whom it is encrypted and where copies go.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use crate::{
    fault::Problem,
    net::HttpUrl,
    payments::{FILE_EXAMPLE, secret},
    recipient::{InvalidRecipient, Recipient},
    schema::Payments,
    secret::Secret,
    section::Section,
    value,
};

/// What `satreel-backup` saves, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Backup {
    /// The encrypted history on this machine, and `status.json`.
    pub folder: PathBuf,
    /// Whoever holds one of the secret keys to these can open a copy.
    pub recipients: Vec<Recipient>,
    /// The node whose channels are saved; None: the site's data only.
    pub node: Option<BackupNode>,
    /// Copies younger than this are never removed.
    pub keep_days: u32,
    /// Whether the site's own data is saved too.
    pub site: bool,
    /// In the file's order, with names of their own.
    pub destinations: Vec<BackupDestination>,
}

/// A node, with a macaroon for nothing but its backups.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupNode {
    pub address: HttpUrl,
    pub certificate: PathBuf,
    pub macaroon: Secret,
}

/// A place for copies.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupDestination {
    /// What logs, the doctor and metrics call it.
    pub name: String,
    pub place: Place,
}

/// What kind of place, and how it is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// A folder on another disk. It carries a marker, so that the empty folder under a disk that is not
    /// mounted is not taken for the disk.
    Folder { path: PathBuf },
    /// A folder on an SFTP server. It has to exist already.
    Sftp {
        /// Its name or address.
        host: String,
        port: u16,
        user: String,
        /// The folder, absolute or below the user's own.
        path: String,
        /// The private key, in OpenSSH's format and without a passphrase: Ed25519 or ECDSA.
        key: Secret,
        /// The host's public key, as one line of `ssh-keyscan HOST` or of the host's own
        /// `/etc/ssh/ssh_host_ed25519_key.pub`. Nobody else is believed.
        host_key: String,
    },
    /// A bucket of an S3-compatible store, addressed by path. It has to exist already.
    S3 {
        /// `https://`, or `http://` on this machine.
        endpoint: HttpUrl,
        /// Part of every signature; stores that know none take `us-east-1`.
        region: String,
        bucket: String,
        /// The folder in the bucket, or nothing. Copies keep to it.
        prefix: String,
        /// The key's id.
        access_key: Secret,
        /// What requests are signed with; never sent.
        secret_key: Secret,
    },
}

const DEFAULT_KEEP_DAYS: u32 = 30;
const MOST_DESTINATIONS: usize = 16;
const MOST_RECIPIENTS: usize = 16;

#[derive(Debug, Clone, Copy)]
enum Kind {
    Folder,
    Sftp,
    S3,
}

const KINDS: [(&str, Kind); 3] = [
    ("folder", Kind::Folder),
    ("sftp", Kind::Sftp),
    ("s3", Kind::S3),
];

pub(crate) fn backup(
    section: Section<'_>,
    base: &Path,
    payments: Option<&Payments>,
) -> Option<Backup> {
    if !section.is_present() {
        return None;
    }
    let folder = section.require("folder", "\"/var/lib/satreel-backup\"", &value::path(base));
    let recipients = section.require("recipients", "[\"age1…\"]", &recipients);
    let node = node(&section, base, payments);
    let keep_days = section.get("keep_days", &value::number(1..=3650));
    let site = section.get("site", &value::yes_or_no);
    let destinations = destinations(&section, base);
    section.finish();
    Some(Backup {
        folder: folder?,
        recipients: recipients?,
        node,
        keep_days: keep_days.unwrap_or(DEFAULT_KEEP_DAYS),
        site: site.unwrap_or(false),
        destinations,
    })
}

/// Address and certificate are those of the node that takes the payments, if nothing else is said.
fn node(section: &Section<'_>, base: &Path, payments: Option<&Payments>) -> Option<BackupNode> {
    let macaroon = section.get("macaroon", &secret("macaroon", base));
    let address = section.get("address", &value::origin);
    let certificate = section.get("certificate", &value::path(base));
    let lnd = payments.and_then(|payments| payments.lnd.as_ref());
    if macaroon.is_none() && (address.is_some() || certificate.is_some()) {
        let what = "a node without a macaroon";
        let remedy = format!("write macaroon = {FILE_EXAMPLE}, baked for nothing but backups");
        section.fault("macaroon", Problem::new(what, remedy));
    }
    let macaroon = macaroon?;
    let address = address.or_else(|| lnd.map(|lnd| lnd.address.clone()));
    let certificate = certificate.or_else(|| lnd.map(|lnd| lnd.certificate.clone()));
    if address.is_none() || certificate.is_none() {
        let remedy = "write address and certificate here, or in [payments.lnd]";
        section.fault("macaroon", Problem::new("of which node?", remedy));
    }
    Some(BackupNode {
        address: address?,
        certificate: certificate?,
        macaroon,
    })
}

fn destinations(section: &Section<'_>, base: &Path) -> Vec<BackupDestination> {
    let tables = section.sections("destination");
    if tables.len() > MOST_DESTINATIONS {
        let problem = Problem::new("too many", format!("at most {MOST_DESTINATIONS} fit"));
        section.fault("destination", problem);
    }
    let mut read: Vec<BackupDestination> = Vec::new();
    for table in tables {
        let name = table.require("name", "\"usb\"", &name);
        if name
            .as_ref()
            .is_some_and(|name| read.iter().any(|other| other.name == *name))
        {
            let problem = Problem::new("there is one of this name", "give it another name");
            table.fault("name", problem);
        }
        let kind = table.require("kind", "\"folder\"", &value::word(&KINDS));
        let place = kind.and_then(|kind| place(kind, &table, base));
        if kind.is_some() {
            table.finish();
        }
        if let (Some(name), Some(place)) = (name, place) {
            read.push(BackupDestination { name, place });
        }
    }
    read
}

fn place(kind: Kind, table: &Section<'_>, base: &Path) -> Option<Place> {
    match kind {
        Kind::Folder => {
            let path = table.require("path", "\"/mnt/usb/satreel\"", &value::path(base))?;
            Some(Place::Folder { path })
        }
        Kind::Sftp => sftp(table, base),
        Kind::S3 => s3(table, base),
    }
}

fn sftp(table: &Section<'_>, base: &Path) -> Option<Place> {
    let host = table.require("host", "\"backup.example\"", &value::short_text(253));
    let port = table.get("port", &value::number(1..=u16::MAX));
    let user = table.require("user", "\"satreel\"", &value::short_text(100));
    let path = table.require("path", "\"/copies\"", &value::short_text(1000));
    let key = table.require("key", FILE_EXAMPLE, &secret("key", base));
    let host_key = table.require("host_key", "\"ssh-ed25519 AAAA…\"", &host_key);
    Some(Place::Sftp {
        host: host?,
        port: port.unwrap_or(22),
        user: user?,
        path: path?,
        key: key?,
        host_key: host_key?,
    })
}

fn s3(table: &Section<'_>, base: &Path) -> Option<Place> {
    let endpoint = table.require("endpoint", "\"https://s3.example\"", &endpoint);
    let region = table.get("region", &value::short_text(100));
    let bucket = table.require("bucket", "\"satreel\"", &value::short_text(63));
    let prefix = table.get("prefix", &value::short_text(500));
    let access_key = table.require("access_key", FILE_EXAMPLE, &secret("access_key", base));
    let secret_key = table.require("secret_key", FILE_EXAMPLE, &secret("secret_key", base));
    Some(Place::S3 {
        endpoint: endpoint?,
        region: region.unwrap_or_else(|| "us-east-1".to_owned()),
        bucket: bucket?,
        prefix: prefix.unwrap_or_default(),
        access_key: access_key?,
        secret_key: secret_key?,
    })
}

/// SECURITY: the credentials of a store are signed with, not sent; but names of copies and their
/// times are nobody's business on the way.
fn endpoint(value: &DeValue<'_>) -> Result<HttpUrl, Problem> {
    let url = value::url(value)?;
    if !url.is_https() && !url.is_loopback() {
        let remedy = "write https://…; http is for a store on this machine";
        return Err(Problem::new("not encrypted on its way", remedy));
    }
    Ok(url)
}

fn host_key(value: &DeValue<'_>) -> Result<String, Problem> {
    let text = value::short_text(2000)(value)?;
    let mut words = text.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let known = kind.starts_with("ssh-") || kind.starts_with("ecdsa-");
    if !known || words.next().is_none() {
        let remedy = "write the key's kind and text, as in /etc/ssh/ssh_host_ed25519_key.pub on the \
                      server: \"ssh-ed25519 AAAA…\"";
        return Err(Problem::new("no public key of a host", remedy));
    }
    Ok(text)
}

/// A label of metrics, and a word in logs.
fn name(value: &DeValue<'_>) -> Result<String, Problem> {
    let text = value::short_text(40)(value)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.bytes().all(plain) {
        let remedy = "use a-z, 0-9 and dashes, for example \"usb\"";
        return Err(Problem::new(format!("\"{text}\" is no plain name"), remedy));
    }
    Ok(text)
}

fn recipients(value: &DeValue<'_>) -> Result<Vec<Recipient>, Problem> {
    let make = "make a key on another machine with age-keygen, and write its public half: \
                recipients = [\"age1…\"]";
    let list = value
        .as_array()
        .filter(|list| !list.is_empty())
        .ok_or_else(|| Problem::new("a list of public keys is wanted here", make))?;
    if list.len() > MOST_RECIPIENTS {
        let remedy = format!("at most {MOST_RECIPIENTS} fit");
        return Err(Problem::new("too many", remedy));
    }
    // SECURITY: no fault repeats the text: it may be the secret key.
    list.iter()
        .map(|item| {
            let text = item.get_ref().as_str().unwrap_or_default();
            text.parse().map_err(|error: InvalidRecipient| {
                let remedy = match error {
                    InvalidRecipient::SecretKey => {
                        "keep it elsewhere, and write the public key that age-keygen -y makes of it"
                    }
                    InvalidRecipient::Malformed => make,
                };
                Problem::new(error.to_string(), remedy)
            })
        })
        .collect()
}
