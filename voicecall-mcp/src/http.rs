//! A server at an address: one HTTP client for all its connections.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use reqwest::{Client, redirect, retry};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use secrecy::ExposeSecret;
use url::Url;
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_net::{Protocol, client_config, is_loopback};

use crate::builder::Http;
use crate::connection::Connection;

const CONNECTING: Duration = Duration::from_secs(3);

/// How often a connection that carries several answers is asked whether it still stands, and how long it may take.
const PING: Duration = Duration::from_secs(5);
const PONG: Duration = Duration::from_secs(3);

/// Requests that may wait for an answer at the same time: of many calls, so that the slow tools of some hold up no other.
const AT_ONCE: usize = 256;

/// An address and the client to ask it with.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    client: Client,
    url: Url,
}

impl Endpoint {
    pub(crate) fn new(http: &Http) -> Result<Self> {
        let wrong_url = || Error::config("url", "an absolute http or https address");
        let url = Url::parse(http.url.trim()).map_err(|error| wrong_url().with_source(error))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(wrong_url());
        }
        let mut client = Client::builder()
            .tls_backend_preconfigured(client_config(url.scheme() == "https", Protocol::Http2)?)
            .default_headers(headers(http)?)
            .connect_timeout(CONNECTING)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PONG)
            .http2_keep_alive_while_idle(true)
            // A redirected POST would arrive as a GET, or take the token to another host.
            .redirect(redirect::Policy::none())
            .retry(retry::never());
        if is_loopback(&url) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| configuration("http client").with_source(error))?;
        Ok(Self { client, url })
    }

    pub(crate) async fn connect(self) -> Result<Connection> {
        let config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str()).max_concurrent_requests(AT_ONCE);
        Connection::open(StreamableHttpClientTransport::with_client(self.client, config)).await
    }
}

/// What goes with each request. The token goes here, where it is kept out of logs.
fn headers(http: &Http) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &http.headers {
        let wrong = || Error::config("header", "a name and a value that HTTP allows");
        let name = HeaderName::try_from(name).map_err(|_| wrong())?;
        headers.append(name, secret(value.expose_secret()).map_err(|_| wrong())?);
    }
    let token = http.token.as_ref().map(|token| token.expose_secret().trim()).filter(|token| !token.is_empty());
    if let Some(token) = token {
        let login = secret(&format!("Bearer {token}"));
        headers.insert(AUTHORIZATION, login.map_err(|_| Error::config("token", "a token of visible characters"))?);
    }
    Ok(headers)
}

fn secret(value: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(value)?;
    value.set_sensitive(true);
    Ok(value)
}

fn configuration(what: &'static str) -> Error {
    Error::new(ErrorKind::Config, "set up client").with_message(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::McpServer;

    fn http(url: &str) -> Http {
        McpServer::http(url).source
    }

    #[test]
    fn a_client_needs_and_sets_no_default_cryptography() {
        for url in ["https://tools.example/mcp", "http://localhost:8000/mcp"] {
            Endpoint::new(&http(url)).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let field = |http: &Http| Endpoint::new(http).unwrap_err().field().map(ToOwned::to_owned);
        for url in ["", "localhost:8000/mcp", "/mcp", "ftp://host/mcp"] {
            assert_eq!(field(&http(url)).as_deref(), Some("url"), "{url}");
        }
        let server = || McpServer::http("http://host/mcp");
        assert_eq!(field(&server().bearer("a\nb").source).as_deref(), Some("token"));
        assert_eq!(field(&server().header("x y", "1").source).as_deref(), Some("header"));
    }

    #[test]
    fn tokens_are_sent_and_never_printed() {
        let server = McpServer::http("http://host/mcp").bearer("secret-1\n").header("x-key", "secret-2");
        assert!(!format!("{server:?}").contains("secret"));
        let headers = headers(&server.source).unwrap();
        assert_eq!(headers[AUTHORIZATION], "Bearer secret-1");
        assert_eq!(headers["x-key"], "secret-2");
        assert!(!format!("{headers:?}").contains("secret"));
    }
}
