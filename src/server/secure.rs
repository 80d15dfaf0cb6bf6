//! TLS on the site's own port: the certificate that visitors see, and the authority's questions.

use std::{path::Path, sync::Arc};

use satreel_acme::{Asked, Challenges};
use satreel_tls::{BadIdentity, Identity};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

const SECTION: &str = "[tls]";
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Whom the site is to those who connect.
#[derive(Debug)]
pub struct Secure {
    identity: Identity,
    /// None: somebody else orders the certificate.
    challenges: Option<Arc<Challenges>>,
}

impl Secure {
    /// From files that are there. Fails where they are not good: nobody could come in.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, BadIdentity> {
        let identity = Identity::new(SECTION, certificate, key, &PROTOCOLS);
        identity.config()?;
        Ok(Self {
            identity,
            challenges: None,
        })
    }

    /// From the one file that orders leave, and that may not be there yet.
    pub fn from_orders(file: &Path, challenges: Arc<Challenges>) -> Self {
        Self {
            identity: Identity::new(SECTION, file, file, &PROTOCOLS),
            challenges: Some(challenges),
        }
    }

    /// A visitor's connection. None: it was none, or it was the authority, which has its answer.
    pub(super) async fn accept(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let begun = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
        // An error is one of the internet's scanners, mostly.
        let begun = begun.await.ok()?;
        let asked = self.challenges.as_ref();
        match asked.map_or(Asked::Site, |all| all.asked(&begun.client_hello())) {
            Asked::Site => {}
            Asked::Proof(config) => {
                tracing::info!("an authority looks whether a name leads here");
                // The handshake was the question and the answer.
                let mut proven = begun.into_stream(config).await.ok()?;
                let _ = proven.shutdown().await;
                return None;
            }
            Asked::Stranger => {
                tracing::debug!("somebody asks for a proof that nobody here has ordered");
                return None;
            }
        }
        match self.identity.config() {
            Ok(config) => begun.into_stream(config).await.ok(),
            // Said once at the start; with every visitor it would only fill the log.
            Err(error) if self.challenges.is_some() => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "there is no certificate yet");
                None
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "nobody can connect by TLS");
                None
            }
        }
    }
}
