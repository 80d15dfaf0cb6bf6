//! A node: its connection and the macaroon that goes with every call.

use std::{
    collections::BTreeSet,
    fmt, io,
    path::PathBuf,
    sync::{Arc, RwLock},
    time::Duration,
};

use http::Uri;
use tonic::{
    Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use tower::service_fn;
use zeroize::Zeroizing;

use crate::{
    Error, Result,
    connect::{Address, connect},
    macaroon::{self, Permission},
    proto::{
        invoicesrpc::invoices_client::InvoicesClient,
        lnrpc::{
            lightning_client::LightningClient, state_client::StateClient,
            wallet_unlocker_client::WalletUnlockerClient,
        },
        routerrpc::router_client::RouterClient,
    },
};

/// LND allows a ping every 5 s; a dead connection is known after 40 s at the latest.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WAIT: Duration = Duration::from_secs(10);

/// A node far away sends a page of invoices without waiting for us in between.
const WINDOW: u32 = 1 << 20;

/// Lists of a busy node are long: 1,000 invoices are about 1 MB.
const LARGEST_ANSWER: usize = 64 << 20;

/// Gives the macaroon's bytes, binary or as hex text, whenever they are wanted anew.
pub type Macaroon = Arc<dyn Fn() -> io::Result<Zeroizing<Vec<u8>>> + Send + Sync>;

/// Where a node is and what opens it.
#[derive(Clone)]
pub struct Options {
    /// `https://host:port`, or `host:port`.
    pub address: String,
    /// The file with LND's certificate.
    pub certificate: PathBuf,
    pub macaroon: Macaroon,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("address", &self.address)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// A node, connected when first used and again whenever needed. Clones share the connection.
#[derive(Clone)]
pub struct Node {
    channel: Channel,
    credential: Credential,
    address: Address,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Node {
    /// Reads nothing and connects to nothing yet: files and node may be wrong now and right later.
    /// Fails only for an address that can never work.
    pub fn new(options: Options) -> Result<Self> {
        let address = parse_address(&options.address)?;
        let credential = Credential {
            source: options.macaroon,
            value: Arc::default(),
        };
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| unusable(&options.address, error))?
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(2 * WINDOW)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_WAIT)
            .keep_alive_while_idle(true);
        let connector = {
            let (address, credential) = (address.clone(), credential.clone());
            service_fn(move |_: Uri| {
                let (address, certificate) = (address.clone(), options.certificate.clone());
                // Whoever renews the certificate may have baked a new macaroon too.
                credential.forget();
                async move { connect(address, &certificate).await }
            })
        };
        Ok(Self {
            channel: endpoint.connect_with_connector_lazy(connector),
            credential,
            address,
        })
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub fn lightning(&self) -> LightningClient<Authorised> {
        LightningClient::new(self.authorised()).max_decoding_message_size(LARGEST_ANSWER)
    }

    pub fn invoices(&self) -> InvoicesClient<Authorised> {
        InvoicesClient::new(self.authorised())
    }

    pub fn router(&self) -> RouterClient<Authorised> {
        RouterClient::new(self.authorised())
    }

    /// The state of the wallet needs no macaroon: it can be asked before there is one.
    pub fn state(&self) -> StateClient<Channel> {
        StateClient::new(self.channel.clone())
    }

    pub fn unlocker(&self) -> WalletUnlockerClient<Channel> {
        WalletUnlockerClient::new(self.channel.clone())
    }

    /// The macaroon is read again with the next call: a new one may be in its place.
    pub fn forget_macaroon(&self) {
        self.credential.forget();
    }

    /// What the macaroon permits, by its own text; nobody is asked. None: it can't be told.
    pub fn permissions(&self) -> Result<Option<BTreeSet<Permission>>> {
        Ok(macaroon::permissions(&self.credential.read()?))
    }

    fn authorised(&self) -> Authorised {
        InterceptedService::new(self.channel.clone(), self.credential.clone())
    }
}

/// A connection whose every call carries the macaroon.
pub type Authorised = InterceptedService<Channel, Credential>;

/// Puts the macaroon on a call.
#[derive(Clone)]
pub struct Credential {
    source: Macaroon,
    value: Arc<RwLock<Option<MetadataValue<Ascii>>>>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").finish_non_exhaustive()
    }
}

impl Credential {
    fn value(&self) -> Result<MetadataValue<Ascii>> {
        if let Some(value) = self.value.read().ok().and_then(|value| value.clone()) {
            return Ok(value);
        }
        let binary = macaroon::binary(&self.read()?);
        let mut value: MetadataValue<Ascii> = macaroon::hex(&binary)
            .parse()
            .map_err(|_| Error::BadMacaroon("not text".into()))?;
        // SECURITY: hidden from Debug, never compressed into a shared table.
        value.set_sensitive(true);
        if let Ok(mut kept) = self.value.write() {
            *kept = Some(value.clone());
        }
        Ok(value)
    }

    fn read(&self) -> Result<Zeroizing<Vec<u8>>> {
        (self.source)().map_err(|error| Error::MacaroonFile(error.to_string()))
    }

    fn forget(&self) {
        if let Ok(mut kept) = self.value.write() {
            *kept = None;
        }
    }
}

impl Interceptor for Credential {
    fn call(&mut self, mut request: Request<()>) -> std::result::Result<Request<()>, Status> {
        let value = self
            .value()
            .map_err(|error| Status::failed_precondition(error.to_string()))?;
        request.metadata_mut().insert("macaroon", value);
        Ok(request)
    }
}

/// One call with one answer: waits `limit` for it and sorts what goes wrong.
pub async fn call<T>(
    name: &'static str,
    limit: Duration,
    answer: impl Future<Output = std::result::Result<Response<T>, Status>>,
) -> Result<T> {
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(Error::of(name, &status)),
        Err(_) => Err(Error::Timeout(name)),
    }
}

fn parse_address(text: &str) -> Result<Address> {
    let uri: Uri = text
        .trim_end_matches('/')
        .parse()
        .map_err(|error| unusable(text, error))?;
    let authority = uri.authority().ok_or_else(|| unusable(text, "no host"))?;
    Ok(Address {
        host: authority.host().trim_matches(['[', ']']).to_owned(),
        port: authority.port_u16().unwrap_or(10009),
    })
}

fn unusable(address: &str, error: impl fmt::Display) -> Error {
    Error::NotReached {
        address: address.to_owned(),
        source: Arc::new(io::Error::new(
            io::ErrorKind::InvalidInput,
            error.to_string(),
        )),
    }
}
