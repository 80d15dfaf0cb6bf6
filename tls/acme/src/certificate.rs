//! What a certificate says of itself.

use std::{
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    path::Path,
};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// Names and times of a website's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub names: Vec<String>,
    /// Seconds since 1970.
    pub begins: i64,
    pub ends: i64,
}

impl Facts {
    /// Of the first certificate in a PEM file; None: there is none, or it is for no name.
    pub fn read(path: &Path) -> Option<Self> {
        Self::parse(&fs::read(path).ok()?)
    }

    pub(crate) fn parse(pem: &[u8]) -> Option<Self> {
        let der = CertificateDer::from_pem_slice(pem).ok()?;
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        let names = certificate.subject_alternative_name().ok()??;
        let names = names.value.general_names.iter().filter_map(name).collect();
        let validity = certificate.validity();
        Some(Self {
            names,
            begins: validity.not_before.timestamp(),
            ends: validity.not_after.timestamp(),
        })
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match *bytes {
            [a, b, c, d] => Some(Ipv4Addr::new(*a, *b, *c, *d).to_string()),
            bytes => <[u8; 16]>::try_from(bytes)
                .ok()
                .map(|bytes| Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    }
}
