//! Webhooks over HTTP.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::RETRY_AFTER;
use reqwest::{redirect, retry};
use url::Host;
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_net::{Protocol, client_config};

use super::{WebhookClient, WebhookPost, WebhookReply, is_public_address};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Posts webhooks over HTTP/1.1 and HTTP/2. It follows no redirects, uses no proxy, and reads no body of an answer; connections are
/// kept for the next. Unless it is allowed otherwise, it connects to public addresses only: what a name means is asked when it
/// connects, and what is not public is left out then, so that a name whose meaning changes leads nowhere else.
#[derive(Debug)]
pub struct HttpClient {
    http: reqwest::Client,
    allows_private: bool,
}

impl HttpClient {
    /// A client for public addresses.
    ///
    /// # Errors
    /// `Config` if the machine has no certificates to trust.
    pub fn new() -> Result<Self> {
        Self::build(false)
    }

    /// A client for all addresses: for tests, and for a network of one's own.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn for_private_addresses() -> Result<Self> {
        Self::build(true)
    }

    fn build(allows_private: bool) -> Result<Self> {
        let set_up = |error: reqwest::Error| Error::config("client", "HTTP").with_source(error.without_url());
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(client_config(true, Protocol::Unnamed)?)
            .connect_timeout(CONNECT_WITHIN)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .dns_resolver(Arc::new(Resolver { allows_private }))
            .build()
            .map_err(set_up)?;
        Ok(Self { http, allows_private })
    }
}

#[async_trait]
impl WebhookClient for HttpClient {
    async fn post(&self, request: &WebhookPost) -> Result<WebhookReply> {
        // Written as numbers, no name is resolved.
        let written: Option<IpAddr> = match request.url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        if !self.allows_private && written.is_some_and(|address| !is_public_address(address)) {
            return Err(Error::new(ErrorKind::Forbidden, "deliver webhook").with_field("url"));
        }
        let mut post = self.http.post(request.url.clone()).timeout(request.timeout);
        for (name, value) in &request.headers {
            post = post.header(*name, value);
        }
        // The body of the answer is dropped with it, unread.
        let answer = post.body(request.body.clone()).send().await.map_err(not_sent)?;
        let wait = answer.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
        Ok(WebhookReply { status: answer.status().as_u16(), retry_after: wait.map(Duration::from_secs) })
    }
}

/// Finds the addresses of a name, without those that webhooks must not go to.
#[derive(Debug)]
struct Resolver {
    allows_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allows_private = self.allows_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> =
                found.filter(|address| allows_private || is_public_address(address.ip())).collect();
            if public.is_empty() {
                return Err("the name has no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// A request that may have arrived may be sent again: the receiver knows a copy by its id.
fn not_sent(error: reqwest::Error) -> Error {
    let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Unavailable };
    // The address may hold a token.
    Error::new(kind, "deliver webhook").with_source(error.without_url())
}
