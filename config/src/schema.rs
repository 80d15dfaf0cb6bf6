//! What a valid file says, as types.

use std::{fmt, net::SocketAddr, path::Path, path::PathBuf, str::FromStr};

use satreel_hls::live::Mode;
use satreel_hls::title::{Tier, TierKind};
use serde::{Deserialize, Serialize};

use crate::{
    backup::Backup,
    colour::Colour,
    fault::Fault,
    ladder::Ladder,
    net::{HttpUrl, IpRange, is_loopback},
    secret::Secret,
    tls::Tls,
};

/// A whole file, validated. Paths are absolute if the file's own was.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub site: Site,
    pub server: Server,
    pub tls: Tls,
    /// Where plain http is answered, by sending everybody to [`Site::url`]; None: nowhere.
    pub redirect: Option<SocketAddr>,
    pub payments: Payments,
    pub offers: Offers,
    pub limits: Limits,
    pub tips: Tips,
    pub uploads: Uploads,
    pub transcoder: Transcoder,
    pub live: Live,
    /// None: nothing is backed up by Satreel.
    pub backup: Option<Backup>,
    pub(crate) origin: Origin,
}

/// Where in the file those values stand that are checked again after loading.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Origin {
    pub(crate) file: String,
    pub(crate) listen_line: Option<usize>,
    pub(crate) url_line: Option<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    pub name: String,
    /// What viewers open; without a path.
    pub url: HttpUrl,
    /// Titles, ledger, keys: everything that is ours.
    pub data: PathBuf,
    /// The one colour of the pages; None: the house's own.
    pub accent: Option<Colour>,
    /// The file of the signing keys.
    pub keys: PathBuf,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    pub listen: SocketAddr,
    pub metrics: Option<SocketAddr>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpRange>,
    /// Memory for small media files, in MB.
    pub cache_mb: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Payments {
    pub backend: Backend,
    /// How long an invoice can be paid.
    pub invoice_minutes: u32,
    pub lnd: Option<Lnd>,
    pub btcpay: Option<Btcpay>,
}

/// Who takes the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// The built-in wallet: play money, this machine only.
    Wallet,
    Lnd,
    Btcpay,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Lnd {
    pub address: HttpUrl,
    pub certificate: PathBuf,
    pub macaroon: Secret,
    /// None: see [`Config::network`].
    pub network: Option<Network>,
}

/// Which bitcoin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Mainnet,
    Testnet,
    Signet,
    Regtest,
}

impl Network {
    /// Whether a node that is on `name` is on this network.
    pub fn is_called(self, name: &str) -> bool {
        match self {
            Self::Mainnet => name == "mainnet",
            Self::Testnet => matches!(name, "testnet" | "testnet4"),
            Self::Signet => name == "signet",
            Self::Regtest => name == "regtest",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
        })
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Btcpay {
    pub url: HttpUrl,
    pub store: String,
    pub api_key: Secret,
    pub webhook_secret: Secret,
}

/// What a title offers that says nothing of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Offers {
    pub preview_s: u32,
    /// At most one of each kind, in the file's order. Empty, and no collections: titles are free.
    pub tiers: Vec<Tier>,
    /// At most one for each tag.
    pub collections: Vec<Collection>,
}

/// A pass for all titles that carry a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    pub tag: String,
    pub sat: u64,
    /// None: for ever.
    pub hours: Option<u32>,
}

impl Default for Offers {
    fn default() -> Self {
        let tier = |tier, hours, sat| Tier { tier, sat, hours };
        Self {
            preview_s: 60,
            tiers: vec![
                tier(TierKind::Rent, Some(24), 100),
                tier(TierKind::Own, None, 3000),
            ],
            collections: Vec::new(),
        }
    }
}

/// Thanks by Lightning address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tips {
    /// The part before the @; None: no such address.
    pub address: Option<String>,
    pub min_sat: u64,
    pub max_sat: u64,
    /// What the payer's wallet shows afterwards.
    pub message: String,
}

impl Default for Tips {
    fn default() -> Self {
        Self {
            address: None,
            min_sat: 1,
            max_sat: 1_000_000,
            message: "Thank you. It arrived.".to_owned(),
        }
    }
}

/// Films that come in by the studio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uploads {
    /// The longest film.
    pub most_bytes: u64,
    /// Uploads that are not finished.
    pub at_once: u32,
    /// How long one waits for the rest of it.
    pub expire_hours: u32,
    /// Room on the disk that uploads leave alone.
    pub keep_free_bytes: u64,
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            most_bytes: 100_000_000_000,
            at_once: 20,
            expire_hours: 72,
            keep_free_bytes: 2_000_000_000,
        }
    }
}

/// How much anybody may ask for, and everybody together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub orders_per_minute: u32,
    pub tokens_per_minute: u32,
    pub recoveries_per_hour: u32,
    pub grants_per_minute: u32,
    /// How often a visitor may ask how an order stands, or for its QR code.
    pub looks_per_minute: u32,
    /// Event streams of one visitor at once.
    pub streams: u32,
    pub all_orders_per_second: u32,
    /// What everybody together may make the payment backend look up.
    pub all_lookups_per_second: u32,
    pub all_streams: u32,
    /// Invoices that can still be paid, at once.
    pub open_invoices: u32,
    /// Devices that play one purchase at once.
    pub sessions: u32,
}

/// More than any machine does in a minute: no limit.
pub(crate) const UNLIMITED: u32 = 1_000_000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            orders_per_minute: 30,
            tokens_per_minute: 60,
            recoveries_per_hour: 60,
            grants_per_minute: 300,
            looks_per_minute: 300,
            streams: 20,
            all_orders_per_second: 50,
            all_lookups_per_second: 500,
            all_streams: 10_000,
            open_invoices: 2000,
            sessions: 2,
        }
    }
}

impl Limits {
    /// For a site that only its own machine reaches: one person with play money.
    const fn demo() -> Self {
        Self {
            orders_per_minute: UNLIMITED,
            tokens_per_minute: UNLIMITED,
            recoveries_per_hour: UNLIMITED,
            grants_per_minute: UNLIMITED,
            looks_per_minute: UNLIMITED,
            streams: 10_000,
            all_orders_per_second: UNLIMITED,
            all_lookups_per_second: UNLIMITED,
            all_streams: 10_000,
            open_invoices: 100_000,
            sessions: 2,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Transcoder {
    /// The watch folder.
    pub watch: PathBuf,
    pub sandbox: Sandbox,
    pub loudness: Loudness,
    pub ladder: Ladder,
    /// Free space below which films wait, in MB.
    pub keep_free_mb: u32,
}

/// How loud the sound of new titles is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loudness {
    /// As loud as its maker made it.
    #[default]
    AsIs,
    /// All films alike: −16 LUFS (EBU R 128's measure), peaks at −1 dBFS at most.
    Even,
}

/// What is done with films on a kernel that can't confine the process that reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    /// No layer, no film.
    #[default]
    Required,
    /// With the layers there are; the operator has said so.
    BestEffort,
}

impl FromStr for Sandbox {
    type Err = InvalidSandbox;

    fn from_str(text: &str) -> Result<Self, InvalidSandbox> {
        match text {
            "required" => Ok(Self::Required),
            "best-effort" => Ok(Self::BestEffort),
            _ => Err(InvalidSandbox),
        }
    }
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "required",
            Self::BestEffort => "best-effort",
        })
    }
}

/// Neither of the two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write required or best-effort")]
pub struct InvalidSandbox;

#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// Where RTMP publishers connect.
    pub listen: SocketAddr,
    /// Where RTMPS publishers connect.
    pub secure: Option<LiveTls>,
    /// Running broadcasts: in memory where that is a `tmpfs`.
    pub folder: PathBuf,
    /// Outages as long as this are given back to who had paid.
    pub credit_after_s: u32,
    /// How far behind viewers are, where a channel does not say.
    pub mode: Mode,
    /// The short sides of the smaller pictures that are made while a broadcast runs, largest first.
    pub rungs: Vec<u32>,
}

/// RTMP over TLS, with a certificate of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveTls {
    pub listen: SocketAddr,
    /// PEM; the server's own first, then those that vouch for it.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

pub(crate) const DEFAULT_LISTEN: SocketAddr = local(8420);
pub(crate) const DEFAULT_LIVE: SocketAddr = local(1935);
pub(crate) const DEFAULT_CREDIT_AFTER_S: u32 = 60;
pub(crate) const DEFAULT_KEEP_FREE_MB: u32 = 1024;
pub(crate) const DEFAULT_CACHE_MB: u32 = 128;
pub(crate) const DEFAULT_INVOICE_MINUTES: u32 = 15;
pub(crate) const DEFAULT_NAME: &str = "Satreel";

const fn local(port: u16) -> SocketAddr {
    let ip = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    SocketAddr::new(ip, port)
}

impl Config {
    /// What `satreel demo` runs with: everything under `data`, this machine only, play money, and
    /// nobody to be limited.
    pub fn demo(data: &Path) -> Self {
        Self {
            site: Site {
                name: DEFAULT_NAME.to_owned(),
                url: HttpUrl::local(DEFAULT_LISTEN),
                data: data.to_owned(),
                accent: None,
                keys: default_keys(data),
            },
            server: Server {
                listen: DEFAULT_LISTEN,
                metrics: None,
                trusted_proxies: Vec::new(),
                cache_mb: DEFAULT_CACHE_MB,
            },
            tls: Tls::Off,
            redirect: None,
            payments: Payments {
                backend: Backend::Wallet,
                invoice_minutes: DEFAULT_INVOICE_MINUTES,
                lnd: None,
                btcpay: None,
            },
            offers: Offers::default(),
            limits: Limits::demo(),
            tips: Tips::default(),
            uploads: Uploads::default(),
            transcoder: Transcoder {
                watch: default_watch(data),
                sandbox: Sandbox::default(),
                loudness: Loudness::default(),
                ladder: Ladder::default(),
                keep_free_mb: DEFAULT_KEEP_FREE_MB,
            },
            live: Live {
                listen: DEFAULT_LIVE,
                secure: None,
                folder: default_live_folder(data),
                credit_after_s: DEFAULT_CREDIT_AFTER_S,
                mode: Mode::default(),
                rungs: Vec::new(),
            },
            backup: None,
            origin: Origin {
                file: "demo".into(),
                ..Origin::default()
            },
        }
    }

    /// The same site under another address; the URL follows.
    #[must_use]
    pub fn listening_on(mut self, listen: SocketAddr) -> Self {
        self.server.listen = listen;
        self.site.url = HttpUrl::local(listen);
        self
    }

    /// The network that the node has to be on. None: any; only a site that nobody but this machine
    /// can open may sell for play money without saying so.
    pub fn network(&self) -> Option<Network> {
        let written = self.payments.lnd.as_ref().and_then(|lnd| lnd.network);
        let private = self.site.url.is_loopback();
        written.or((!private).then_some(Network::Mainnet))
    }

    /// The built-in wallet gives films away for play money, so nobody else may reach it.
    ///
    /// SECURITY: call it again after any change of the listen address (a command-line option).
    pub fn wallet_exposure(&self) -> Option<Fault> {
        let fault = |key: &str, line, what| Fault {
            file: self.origin.file.clone(),
            key: key.to_owned(),
            line,
            what,
            remedy: "the built-in wallet takes play money: keep it on 127.0.0.1, or take \
                     payments with a node of your own"
                .to_owned(),
        };
        if self.payments.backend != Backend::Wallet {
            return None;
        }
        if !is_loopback(self.server.listen.ip()) {
            let what = format!("{} can be reached by others", self.server.listen);
            return Some(fault("server.listen", self.origin.listen_line, what));
        }
        if !self.site.url.is_loopback() {
            let what = format!("{} is a public address", self.site.url);
            return Some(fault("site.url", self.origin.url_line, what));
        }
        None
    }
}

pub(crate) fn default_keys(data: &Path) -> PathBuf {
    data.join("keys.json")
}

pub(crate) fn default_live_folder(data: &Path) -> PathBuf {
    data.join("live")
}

pub(crate) fn default_watch(data: &Path) -> PathBuf {
    data.join("inbox")
}
