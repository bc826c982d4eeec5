//! Outgoing webhooks: a workflow of one step, in the form of Standard Webhooks.

mod address;
mod deliver;
#[cfg(feature = "http")]
mod http;
mod sign;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;
use voicecall_core::Result;

pub(crate) use address::check_url;
pub use address::is_public_address;
pub(crate) use deliver::{NAME, definition, workflow};
#[cfg(feature = "http")]
pub use http::HttpClient;
pub(crate) use sign::secret;
#[cfg(test)]
pub(crate) use sign::sign;
pub use sign::verify_webhook;

/// A request that tells a receiver of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookPost {
    /// Where to.
    pub url: Url,
    /// `content-type`, `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    pub headers: Vec<(&'static str, String)>,
    /// The body: JSON.
    pub body: String,
    /// How long the receiver may take.
    pub timeout: Duration,
}

impl WebhookPost {
    /// A request without headers of its own, for those who test a client.
    #[must_use]
    pub fn new(url: Url, body: impl Into<String>, timeout: Duration) -> Self {
        Self { url, headers: Vec::new(), body: body.into(), timeout }
    }
}

/// What a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookReply {
    /// The status.
    pub status: u16,
    /// After how long it wants to be asked again.
    pub retry_after: Option<Duration>,
}

/// Posts webhooks. An implementation follows no redirects, reads no body, and connects to
/// [public addresses](is_public_address) only, whatever a name resolves to by then.
#[async_trait]
pub trait WebhookClient: Send + Sync + Debug + 'static {
    /// Posts one.
    ///
    /// # Errors
    /// Retryable ones if no answer came; `Forbidden` for an address that is not public.
    async fn post(&self, request: &WebhookPost) -> Result<WebhookReply>;
}
