//! Requests of a carrier as tests keep them.

use crate::carrier::WebhookRequest;

/// A request that owns its parts, as tests keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// The method in upper case.
    pub method: String,
    /// Path and query as sent.
    pub path_and_query: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl SignedRequest {
    /// A request without headers.
    pub fn new(method: &str, path_and_query: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let (path_and_query, body) = (path_and_query.into(), body.into());
        Self { method: method.to_owned(), path_and_query, headers: Vec::new(), body }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Calls `use_it` with the request in the form backends take.
    pub fn with<T>(&self, use_it: impl FnOnce(&WebhookRequest<'_>) -> T) -> T {
        let headers = self.headers();
        use_it(&self.request(&headers))
    }

    /// The headers as backends take them.
    #[must_use]
    pub fn headers(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The request as backends take it, over `headers` from [`headers`](Self::headers).
    #[must_use]
    pub fn request<'a>(&'a self, headers: &'a [(&'a str, &'a str)]) -> WebhookRequest<'a> {
        WebhookRequest { method: &self.method, path_and_query: &self.path_and_query, headers, body: &self.body }
    }
}
