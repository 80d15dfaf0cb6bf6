//! A publisher's socket, with TLS or without. Reads return after every look at the network, so that
//! whoever reads can look at the clock.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use satreel_config::LiveTls;

/// How long, and for how many bytes, a publisher that is turned away is still listened to.
const FAREWELL: Duration = Duration::from_secs(2);
const LAST_BYTES: usize = 4 << 20;

/// The certificate that publishers see, read anew when its files change.
#[derive(Debug)]
pub(crate) struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    loaded: Mutex<Option<(Stamp, Arc<ServerConfig>)>>,
}

type Stamp = [Option<SystemTime>; 2];

/// Why nobody can connect by TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadIdentity {
    #[error("{}: {source}: `certificate` and `key` of `[live]` name PEM files", .path.display())]
    File {
        path: PathBuf,
        source: rustls::pki_types::pem::Error,
    },
    #[error("`certificate` and `key` of `[live]` do not go together: {0}")]
    Pair(#[from] rustls::Error),
}

impl Identity {
    pub(crate) fn new(tls: &LiveTls) -> Self {
        Self {
            certificate: tls.certificate.clone(),
            key: tls.key.clone(),
            loaded: Mutex::default(),
        }
    }

    fn config(&self) -> Result<Arc<ServerConfig>, BadIdentity> {
        let written = |path| fs::metadata(path).and_then(|about| about.modified()).ok();
        let stamp = [written(&self.certificate), written(&self.key)];
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, config)) = &*loaded
            && *before == stamp
        {
            return Ok(Arc::clone(config));
        }
        let config = match (self.load(), loaded.as_ref()) {
            (Ok(config), _) => Arc::new(config),
            // One of the two files is written after the other: until then the old ones go on.
            (Err(error), Some((_, before))) => {
                tracing::warn!(%error, "the renewed certificate is not taken yet");
                return Ok(Arc::clone(before));
            }
            (Err(error), None) => return Err(error),
        };
        *loaded = Some((stamp, Arc::clone(&config)));
        Ok(config)
    }

    fn load(&self) -> Result<ServerConfig, BadIdentity> {
        let file = |path: &PathBuf| {
            let path = path.clone();
            move |source| BadIdentity::File { path, source }
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(file(&self.certificate))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(file(&self.key))?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        Ok(builder
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?)
    }

    pub(crate) fn wire(&self, socket: TcpStream) -> Result<Wire, BadIdentity> {
        let tls = ServerConnection::new(self.config()?)?;
        Ok(Wire::Tls(Box::new(tls), socket))
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<ServerConnection>, TcpStream),
}

impl Wire {
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) | Self::Tls(_, socket) => socket,
        }
    }

    /// Whether something lies there that has not been read.
    pub(crate) fn has_more(&self) -> bool {
        rustix::io::ioctl_fionread(self.socket()).is_ok_and(|bytes| bytes > 0)
    }

    /// How much may lie there until it is read, in bytes; what comes then has to wait at the other side.
    pub(crate) fn room(&self) -> u64 {
        let buffer = rustix::net::sockopt::socket_recv_buffer_size(self.socket());
        // The kernel counts its own bookkeeping, which takes up to two thirds of it.
        buffer.map_or(0, |bytes| bytes as u64 / 3)
    }

    /// What has come. `WouldBlock`: something, but nothing to be read yet.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(tls, socket) => {
                if let Some(read) = waiting(tls.reader().read(buffer))? {
                    return Ok(read);
                }
                flush(tls, socket)?;
                if tls.read_tls(socket)? == 0 {
                    return Ok(0);
                }
                let taken = tls.process_new_packets();
                // A handshake's answer, or why there is none.
                flush(tls, socket)?;
                taken.map_err(io::Error::other)?;
                tls.reader().read(buffer)
            }
        }
    }

    /// Says the last words so that they arrive: a socket that is closed with bytes unread takes back
    /// what it has sent.
    pub(crate) fn part(&mut self, words: &[u8]) {
        let until = Instant::now() + FAREWELL;
        if self.write_all(words).is_err() || self.socket().shutdown(Shutdown::Write).is_err() {
            return;
        }
        let mut left = LAST_BYTES;
        let mut buffer = [0; 4096];
        loop {
            let patience = until.saturating_duration_since(Instant::now());
            if patience.is_zero() || self.socket().set_read_timeout(Some(patience)).is_err() {
                return;
            }
            let (Self::Plain(socket) | Self::Tls(_, socket)) = self;
            match socket.read(&mut buffer) {
                Ok(read) if read > 0 && read <= left => left -= read,
                Ok(_) | Err(_) => return,
            }
        }
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(tls, socket) => {
                tls.writer().write_all(bytes)?;
                flush(tls, socket)
            }
        }
    }
}

fn waiting(read: io::Result<usize>) -> io::Result<Option<usize>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn flush(tls: &mut ServerConnection, socket: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(socket)?;
    }
    Ok(())
}
