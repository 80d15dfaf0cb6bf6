//! From a name and two keys to an SFTP session: the host proves that it has the pinned key, we
//! prove that we have ours. No password, no agent, no file of known hosts.

use std::{borrow::Cow, str::FromStr, sync::Arc, time::Duration};

use russh::{
    ChannelMsg, Preferred,
    client::{self, Handle, Handler},
    keys::{
        Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate,
    },
};
use russh_sftp::client::RawSftpSession;
use tokio::{net::TcpStream, time::timeout};

use super::{Sftp, wrong};
use crate::{Destination, Error, Result};

/// Until TCP is there, and again until both sides have proved who they are.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);
/// For one request, on a connection that is there. A full disk syncs slowly.
const REQUEST_PATIENCE: u64 = 60;
/// Without a sign of life the connection is given up.
const SILENCE: Duration = Duration::from_secs(90);

/// The one key that a host may show.
#[derive(Debug, Clone)]
pub(super) struct HostKey(PublicKey);

impl FromStr for HostKey {
    type Err = Error;

    /// `ssh-ed25519 AAAA… comment`, or the same after a host's name.
    fn from_str(line: &str) -> Result<Self> {
        let line = line.trim();
        let without_host = line.split_once(' ').map_or("", |(_, rest)| rest.trim());
        let key = PublicKey::from_openssh(line)
            .or_else(|_| PublicKey::from_openssh(without_host))
            .map_err(|_| {
                wrong("host_key", "is no public key: take the line that begins with ssh-ed25519 from /etc/ssh/ssh_host_ed25519_key.pub of that host")
            })?;
        match key.algorithm() {
            Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Ok(Self(key)),
            _ => Err(wrong(
                "host_key",
                "is neither an Ed25519 nor an ECDSA key; every OpenSSH server has one of these too",
            )),
        }
    }
}

/// A session, and the connection that it lives on.
pub(super) struct Session {
    pub(super) sftp: RawSftpSession,
    _connection: Handle<Pinned>,
}

/// Believes one key.
pub(super) struct Pinned {
    expected: PublicKey,
    place: String,
}

/// What ends a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Host(Error),
    #[error(transparent)]
    Ssh(#[from] russh::Error),
}

impl Handler for Pinned {
    type Error = Broken;

    /// SECURITY: nothing is sent that opens anything before this has said yes. The key is compared
    /// whole, certificates are not asked for.
    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> std::result::Result<bool, Broken> {
        let shown = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => key,
            PublicKeyOrCertificate::Certificate(_) => return Ok(false),
        };
        if shown.key_data() == self.expected.key_data() {
            return Ok(true);
        }
        Err(Broken::Host(Error::WrongHost {
            place: self.place.clone(),
            expected: self.expected.fingerprint(HashAlg::Sha256).to_string(),
            found: shown.fingerprint(HashAlg::Sha256).to_string(),
        }))
    }
}

pub(super) async fn connect(to: &Sftp) -> Result<Session> {
    let place = to.describe();
    let key = read_key(to, &place)?;
    let away = |why: String, source| Error::Away {
        place: place.clone(),
        why,
        source,
    };

    let tcp = timeout(
        CONNECT_PATIENCE,
        TcpStream::connect((to.host.as_str(), to.port)),
    )
    .await
    .map_err(|_| away(format!("no answer within {CONNECT_PATIENCE:?}"), None))?
    .map_err(|error| away(error.to_string(), Some(error.into())))?;
    // Packets are large or wanted at once.
    tcp.set_nodelay(true)
        .map_err(|error| away(error.to_string(), None))?;

    let handler = Pinned {
        expected: to.host_key.0.clone(),
        place: place.clone(),
    };
    let session = async {
        let mut connection =
            client::connect_stream(Arc::new(config(&to.host_key.0)), tcp, handler).await?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        if !connection
            .authenticate_publickey(&to.user, key)
            .await?
            .success()
        {
            return Err(Broken::Host(Error::Refused {
                place: place.clone(),
                why: format!(
                    "the key is not accepted for {}: its public half has to stand in that user's authorized_keys",
                    to.user
                ),
            }));
        }
        let mut channel = connection.channel_open_session().await?;
        channel.request_subsystem(true, "sftp").await?;
        loop {
            match channel.wait().await {
                Some(ChannelMsg::Success) => break,
                Some(ChannelMsg::Failure) | None => return Err(russh::Error::RequestDenied.into()),
                // The window and the like.
                Some(_) => {}
            }
        }
        let options = russh_sftp::client::Config {
            request_timeout_secs: REQUEST_PATIENCE,
            ..Default::default()
        };
        let sftp = RawSftpSession::new_with_config(channel.into_stream(), options);
        Ok(Session {
            sftp,
            _connection: connection,
        })
    };
    match timeout(CONNECT_PATIENCE, session).await {
        Ok(Err(Broken::Host(error))) => Err(error),
        Ok(Err(Broken::Ssh(error))) => Err(told(&place, error)),
        Ok(Ok(session)) => Ok(session),
        Err(_) => Err(away(
            format!("no SSH server answered within {CONNECT_PATIENCE:?}"),
            None,
        )),
    }
}

/// What the host offers has to fit the pinned key: asking for its kind alone makes a host with
/// several keys show that one.
fn config(host_key: &PublicKey) -> client::Config {
    client::Config {
        preferred: Preferred {
            key: Cow::Owned(vec![host_key.algorithm()]),
            ..Preferred::default()
        },
        inactivity_timeout: Some(SILENCE),
        ..client::Config::default()
    }
}

fn read_key(to: &Sftp, place: &str) -> Result<PrivateKey> {
    let text = to.key.read().map_err(|source| Error::Secret {
        place: place.to_owned(),
        source,
    })?;
    let refuse = |why| wrong("key", why);
    // The line break at the end belongs to the format, and reading a secret drops it.
    let key = PrivateKey::from_openssh(format!("{}\n", text.expose())).map_err(|_| {
        refuse("is no private key in OpenSSH's format: make one with ssh-keygen -t ed25519 -N ''")
    })?;
    if key.is_encrypted() {
        return Err(refuse(
            "has a passphrase, which nobody can type at night: make one without (ssh-keygen -p)",
        ));
    }
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Ok(key),
        _ => Err(refuse(
            "is neither an Ed25519 nor an ECDSA key: make one with ssh-keygen -t ed25519 -N ''",
        )),
    }
}

fn told(place: &str, error: russh::Error) -> Error {
    match error {
        russh::Error::NoCommonAlgo { .. } => Error::Refused {
            place: place.to_owned(),
            why: "it has no host key of the pinned one's kind, or speaks none of today's ciphers".to_owned(),
        },
        russh::Error::ChannelOpenFailure(_) | russh::Error::RequestDenied => Error::Refused {
            place: place.to_owned(),
            why: "it lets the user in, and offers no SFTP: the server wants a line \"Subsystem sftp internal-sftp\"".to_owned(),
        },
        error => Error::Away {
            place: place.to_owned(),
            why: "the connection broke off".to_owned(),
            source: Some(error.into()),
        },
    }
}
