//! Addresses as the file writes them: an HTTP URL reduced to what we use, and ranges of IPs.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// An `http://` or `https://` URL without user, query and fragment, and no slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl {
    text: String,
    https: bool,
    /// Where in `text` the host stands; an IPv6 host without its brackets.
    host: (usize, usize),
    port: Option<u16>,
    path_at: usize,
}

/// Why a text is no such URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("no URL: it has to begin with https:// or http://")]
    Scheme,
    #[error("the host name is not one")]
    Host,
    #[error("the port is not one")]
    Port,
    #[error("user names, queries and fragments have no place in this URL")]
    Extra,
}

impl UrlError {
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Scheme | Self::Host => "for example \"https://films.example\"",
            Self::Port => "write a number from 1 to 65535 after the colon",
            Self::Extra => "write scheme, host and port only",
        }
    }
}

impl HttpUrl {
    /// Plain HTTP at a socket's own address.
    pub(crate) fn local(address: SocketAddr) -> Self {
        let text = format!("http://{address}");
        let start = "http://".len() + usize::from(address.is_ipv6());
        let host = address.ip().to_string();
        Self {
            https: false,
            host: (start, start + host.len()),
            port: Some(address.port()),
            path_at: text.len(),
            text,
        }
    }

    /// A place that is known to be well-formed: a lower-case name and a path with its slash.
    pub(crate) fn secure(host: &str, path: &str) -> Self {
        let start = "https://".len();
        Self {
            text: format!("https://{host}{path}"),
            https: true,
            host: (start, start + host.len()),
            port: None,
            path_at: start + host.len(),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Lower-case name, or an IP address without brackets.
    pub fn host(&self) -> &str {
        &self.text[self.host.0..self.host.1]
    }

    /// The port, written or the scheme's own.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.https { 443 } else { 80 })
    }

    /// Empty, or begins with a slash.
    pub fn path(&self) -> &str {
        &self.text[self.path_at..]
    }

    /// Whether only this machine itself can mean this host.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse().is_ok_and(|ip: IpAddr| is_loopback(ip))
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for HttpUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (https, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            _ => return Err(UrlError::Scheme),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let well_formed = |byte: u8| byte.is_ascii_graphic() && !b"@?#\\\"<>".contains(&byte);
        if !rest.bytes().all(well_formed) {
            return Err(UrlError::Extra);
        }
        let (host, port) = split_port(authority)?;
        let host = host.to_ascii_lowercase();
        let scheme = if https { "https" } else { "http" };
        let is_v6 = host.contains(':');
        let shown = if is_v6 {
            format!("[{host}]")
        } else {
            host.clone()
        };
        let port_text = port.map_or_else(String::new, |port| format!(":{port}"));
        let mut url = format!("{scheme}://{shown}{port_text}");
        let start = scheme.len() + "://".len() + usize::from(is_v6);
        let path_at = url.len();
        url.push_str(path.trim_end_matches('/'));
        Ok(Self {
            text: url,
            https,
            host: (start, start + host.len()),
            port,
            path_at,
        })
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), UrlError> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(UrlError::Host)?;
        host.parse::<Ipv6Addr>().map_err(|_| UrlError::Host)?;
        match after.strip_prefix(':') {
            None if !after.is_empty() => return Err(UrlError::Host),
            port => (host, port),
        }
    } else {
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        if !is_host_name(host) {
            return Err(UrlError::Host);
        }
        (host, port)
    };
    match port.map(str::parse) {
        None => Ok((host, None)),
        Some(Ok(port)) if port > 0 => Ok((host, Some(port))),
        Some(_) => Err(UrlError::Port),
    }
}

pub(crate) fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.len() <= 253 && host.split('.').all(label)
}

pub(crate) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// This machine, or an address that no packet from outside has.
pub fn stays_inside(ip: IpAddr) -> bool {
    is_loopback(ip)
        || match ip.to_canonical() {
            IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
        }
}

/// One IP address or a network of them (`10.0.0.0/8`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    network: IpAddr,
    prefix: u8,
}

/// Neither an IP address nor a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither an IP address nor a network")]
pub struct InvalidRange;

impl IpRange {
    /// An IPv4 address inside an IPv6 one (`::ffff:…`) counts as the IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.network, ip.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                let differing = u32::from(network) ^ u32::from(ip);
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                let differing = u128::from(network) ^ u128::from(ip);
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for IpRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (ip, prefix) = match text.split_once('/') {
            Some((ip, prefix)) => (ip, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = ip.parse().map_err(|_| InvalidRange)?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| InvalidRange)?,
            None => most,
        };
        if prefix > most {
            return Err(InvalidRange);
        }
        Ok(Self { network, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_apart() {
        for (text, normal, host, port, path) in [
            (
                "https://Films.example",
                "https://films.example",
                "films.example",
                443,
                "",
            ),
            (
                "http://127.0.0.1:8420/",
                "http://127.0.0.1:8420",
                "127.0.0.1",
                8420,
                "",
            ),
            ("HTTP://[::1]:80", "http://[::1]:80", "::1", 80, ""),
            ("https://[::1]/", "https://[::1]", "::1", 443, ""),
            (
                "https://pay.example/btcpay/",
                "https://pay.example/btcpay",
                "pay.example",
                443,
                "/btcpay",
            ),
        ] {
            let url: HttpUrl = text.parse().expect(text);
            assert_eq!(
                (url.as_str(), url.host(), url.port(), url.path()),
                (normal, host, port, path)
            );
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for (text, error) in [
            ("films.example", UrlError::Scheme),
            ("ftp://films.example", UrlError::Scheme),
            ("https://", UrlError::Host),
            ("https:///x", UrlError::Host),
            ("https://a..b", UrlError::Host),
            ("https://-a.example", UrlError::Host),
            ("https://[::1", UrlError::Host),
            ("https://[::1]x", UrlError::Host),
            ("https://a:0", UrlError::Port),
            ("https://a:70000", UrlError::Port),
            ("https://a:", UrlError::Port),
            ("https://user@a", UrlError::Extra),
            ("https://a/?q", UrlError::Extra),
            ("https://a b", UrlError::Extra),
            ("https://fïlm.example", UrlError::Extra),
        ] {
            assert_eq!(text.parse::<HttpUrl>(), Err(error), "{text}");
        }
    }

    #[test]
    fn some_addresses_no_packet_from_outside_has() {
        for (text, expected) in [
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("192.168.1.5", true),
            ("172.16.0.1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("0.0.0.0", false),
            ("::", false),
            ("172.32.0.1", false),
            ("203.0.113.7", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(stays_inside(text.parse().expect(text)), expected, "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (text, own) in [
            ("http://localhost:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://0.0.0.0", false),
            ("http://192.168.0.2", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(
                text.parse::<HttpUrl>().expect(text).is_loopback(),
                own,
                "{text}"
            );
        }
    }

    #[test]
    fn ranges_hold_what_they_should() {
        for (range, ip, inside) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("10.0.0.0/8", "10.9.8.7", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("0.0.0.0/0", "::1", false),
        ] {
            let range: IpRange = range.parse().expect(range);
            assert_eq!(
                range.contains(ip.parse().expect(ip)),
                inside,
                "{range:?} {ip}"
            );
        }
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/",
            "host",
            "::/129",
            "1.2.3.4/-1",
        ] {
            assert_eq!(text.parse::<IpRange>(), Err(InvalidRange), "{text}");
        }
    }
}
