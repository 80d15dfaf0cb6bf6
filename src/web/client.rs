//! Who asks: a visitor as the limits see one.
//!
//! Owns whose word on the visitor's address is believed. The address itself is forgotten at once:
//! what goes on is a hash under a key that this process made up, so that neither memory nor log
//! ever holds it.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use hmac::{Hmac, KeyInit, Mac};
use satreel_config::IpRange;
use sha2::Sha256;

use super::{problem::ApiError, state::Shared};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What the mask leaves of an IPv6 address: one household has at least a /64.
const HOUSEHOLD: u128 = !(u64::MAX as u128);

/// One visitor, or one household. Equal for the same address as long as the process runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(u64);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client(hidden)")
    }
}

/// Tells visitors apart.
pub struct Clients {
    trusted: Vec<IpRange>,
    key: Hmac<Sha256>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("trusted", &self.trusted)
            .finish_non_exhaustive()
    }
}

impl Clients {
    /// Believes `trusted` proxies about addresses, and nobody else.
    pub fn new(trusted: Vec<IpRange>) -> Result<Self, getrandom::Error> {
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        getrandom::fill(&mut block[..32])?;
        let key = Hmac::new(&block);
        Ok(Self { trusted, key })
    }

    /// Who asks behind `peer`.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let address = household(self.visitor(peer, headers));
        let mut mac = self.key.clone();
        mac.update(&address.octets());
        let digest = mac.finalize().into_bytes();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Client(u64::from_be_bytes(first))
    }

    /// SECURITY: read from the right, where the proxies write; what stands left of the first
    /// address that is not a trusted proxy's is the visitor's own invention.
    fn visitor(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer;
        for hop in hops(headers).iter().rev() {
            if !self.is_trusted(nearest) {
                break;
            }
            // What is no address names nobody: the proxy that wrote it stands for all behind it.
            let Some(address) = hop else { break };
            nearest = *address;
        }
        nearest
    }

    /// For whoever asks who he is: the visitor's address, and what the proxy before us wrote of him.
    /// None: it is no trusted one, or wrote nothing that is an address.
    pub(super) fn seen(&self, peer: IpAddr, headers: &HeaderMap) -> (IpAddr, Option<IpAddr>) {
        let noted = hops(headers).last().copied().flatten();
        let noted = noted.filter(|_| self.is_trusted(peer));
        (self.visitor(peer, headers), noted)
    }

    /// The address of one of our own proxies.
    pub(super) fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|range| range.contains(address))
    }
}

/// IPv6 by its /64, IPv4 inside IPv6 as IPv4.
fn household(address: IpAddr) -> Ipv6Addr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & HOUSEHOLD),
    }
}

/// The addresses that the proxies noted, nearest last; None where one is no address.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let texts = |name| headers.get_all(name).iter().map(|value| value.to_str());
    // Never both: a proxy that writes one passes on the other as the visitor sent it.
    if headers.contains_key(X_FORWARDED_FOR) {
        return texts(X_FORWARDED_FOR)
            .flat_map(|text| text.unwrap_or("?").split(','))
            .map(|hop| address(hop.trim()))
            .collect();
    }
    texts(header::FORWARDED)
        .flat_map(|text| text.unwrap_or("?").split(','))
        .map(forwarded_for)
        .collect()
}

/// The `for` of one element of `Forwarded` (RFC 7239 §4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let value = element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    })?;
    address(value.trim().trim_matches('"'))
}

/// An address, with or without brackets and port.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

impl FromRequestParts<Shared> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, ApiError> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        // A request that came by no socket shares one place with all such.
        let peer = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.0.ip());
        Ok(web.clients.client(peer, &parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients() -> Clients {
        let trusted = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"];
        Clients::new(trusted.map(|range| range.parse().expect(range)).into()).expect("a key")
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().expect("a value"));
        }
        headers
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (peer, lines, visitor) in [
            ("203.0.113.9", &[][..], "203.0.113.9"),
            // A visitor's own claim.
            (
                "203.0.113.9",
                &[("x-forwarded-for", "198.51.100.1")],
                "203.0.113.9",
            ),
            (
                "127.0.0.1",
                &[("x-forwarded-for", "198.51.100.1")],
                "198.51.100.1",
            ),
            // Through the proxy, with an invention in front.
            (
                "127.0.0.1",
                &[("x-forwarded-for", "1.2.3.4, 198.51.100.1")],
                "198.51.100.1",
            ),
            (
                "127.0.0.1",
                &[("x-forwarded-for", "127.0.0.1, 198.51.100.1")],
                "198.51.100.1",
            ),
            // Two proxies, in one line or in two.
            (
                "127.0.0.1",
                &[("x-forwarded-for", "9.9.9.9, 198.51.100.1, 10.1.2.3")],
                "198.51.100.1",
            ),
            (
                "127.0.0.1",
                &[
                    ("x-forwarded-for", "198.51.100.1"),
                    ("x-forwarded-for", "10.1.2.3"),
                ],
                "198.51.100.1",
            ),
            // Nobody but proxies.
            ("127.0.0.1", &[("x-forwarded-for", "10.0.0.7")], "10.0.0.7"),
            // Something that is no address: whoever wrote it.
            (
                "127.0.0.1",
                &[("x-forwarded-for", "9.9.9.9, nonsense, 10.0.0.7")],
                "10.0.0.7",
            ),
            ("127.0.0.1", &[("x-forwarded-for", "")], "127.0.0.1"),
            (
                "127.0.0.1",
                &[("x-forwarded-for", "198.51.100.1:4711")],
                "198.51.100.1",
            ),
            (
                "127.0.0.1",
                &[("x-forwarded-for", "[2001:db8::1]:4711")],
                "2001:db8::1",
            ),
            (
                "127.0.0.1",
                &[("forwarded", "for=198.51.100.1;proto=https")],
                "198.51.100.1",
            ),
            (
                "127.0.0.1",
                &[("forwarded", "for=9.9.9.9, For=\"[2001:db8::1]:80\"")],
                "2001:db8::1",
            ),
            ("127.0.0.1", &[("forwarded", "for=_hidden")], "127.0.0.1"),
            // The proxy wrote the one and passed on the other.
            (
                "127.0.0.1",
                &[
                    ("forwarded", "for=9.9.9.9"),
                    ("x-forwarded-for", "198.51.100.1"),
                ],
                "198.51.100.1",
            ),
            (
                "::ffff:127.0.0.1",
                &[("x-forwarded-for", "198.51.100.1")],
                "198.51.100.1",
            ),
            (
                "fd00::1",
                &[("x-forwarded-for", "::ffff:198.51.100.1")],
                "::ffff:198.51.100.1",
            ),
        ] {
            let peer = peer.parse().expect("an address");
            let found = clients().visitor(peer, &headers(lines));
            assert_eq!(found.to_string(), visitor, "{lines:?}");
        }
    }

    #[test]
    fn households_are_one_and_neighbours_are_not() {
        let clients = clients();
        let client =
            |text: &str| clients.client(text.parse().expect("an address"), &HeaderMap::new());
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("198.51.100.1"), client("::ffff:198.51.100.1"));
        assert_ne!(client("198.51.100.1"), client("198.51.100.2"));
        assert_eq!(format!("{:?}", client("198.51.100.1")), "Client(hidden)");
        let other = self::clients().client("198.51.100.1".parse().expect("v4"), &HeaderMap::new());
        assert_ne!(
            client("198.51.100.1"),
            other,
            "each process has a key of its own"
        );
    }
}
