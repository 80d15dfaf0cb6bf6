//! Why there is no new certificate.

use std::{error::Error as _, io, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Longest part of somebody else's words that is kept.
const MAX_WORDS: usize = 400;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody decided anything.
    #[error("{directory} gives no answer: {words}")]
    Away { directory: String, words: String },
    /// The authority has said no.
    #[error("the authority refuses: {words}")]
    Refused { words: String },
    /// It does not know our account, or no longer.
    #[error("the authority does not know the account")]
    Unknown,
    /// It refused three nonces in a row, as it may at any time (RFC 8555 §6.5).
    #[error("the authority wants other nonces again and again")]
    Nonce,
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}: {source}: `root` of `[tls]` names a PEM file", .path.display())]
    Root {
        path: PathBuf,
        source: reqwest::Error,
    },
    #[error("the HTTP client: {0}")]
    Client(reqwest::Error),
    #[error("a key or a request could not be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("what proves a name could not be made: {0}")]
    Proof(#[from] rustls::Error),
}

/// What can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The way to the directory, or the directory itself.
    Away,
    /// The names, the port, the authority's limits.
    Refused,
    /// This machine: the folder, the root.
    Here,
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Away { .. } | Self::Nonce => Kind::Away,
            Self::Refused { .. } | Self::Unknown => Kind::Refused,
            Self::File { .. }
            | Self::Root { .. }
            | Self::Client(_)
            | Self::Make(_)
            | Self::Proof(_) => Kind::Here,
        }
    }

    pub(crate) fn refused(said: &str) -> Self {
        Self::Refused { words: words(said) }
    }

    pub(crate) fn away(directory: &str, said: &str) -> Self {
        Self::Away {
            directory: directory.to_owned(),
            words: words(said),
        }
    }

    /// The library's errors, by who has to do something.
    pub(crate) fn of(directory: &str, error: instant_acme::Error) -> Self {
        match error {
            instant_acme::Error::Api(problem) => {
                let kind = problem.r#type.as_deref().unwrap_or_default();
                let is_fault = problem.status.is_some_and(|status| status >= 500);
                match kind.strip_prefix("urn:ietf:params:acme:error:") {
                    Some("accountDoesNotExist") => Self::Unknown,
                    Some("badNonce") => Self::Nonce,
                    Some("serverInternal") => Self::away(directory, &problem.to_string()),
                    _ if is_fault => Self::away(directory, &problem.to_string()),
                    _ => Self::refused(&problem.to_string()),
                }
            }
            instant_acme::Error::Timeout(_) => {
                Self::away(directory, "it did not decide in time; the order goes on")
            }
            other => Self::away(directory, &chain(&other)),
        }
    }
}

/// An error with what caused it: reqwest's own first line says only that it failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_said = inner.to_string();
        if !said.contains(&inner_said) {
            said = format!("{said}: {inner_said}");
        }
        cause = inner.source();
    }
    said
}

/// Somebody else's words, on one line and not too many.
pub(crate) fn words(said: &str) -> String {
    let printable = said
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    printable.take(MAX_WORDS).collect()
}

impl From<Error> for String {
    fn from(error: Error) -> Self {
        let mut said = error.to_string();
        if let Some(cause) = error.source() {
            let cause = cause.to_string();
            if !said.contains(&cause) {
                said = format!("{said}: {cause}");
            }
        }
        said
    }
}
