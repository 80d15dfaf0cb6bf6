//! What can be wrong with a node, each with its own words: an operator acts differently on each.

use std::{path::PathBuf, sync::Arc};

use tonic::{Code, Status};

pub type Result<T> = std::result::Result<T, Error>;

/// How our own words for an unreadable macaroon begin: between a call and its answer only the
/// words of a fault survive.
const UNREADABLE: &str = "cannot read the macaroon: ";

#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("cannot reach LND at {address}: {source}")]
    NotReached {
        address: String,
        source: Arc<std::io::Error>,
    },
    #[error("cannot read LND's certificate {}: {source}", path.display())]
    CertificateFile {
        path: PathBuf,
        source: Arc<std::io::Error>,
    },
    #[error(
        "the node at {address} shows another certificate than {}: if LND made a new one, copy its \
         tls.cert there again; it takes effect by itself",
        path.display()
    )]
    WrongCertificate { address: String, path: PathBuf },
    #[error("no TLS with the node at {address}: {reason}")]
    Tls { address: String, reason: String },
    #[error("{UNREADABLE}{0}")]
    MacaroonFile(String),
    #[error("LND's wallet is locked: unlock it (lncli unlock)")]
    Locked,
    #[error("LND has no wallet yet: create one (lncli create)")]
    NoWallet,
    #[error("LND is starting")]
    Starting,
    #[error("LND does not take the macaroon ({0}): was it baked by another node?")]
    BadMacaroon(String),
    #[error("the macaroon lacks a permission for {0}")]
    MissingPermission(&'static str),
    #[error("LND did not answer {0} in time")]
    Timeout(&'static str),
    #[error("the connection to LND was lost: {0}")]
    Lost(String),
    #[error("{call}: LND says: {message}")]
    Other {
        call: &'static str,
        code: Code,
        message: String,
    },
}

impl Error {
    /// Whether the same call can succeed later with nothing changed by a person.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NotReached { .. }
            | Self::Starting
            | Self::Timeout(_)
            | Self::Lost(_)
            | Self::Tls { .. } => true,
            Self::CertificateFile { .. }
            | Self::WrongCertificate { .. }
            | Self::MacaroonFile(_)
            | Self::Locked
            | Self::NoWallet
            | Self::BadMacaroon(_)
            | Self::MissingPermission(_)
            | Self::Other { .. } => false,
        }
    }

    /// What LND (or the way there) answered to `call`.
    pub fn of(call: &'static str, status: &Status) -> Self {
        if let Some(fault) = connection_fault(status) {
            return fault.clone();
        }
        let message = status.message();
        let says = |words: &str| message.contains(words);
        if let Some(reason) = message.strip_prefix(UNREADABLE) {
            Self::MacaroonFile(reason.to_owned())
        } else if says("wallet locked") {
            Self::Locked
        } else if says("wallet not created") {
            Self::NoWallet
        } else if says("process of starting up") || says("waiting to start") {
            Self::Starting
        } else if says("permission denied") {
            Self::MissingPermission(call)
        } else if is_about_the_macaroon(message) {
            Self::BadMacaroon(message.to_owned())
        } else if matches!(status.code(), Code::Unavailable | Code::Cancelled) {
            Self::Lost(message.to_owned())
        } else if let Some(cause) = own_cause(status) {
            Self::Lost(cause)
        } else if status.code() == Code::DeadlineExceeded {
            Self::Timeout(call)
        } else {
            Self::Other {
                call,
                code: status.code(),
                message: message.to_owned(),
            }
        }
    }
}

/// The bakery's own words: LND gives them all the code "unknown".
fn is_about_the_macaroon(message: &str) -> bool {
    [
        "verification failed",
        "cannot get macaroon",
        "root key",
        "expected 1 macaroon",
        "data format of",
        "unknown macaroon version",
        "caveat",
        "unmarshal",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// Our connector's own fault, from under tonic's wrappings.
fn connection_fault(status: &Status) -> Option<&Error> {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if let Some(fault) = error.downcast_ref::<Error>() {
            return Some(fault);
        }
        source = error.source();
    }
    None
}

/// Why a call failed on our side of the wire, in the words of the innermost fault. What LND itself
/// answers has no cause.
fn own_cause(status: &Status) -> Option<String> {
    let first = std::error::Error::source(status)?;
    let last = std::iter::successors(Some(first), |error| error.source()).last()?;
    Some(last.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lnds_words_are_sorted() {
        let of = |message: &str| Error::of("GetInfo", &Status::unknown(message));
        assert!(matches!(
            of("wallet locked, unlock it to enable full RPC access"),
            Error::Locked
        ));
        assert!(matches!(
            of("wallet not created, create one to enable full RPC access"),
            Error::NoWallet
        ));
        assert!(matches!(
            of("waiting to start, RPC services not available"),
            Error::Starting
        ));
        assert!(matches!(
            of("permission denied"),
            Error::MissingPermission("GetInfo")
        ));
        assert!(matches!(
            of("verification failed: signature mismatch after caveat verification"),
            Error::BadMacaroon(_)
        ));
        assert!(matches!(
            of("cannot get macaroon: root key with id 7 doesn't exist"),
            Error::BadMacaroon(_)
        ));
        assert!(matches!(of("no such thing"), Error::Other { .. }));
        let lost = Error::of("GetInfo", &Status::unavailable("gone"));
        assert!(matches!(lost, Error::Lost(_)) && lost.is_passing());
        let broken = Status::from_error("the pipe broke".into());
        let lost = Error::of("GetInfo", &broken);
        assert_eq!(
            lost.to_string(),
            "the connection to LND was lost: the pipe broke"
        );
    }
}
