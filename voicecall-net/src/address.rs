//! Where a service is.

use url::{Host, Url};
use voicecall_core::{Error, Result};

/// The part that the addresses of a service's operations have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseAddress(Url);

impl BaseAddress {
    /// An absolute `http` or `https` address; `ws` and `wss` count as these. Its path and query stay.
    ///
    /// # Errors
    /// `Config` naming `base_url` for anything else.
    pub fn parse(address: &str) -> Result<Self> {
        let wrong = || Error::config("base_url", "an absolute http or https address");
        let mut url = Url::parse(address.trim()).map_err(|error| wrong().with_source(error))?;
        let scheme = match url.scheme() {
            "http" | "ws" => "http",
            "https" | "wss" => "https",
            _ => return Err(wrong()),
        };
        // Between these four a change is always allowed.
        let _ = url.set_scheme(scheme);
        if url.host().is_none() { Err(wrong()) } else { Ok(Self(url)) }
    }

    /// The address of one operation.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Url {
        let mut url = self.0.clone();
        // Only addresses without a host have no segments, and those are refused.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// The address of one operation over a WebSocket.
    #[must_use]
    pub fn socket_at(&self, path: &[&str]) -> Url {
        let mut url = self.at(path);
        // Between these four a change is always allowed.
        let _ = url.set_scheme(if self.is_encrypted() { "wss" } else { "ws" });
        url
    }

    /// Whether this is `host`, or a part of it.
    #[must_use]
    pub fn is_of(&self, host: &str) -> bool {
        let own = self.0.host_str().unwrap_or_default();
        own.strip_suffix(host).is_some_and(|part| part.is_empty() || part.ends_with('.'))
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether the service runs on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }
}

/// Whether an address is one of this machine, as far as it says so itself.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use voicecall_core::ErrorKind;

    use super::*;

    #[test]
    fn path_prefix_and_query_stay() {
        for (base, expected) in [
            ("https://api.example.com", "https://api.example.com/v1/x"),
            ("http://localhost:8080/", "http://localhost:8080/v1/x"),
            ("wss://host/proxy/", "https://host/proxy/v1/x"),
            ("https://host?tenant=2", "https://host/v1/x?tenant=2"),
        ] {
            let address = BaseAddress::parse(base).unwrap();
            assert_eq!(address.at(&["v1", "x"]).as_str(), expected);
            assert_eq!(address.socket_at(&["v1", "x"]).as_str(), expected.replacen("http", "ws", 1));
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        for base in ["", "localhost:8080", "/v1", "ftp://host", "unix:/run/socket"] {
            let error = BaseAddress::parse(base).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("base_url")), "{base:?}");
        }
    }

    #[test]
    fn hosts_are_told_apart() {
        for (base, own) in [
            ("https://api.openai.com/v1", true),
            ("https://eu.api.openai.com/v1", true),
            ("https://api.openai.com.example.net/v1", false),
            ("https://notapi.openai.com", false),
        ] {
            assert_eq!(BaseAddress::parse(base).unwrap().is_of("api.openai.com"), own, "{base}");
        }
        for (base, own) in
            [("http://localhost", true), ("http://127.1.2.3", true), ("http://[::1]", true), ("http://10.0.0.1", false)]
        {
            assert_eq!(BaseAddress::parse(base).unwrap().is_loopback(), own, "{base}");
        }
    }
}
