//! Webhooks without a web framework: what arrived and what to answer.

/// A request as it arrived. Nothing in it is trusted before its authenticity is checked.
#[derive(Debug, Clone, Copy)]
pub struct WebhookRequest<'a> {
    /// The method in upper case.
    pub method: &'a str,
    /// Path and query exactly as sent, percent-encoding untouched.
    pub path_and_query: &'a str,
    /// Header names and values as sent.
    pub headers: &'a [(&'a str, &'a str)],
    /// The raw body.
    pub body: &'a [u8],
}

impl<'a> WebhookRequest<'a> {
    /// The first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// An answer to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookReply {
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The body; the status is 200.
    pub body: String,
}
