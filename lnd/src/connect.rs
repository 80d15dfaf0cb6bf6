//! One connection: TCP, then TLS that takes the given certificate only. The certificate's file is
//! read each time, so that a renewed one needs no restart.

use std::{io, path::Path, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use rustls::{
    CertificateError,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    Error,
    certificate::{parse, trusting},
};

/// TCP and handshake together. A frozen node takes the TCP connection and then says nothing.
const LIMIT: Duration = Duration::from_secs(5);

/// Where a node is: host and port, as written in the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

pub(crate) async fn connect(
    address: Address,
    certificate: &Path,
) -> Result<TokioIo<TlsStream<TcpStream>>, Error> {
    let trusted = read_certificate(certificate)?;
    let not_reached = |source: io::Error| Error::NotReached {
        address: address.to_string(),
        source: Arc::new(source),
    };
    let handshake = async {
        let tcp = TcpStream::connect((address.host.as_str(), address.port))
            .await
            .map_err(not_reached)?;
        // An invoice is one small packet there and one back.
        tcp.set_nodelay(true).map_err(not_reached)?;
        tls(&address, certificate, trusted, tcp).await
    };
    timeout(LIMIT, handshake)
        .await
        .map_err(|_| not_reached(io::ErrorKind::TimedOut.into()))?
        .map(TokioIo::new)
}

async fn tls(
    address: &Address,
    path: &Path,
    trusted: CertificateDer<'static>,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, Error> {
    let fault = |reason: String| Error::Tls {
        address: address.to_string(),
        reason,
    };
    let name = ServerName::try_from(address.host.clone()).map_err(|e| fault(e.to_string()))?;
    let mut config = trusting(trusted).map_err(|error| fault(error.to_string()))?;
    // grpc-go refuses a connection without it.
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, tcp).await.map_err(|error| {
        let inner = error
            .get_ref()
            .and_then(|e| e.downcast_ref::<rustls::Error>());
        match inner {
            Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                Error::WrongCertificate {
                    address: address.to_string(),
                    path: path.to_owned(),
                }
            }
            _ => fault(error.to_string()),
        }
    })
}

fn read_certificate(path: &Path) -> Result<CertificateDer<'static>, Error> {
    let fault = |source: io::Error| Error::CertificateFile {
        path: path.to_owned(),
        source: Arc::new(source),
    };
    let bytes = std::fs::read(path).map_err(fault)?;
    parse(&bytes).ok_or_else(|| {
        fault(io::Error::new(
            io::ErrorKind::InvalidData,
            "no PEM certificate in it",
        ))
    })
}
