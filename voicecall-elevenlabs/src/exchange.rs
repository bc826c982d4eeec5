//! One request and its streamed answer.

use bytes::Bytes;
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

    /// The next bytes of the answer; `None` at its end. Sends the request unless it was sent.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if let Some(request) = self.request.take() {
            self.response = Some(self.client.send(self.operation, request).await?);
        }
        let Some(response) = &mut self.response else { return Ok(None) };
        let bytes = response.chunk().await.map_err(|error| failure::of_transport(self.operation, error))?;
        if bytes.is_none() {
            self.response = None;
        }
        Ok(bytes)
    }
}
