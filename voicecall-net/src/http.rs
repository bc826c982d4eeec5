//! Requests that are sent once, and their answers as they arrive.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{RequestBuilder, Response, redirect, retry};
use voicecall_core::model::CONNECTION_LOST;
use voicecall_core::{Error, ErrorKind, Result};

use crate::address::BaseAddress;
use crate::tls::{Protocol, client_config};

/// How often a connection that carries several answers is asked whether it still stands, and how long it may take.
const PING: Duration = Duration::from_secs(5);
const PONG: Duration = Duration::from_secs(3);

/// What is read of an answer that is not a success.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// Whether answers may share a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// They may, where the server can do it (HTTP/2), which saves handshakes: for short answers that are read at once.
    Shared,
    /// Each has its own while it lasts (HTTP/1.1). Answers on one connection share its flow control, so an utterance that
    /// waits to be played would hold up the utterances of other calls.
    OnePerAnswer,
}

/// A client for a service. It follows no redirects and repeats nothing: that belongs to whoever knows how long a caller on the
/// phone has been waiting already.
///
/// # Errors
/// `Config` if the machine has no certificates to verify the service with.
pub fn client(address: &BaseAddress, connect: Duration, connections: Connections) -> Result<reqwest::Client> {
    let protocol = match connections {
        Connections::Shared => Protocol::Http2,
        Connections::OnePerAnswer => Protocol::Http1,
    };
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(client_config(address.is_encrypted(), protocol)?)
        .connect_timeout(connect)
        .tcp_nodelay(true)
        // A redirected POST would arrive as a GET, or take the key to another host.
        .redirect(redirect::Policy::none())
        .retry(retry::never());
    builder = match connections {
        // A path that died without a word would else take all answers with it until the system gives it up.
        Connections::Shared => {
            builder.http2_keep_alive_interval(PING).http2_keep_alive_timeout(PONG).http2_keep_alive_while_idle(true)
        }
        Connections::OnePerAnswer => builder.http1_only(),
    };
    if address.is_loopback() {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| Error::new(ErrorKind::Config, "set up client").with_message("http client").with_source(error))
}

/// The error for a connection that could not be made or broke. A request that may have arrived may be repeated: nothing that is
/// asked of an AI service does more than cost.
#[must_use]
pub fn transport_failure(operation: &'static str, error: reqwest::Error) -> Error {
    let kind = if error.is_builder() {
        ErrorKind::Config
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::Unavailable
    };
    let lost = Error::new(kind, operation).with_source(error.without_url());
    // Limits of time are not the client's: whatever ends here has no connection, or one that broke or went silent.
    if kind == ErrorKind::Config { lost } else { lost.with_code(CONNECTION_LOST) }
}

/// Reads the JSON of an answer that is not a success, as far as it came; null if it is none.
pub async fn read_refusal(response: &mut Response) -> serde_json::Value {
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        body.extend_from_slice(&bytes);
        if body.len() > LONGEST_REFUSAL {
            break;
        }
    }
    serde_json::from_slice(&body).unwrap_or_default()
}

/// Reads an answer of at most so many bytes as a whole.
///
/// # Errors
/// A [transport failure](transport_failure); `Protocol` if the answer is longer.
pub async fn read_whole(operation: &'static str, mut response: Response, longest: usize) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|error| transport_failure(operation, error))? {
        body.extend_from_slice(&bytes);
        if body.len() > longest {
            return Err(Error::new(ErrorKind::Protocol, operation).with_message("an endless answer"));
        }
    }
    Ok(body)
}

/// What sends requests to a service and knows its refusals.
pub trait Service: Send + Sync {
    /// Sends a request and waits until a successful answer begins.
    fn send(&self, operation: &'static str, request: RequestBuilder) -> impl Future<Output = Result<Response>> + Send;
}

/// A request that is sent when its answer is first wanted, and the answer as it arrives.
#[derive(Debug)]
pub struct Exchange<S> {
    operation: &'static str,
    service: S,
    /// Absent once sent.
    request: Option<RequestBuilder>,
    /// Absent before the request is sent and after the last byte.
    response: Option<Response>,
}

impl<S: Service> Exchange<S> {
    /// An exchange that has not begun.
    pub const fn new(operation: &'static str, service: S, request: RequestBuilder) -> Self {
        Self { operation, service, request: Some(request), response: None }
    }

    /// The server's word for what it sends, which it may not give; sends the request unless it was sent.
    ///
    /// # Errors
    /// What the service refuses, or a [transport failure](transport_failure).
    pub async fn content_type(&mut self) -> Result<&str> {
        self.begin().await?;
        let content_type =
            self.response.as_ref().and_then(|response| response.headers().get(http::header::CONTENT_TYPE));
        Ok(content_type.and_then(|value| value.to_str().ok()).unwrap_or_default())
    }

    /// The next bytes of the answer; `None` at its end. Sends the request unless it was sent.
    ///
    /// # Errors
    /// What the service refuses, or a [transport failure](transport_failure).
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.begin().await?;
        let Some(response) = &mut self.response else { return Ok(None) };
        let bytes = response.chunk().await.map_err(|error| transport_failure(self.operation, error))?;
        if bytes.is_none() {
            self.response = None;
        }
        Ok(bytes)
    }

    async fn begin(&mut self) -> Result<()> {
        if let Some(request) = self.request.take() {
            self.response = Some(self.service.send(self.operation, request).await?);
        }
        Ok(())
    }
}
