//! One request and its streamed answer.

use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Response};
use voicecall_core::Result;

use crate::client::Client;
use crate::failure;

/// A request that is sent when its answer is first wanted, and the answer as it arrives.
#[derive(Debug)]
pub(crate) struct Exchange {
    operation: &'static str,
    client: Client,
    /// Absent once sent.
    request: Option<RequestBuilder>,
    /// Absent before the request is sent and after the last byte.
    response: Option<Response>,
}

impl Exchange {
    /// An exchange that has not begun.
    pub(crate) fn new(operation: &'static str, client: Client, request: RequestBuilder) -> Self {
        Self { operation, client, request: Some(request), response: None }
    }

    /// The server's word for what it sends, which it may not give; sends the request unless it was sent.
    pub(crate) async fn content_type(&mut self) -> Result<&str> {
        self.begin().await?;
        let content_type = self.response.as_ref().and_then(|response| response.headers().get(CONTENT_TYPE));
        Ok(content_type.and_then(|value| value.to_str().ok()).unwrap_or_default())
    }

    /// The next bytes of the answer; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.begin().await?;
        let Some(response) = &mut self.response else { return Ok(None) };
        let bytes = response.chunk().await.map_err(|error| failure::of_transport(self.operation, error))?;
        if bytes.is_none() {
            self.response = None;
        }
        Ok(bytes)
    }

    async fn begin(&mut self) -> Result<()> {
        if let Some(request) = self.request.take() {
            self.response = Some(self.client.send(self.operation, request).await?);
        }
        Ok(())
    }
}
