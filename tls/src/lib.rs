//! A certificate and its key, from files that are renewed under a running program.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use rustls::{
    ServerConfig, ServerConnection,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// The certificate that the other side sees, read anew when its files change.
#[derive(Debug)]
pub struct Identity {
    /// Where the configuration names the files, for faults: `[live]`.
    section: &'static str,
    certificate: PathBuf,
    key: PathBuf,
    protocols: Vec<Vec<u8>>,
    loaded: Mutex<Option<Loaded>>,
}

#[derive(Debug)]
struct Loaded {
    stamp: Stamp,
    /// The files as they were when they last could not be taken: said once, not for each connection.
    refused: Option<Stamp>,
    config: Arc<ServerConfig>,
}

type Stamp = [Option<SystemTime>; 2];

/// Why nobody can connect by TLS.
#[derive(Debug, thiserror::Error)]
pub enum BadIdentity {
    #[error("{}: {source}: `certificate` and `key` of `{section}` name PEM files", .path.display())]
    File {
        section: &'static str,
        path: PathBuf,
        source: rustls::pki_types::pem::Error,
    },
    #[error("`certificate` and `key` of `{section}` do not go together: {source}")]
    Pair {
        section: &'static str,
        source: rustls::Error,
    },
}

impl Identity {
    /// Reads nothing yet. `protocols`: what is offered by ALPN (RFC 7301), the best first; none where
    /// there is nothing to choose.
    pub fn new(section: &'static str, certificate: &Path, key: &Path, protocols: &[&[u8]]) -> Self {
        Self {
            section,
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            protocols: protocols.iter().map(|name| name.to_vec()).collect(),
            loaded: Mutex::default(),
        }
    }

    /// What a new connection begins with. Fails only as long as the files were never good.
    pub fn config(&self) -> Result<Arc<ServerConfig>, BadIdentity> {
        let written = |path| fs::metadata(path).and_then(|about| about.modified()).ok();
        let stamp = [written(&self.certificate), written(&self.key)];
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *loaded {
            Some(before) if before.stamp == stamp || before.refused == Some(stamp) => {
                Ok(Arc::clone(&before.config))
            }
            Some(before) => {
                match self.load() {
                    Ok(config) => {
                        before.config = Arc::new(config);
                        (before.stamp, before.refused) = (stamp, None);
                        tracing::info!(section = self.section, "the renewed certificate is taken");
                    }
                    // One of the two files is written after the other: until then the old ones go on.
                    Err(error) => {
                        before.refused = Some(stamp);
                        tracing::warn!(%error, "the renewed certificate is not taken yet");
                    }
                }
                Ok(Arc::clone(&before.config))
            }
            None => {
                let config = Arc::new(self.load()?);
                *loaded = Some(Loaded {
                    stamp,
                    refused: None,
                    config: Arc::clone(&config),
                });
                Ok(config)
            }
        }
    }

    /// This side of a new connection, for those that read and write by themselves.
    pub fn connection(&self) -> Result<ServerConnection, BadIdentity> {
        ServerConnection::new(self.config()?).map_err(|source| BadIdentity::Pair {
            section: self.section,
            source,
        })
    }

    fn load(&self) -> Result<ServerConfig, BadIdentity> {
        let file = |path: &PathBuf| {
            let (section, path) = (self.section, path.clone());
            move |source| BadIdentity::File {
                section,
                path,
                source,
            }
        };
        let pair = |source| BadIdentity::Pair {
            section: self.section,
            source,
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(file(&self.certificate))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(file(&self.key))?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(pair)?;
        let mut config = builder
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(pair)?;
        config.alpn_protocols.clone_from(&self.protocols);
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A pair of its own, with a time of its own.
    fn write(folder: &Path, names: &[&str], second: u64) {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
        for name in names {
            let text = match *name {
                "cert.pem" => pair.cert.pem(),
                _ => pair.signing_key.serialize_pem(),
            };
            let path = folder.join(name);
            fs::write(&path, text).expect("written");
            let file = fs::File::options().write(true).open(path).expect("a file");
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            file.set_modified(time).expect("a time");
        }
    }

    fn identity(folder: &Path) -> Identity {
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        Identity::new("[tls]", &certificate, &key, &[b"http/1.1"])
    }

    #[test]
    fn what_is_no_pair_is_told_with_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let identity = identity(folder.path());
        let said = identity.config().expect_err("no files").to_string();
        assert!(
            said.contains("cert.pem") && said.contains("[tls]"),
            "{said}"
        );
        write(folder.path(), &["cert.pem"], 1);
        write(folder.path(), &["key.pem"], 2);
        let said = identity.config().expect_err("two pairs").to_string();
        assert!(said.contains("do not go together"), "{said}");
        write(folder.path(), &["cert.pem", "key.pem"], 3);
        let config = identity.config().expect("a pair");
        assert_eq!(config.alpn_protocols, [b"http/1.1"]);
    }

    #[test]
    fn the_old_pair_goes_on_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &["cert.pem", "key.pem"], 1);
        let identity = identity(folder.path());
        let first = identity.config().expect("a pair");
        assert!(Arc::ptr_eq(&first, &identity.config().expect("the same")));
        write(folder.path(), &["cert.pem"], 2);
        for _ in 0..2 {
            assert!(Arc::ptr_eq(
                &first,
                &identity.config().expect("the old one")
            ));
        }
        write(folder.path(), &["cert.pem", "key.pem"], 3);
        let second = identity.config().expect("the new one");
        assert!(!Arc::ptr_eq(&first, &second));
    }
}
