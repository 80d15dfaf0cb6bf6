//! Pebble, the ACME server of Let's Encrypt for tests, as a process on loopback: made to refuse one
//! request in twenty for its nonce, as the protocol allows, and to look every name up with us.

mod gate;
mod names;

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
pub use lnd_pair::launch::free_port;
use lnd_pair::{cache, launch::Running};
use rustls::{
    ClientConnection, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject},
};
use satreel_lnd::certificate::trusting;
use serde_json::json;
use tempfile::TempDir;

pub use gate::Gate;

/// A name that Pebble issues nothing for.
pub const BLOCKED: &str = "blocked.localhost";
const PATIENCE: Duration = Duration::from_secs(20);

/// An authority and its folder.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
    port: u16,
    management: u16,
    own: CertificateDer<'static>,
    names: SocketAddr,
    gate: Gate,
    running: Option<Running>,
}

impl Authority {
    /// One that is not started yet. It finds whoever asks at `site_port` on loopback, and its
    /// certificates are good for `seconds`.
    pub fn prepare(site_port: u16, seconds: u32) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let gate = Gate::open(site_port)?;
        let (port, management) = (free_port()?, free_port()?);
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let path = |name: &str| folder.path().join(name);
        fs::write(path("own.pem"), own.cert.pem())?;
        fs::write(path("own.key"), own.signing_key.serialize_pem())?;
        let config = json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": path("own.pem"),
            "privateKey": path("own.key"),
            // Nobody is there: it is to prove names by TLS alone.
            "httpPort": 1,
            "tlsPort": gate.port(),
            "domainBlocklist": [BLOCKED],
            "keyAlgorithm": "ecdsa",
            "profiles": {"default": {"description": "as the test wants", "validityPeriod": seconds}},
        }});
        fs::write(path("pebble.json"), config.to_string())?;
        Ok(Self {
            own: own.cert.der().clone(),
            names: names::open()?,
            gate,
            folder,
            port,
            management,
            running: None,
        })
    }

    /// As [`Self::prepare`], and it runs.
    pub fn start(site_port: u16, seconds: u32) -> Result<Self> {
        let mut authority = Self::prepare(site_port, seconds)?;
        authority.run()?;
        Ok(authority)
    }

    /// Starts it, or starts it again: with a new key of its own, and no memory.
    pub fn run(&mut self) -> Result<()> {
        let pebble = program()?;
        let arguments = [
            "PEBBLE_VA_NOSLEEP=1".to_owned(),
            "PEBBLE_AUTHZREUSE=0".to_owned(),
            "PEBBLE_WFE_NONCEREJECT=5".to_owned(),
            pebble.display().to_string(),
            "-config".to_owned(),
            self.folder.path().join("pebble.json").display().to_string(),
            "-dnsserver".to_owned(),
            self.names.to_string(),
        ];
        let mut running = Running::start(Path::new("env"), &arguments, &self.log())?;
        let deadline = Instant::now() + PATIENCE;
        for port in [self.management, self.port] {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                if running.has_ended() || Instant::now() > deadline {
                    bail!("Pebble does not start:\n{}", self.said()?);
                }
                std::thread::yield_now();
            }
        }
        self.running = Some(running);
        Ok(())
    }

    /// Ends it at once.
    pub fn stop(&mut self) {
        self.running = None;
    }

    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// Whom to trust for the directory: `[tls] root`.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("own.pem")
    }

    /// How it comes to the site.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// How many orders were begun, over all its runs.
    pub fn orders(&self) -> Result<usize> {
        Ok(self.said()?.matches("Added order ").count())
    }

    /// What the certificates of this run are signed by, at the end of their chain.
    pub fn issuer(&self) -> Result<CertificateDer<'static>> {
        let config = trusting(self.own.clone())?;
        let connection = ClientConnection::new(Arc::new(config), "127.0.0.1".try_into()?)?;
        let socket = TcpStream::connect(("127.0.0.1", self.management))?;
        let mut stream = StreamOwned::new(connection, socket);
        stream.write_all(b"GET /roots/0 HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n")?;
        let mut answer = Vec::new();
        // It hangs up without a farewell.
        let _ = stream.read_to_end(&mut answer);
        CertificateDer::from_pem_slice(&answer).context("Pebble's root")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("pebble.log")
    }

    fn said(&self) -> Result<String> {
        Ok(fs::read_to_string(self.log())?)
    }
}

/// What `tools/nodes` built.
fn program() -> Result<PathBuf> {
    let program = cache()?.join("pebble/current/pebble");
    if !program.is_file() {
        bail!("no {}: `make nodes` builds it once", program.display());
    }
    Ok(program.canonicalize()?)
}
