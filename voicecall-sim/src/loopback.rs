//! Where an emulated carrier finds the application: on this machine, behind its public address.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use url::Url;

/// How the server reaches the application, and how long it waits.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Public origin (`https://demo.example`, `wss` counts as `https`) to the local address behind it.
    routes: BTreeMap<String, SocketAddr>,
    /// How long a webhook may take to connect. The carrier's value: 5 s.
    pub connect_timeout: Duration,
    /// How long a webhook may take in all. The carrier's value: 15 s.
    pub webhook_timeout: Duration,
    /// How many REST requests are answered at once; more get 429.
    pub concurrent_requests: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            routes: BTreeMap::new(),
            connect_timeout: Duration::from_secs(5),
            webhook_timeout: Duration::from_secs(15),
            concurrent_requests: 100,
        }
    }
}

impl ServerOptions {
    /// Sends what is meant for a public origin to a local address, over plain HTTP and WebSocket. Signatures stay
    /// those of the public address.
    #[must_use]
    pub fn route(mut self, public: &Url, local: SocketAddr) -> Self {
        self.routes.insert(origin(public), local);
        self
    }

    /// What sends webhooks, as carriers do: without a proxy, following nothing, within these times.
    pub(crate) fn client(&self, user_agent: &str) -> reqwest::Result<reqwest::Client> {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.connect_timeout)
            .timeout(self.webhook_timeout)
            .user_agent(user_agent)
            .build()
    }

    /// The local address behind a public one.
    pub(crate) fn local(&self, url: &Url) -> Option<SocketAddr> {
        if let Some(&local) = self.routes.get(&origin(url)) {
            return Some(local);
        }
        let port = url.port_or_known_default()?;
        let plain = matches!(url.scheme(), "http" | "ws");
        match url.host()? {
            _ if !plain => None,
            url::Host::Domain("localhost") => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            url::Host::Ipv4(ip) if ip.is_loopback() => Some(SocketAddr::from((ip, port))),
            url::Host::Ipv6(ip) if ip.is_loopback() => Some(SocketAddr::from((ip, port))),
            _ => None,
        }
    }

    /// The plain local address behind a public one, and the `Host` header that belongs to it.
    pub(crate) fn target(&self, address: &str) -> Option<(String, String)> {
        let url = Url::parse(address).ok()?;
        let local = self.local(&url)?;
        let authority = url.host_str()?;
        let host = url.port().map_or_else(|| authority.to_owned(), |port| format!("{authority}:{port}"));
        // Path and query go out exactly as they were given.
        let after_scheme = address.split_once("://")?.1;
        let path = after_scheme.find(['/', '?']).map_or("/", |at| after_scheme.get(at..).unwrap_or("/"));
        let slash = if path.starts_with('?') { "/" } else { "" };
        Some((format!("http://{local}{slash}{path}"), host))
    }
}

/// Scheme, host and port, the schemes of sockets counting as those of pages.
fn origin(url: &Url) -> String {
    let scheme = match url.scheme() {
        "wss" => "https",
        "ws" => "http",
        other => other,
    };
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{scheme}://{}:{port}", url.host_str().unwrap_or_default())
}
