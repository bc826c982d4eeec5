//! Whose connection it is: the address it comes from, or the one that a trusted proxy forwards.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;
use ipnet::{IpNet, Ipv6Net};
use voicecall_core::{Error, Result};

/// Who is counted as one: an IPv4 address, or the /64 network of an IPv6 address, all of which one customer of a provider has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Client(IpAddr);

impl Client {
    pub(super) fn new(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
            v4 => v4,
        })
    }
}

/// The proxies in front of this server, whose word about the client is taken. None by default.
///
/// Only their header is read, and only to count connections: what a request's address was is always taken from the
/// configured public URL.
///
/// ```
/// use voicecall::server::TrustedProxies;
///
/// let proxies: TrustedProxies = "10.0.0.0/8, ::1".parse()?;
/// assert!(proxies.contains("10.1.2.3".parse().unwrap()));
/// assert!("10.0.0.0/33".parse::<TrustedProxies>().is_err());
/// # Ok::<(), voicecall::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    networks: Arc<[IpNet]>,
    header: ForwardedHeader,
}

/// The header in which proxies name the client.
///
/// Only one is read: a proxy that appends to one of them passes the other on as whoever wrote it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, a list of addresses, as nginx, HAProxy, Caddy and load balancers write it.
    #[default]
    XForwardedFor,
    /// `Forwarded`, as RFC 7239 describes it.
    Forwarded,
}

impl TrustedProxies {
    /// The same proxies, which name the client in this header.
    #[must_use]
    pub const fn with_header(mut self, header: ForwardedHeader) -> Self {
        self.header = header;
        self
    }

    /// Whether this is the address of one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whoever sent a request that came from `peer`: the right-most address that is not a trusted proxy's.
    ///
    /// `None` if a trusted proxy sent it itself, or does not say for whom.
    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.contains(peer.ip()) {
            return Some(peer.ip());
        }
        let name = match self.header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => FORWARDED.as_str(),
        };
        // Several lines of a header are one list.
        for line in headers.get_all(name).iter().rev() {
            // Each hop appended at the right; what stands further left than the first stranger is the stranger's to choose.
            for hop in line.to_str().ok()?.rsplit(',') {
                let node = match self.header {
                    ForwardedHeader::XForwardedFor => hop,
                    ForwardedHeader::Forwarded => forwarded_for(hop)?,
                };
                let address = address_of(node)?;
                if !self.contains(address) {
                    return Some(address);
                }
            }
        }
        None
    }
}

impl FromStr for TrustedProxies {
    type Err = Error;

    /// Addresses and networks (`10.0.0.0/8`), separated by commas.
    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let networks = parts.map(|part| {
            let network = part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
            let network = network.map_err(|_| {
                Error::config("trusted_proxies", format!("addresses and networks like 10.0.0.0/8, not {part:?}"))
            });
            network.map(as_ipv4)
        });
        Ok(Self { networks: networks.collect::<Result<_>>()?, header: ForwardedHeader::default() })
    }
}

/// A network of IPv4 addresses written as IPv6 ones is the network of the IPv4 addresses.
fn as_ipv4(network: IpNet) -> IpNet {
    let mapped = |network: Ipv6Net| {
        let v4 = network.addr().to_ipv4_mapped()?;
        let length = network.prefix_len().checked_sub(96)?;
        ipnet::Ipv4Net::new(v4, length).ok().map(IpNet::V4)
    };
    match network {
        IpNet::V6(v6) => mapped(v6).unwrap_or(network),
        IpNet::V4(_) => network,
    }
}

/// The value of `for` in one element of a `Forwarded` header.
fn forwarded_for(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    Some(value.trim().trim_matches('"'))
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address_of(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    let bracketed = || node.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = node.parse().ok().or_else(|| node.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
