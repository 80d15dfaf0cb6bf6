//! The authority's question whether a name leads here, and the answer (RFC 8737): a certificate of
//! our own making, shown only to who asks for the protocol `acme-tls/1` and nothing else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::ClientHello,
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::error::Error;

const PROTOCOL: &[u8] = b"acme-tls/1";

/// What is shown to authorities now: nothing, but for the moments of an order.
#[derive(Debug, Default)]
pub struct Challenges(Mutex<HashMap<String, Arc<ServerConfig>>>);

/// What a client wants.
#[derive(Debug)]
pub enum Asked {
    /// The site.
    Site,
    /// Proof for a name that is being ordered: this, and then the connection ends.
    Proof(Arc<ServerConfig>),
    /// SECURITY: proof for any other name. Nothing is answered: whoever asked has not been asked by us.
    Stranger,
}

impl Challenges {
    /// What the client's first words ask for.
    pub fn asked(&self, hello: &ClientHello<'_>) -> Asked {
        self.wanted(hello.server_name(), hello.alpn().into_iter().flatten())
    }

    fn wanted<'a>(&self, name: Option<&str>, protocols: impl Iterator<Item = &'a [u8]>) -> Asked {
        // "solely": RFC 8737 §4. Who offers others too is a visitor.
        let mut protocols = protocols.peekable();
        if protocols.peek().is_none() || !protocols.all(|protocol| protocol == PROTOCOL) {
            return Asked::Site;
        }
        let shown = name.and_then(|name| self.lock().get(&name.to_ascii_lowercase()).cloned());
        shown.map_or(Asked::Stranger, Asked::Proof)
    }

    /// Shows that we know `digest`, to who asks for `name`, until what is returned is dropped.
    pub(crate) fn show(&self, name: &str, digest: &[u8]) -> Result<Shown<'_>, Error> {
        let config = Arc::new(proof(name, digest)?);
        let name = name.to_ascii_lowercase();
        self.lock().insert(name.clone(), config);
        Ok(Shown { all: self, name })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<ServerConfig>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One answer, while it is wanted.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    all: &'a Challenges,
    name: String,
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.all.lock().remove(&self.name);
    }
}

fn proof(name: &str, digest: &[u8]) -> Result<ServerConfig, Error> {
    let mut wanted = CertificateParams::new([name.to_owned()])?;
    wanted.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let made = wanted.self_signed(&key)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = ring::sign::any_supported_type(&key)?;
    // Not by way of `with_single_cert`, which would not take an extension that it does not know and
    // that has to be critical (RFC 8737 §3).
    let proof = CertifiedKey::new(vec![made.der().clone()], key);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(proof)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(all: &Challenges, name: Option<&str>, protocols: &[&[u8]]) -> &'static str {
        match all.wanted(name, protocols.iter().copied()) {
            Asked::Site => "site",
            Asked::Proof(_) => "proof",
            Asked::Stranger => "stranger",
        }
    }

    #[test]
    fn only_what_is_being_ordered_is_proven() {
        let all = Challenges::default();
        let (name, acme): (_, &[&[u8]]) = (Some("films.example"), &[PROTOCOL]);
        assert_eq!(asked(&all, name, acme), "stranger");
        let shown = all.show("Films.example", &[7; 32]).expect("a proof");
        for (name, protocols, expected) in [
            (name, acme, "proof"),
            (Some("FILMS.example"), acme, "proof"),
            (Some("other.example"), acme, "stranger"),
            (None, acme, "stranger"),
            (name, &[], "site"),
            (name, &[b"h2"], "site"),
            (name, &[b"h2", PROTOCOL], "site"),
        ] {
            assert_eq!(
                asked(&all, name, protocols),
                expected,
                "{name:?} {protocols:?}"
            );
        }
        drop(shown);
        assert_eq!(asked(&all, name, acme), "stranger");
    }
}
