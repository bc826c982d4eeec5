//! A client of the server, with a token for the demonstration's shop.

use std::error::Error;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// The shop of `feedback_server/demo.toml`.
pub(crate) const SHOP: &str = "0192f0c0-0000-7000-8000-000000000001";

/// Asks one server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    server: String,
    token: String,
}

impl Client {
    pub(crate) fn new(server: &str, token: &str) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, server: server.to_owned(), token: token.to_owned() })
    }

    /// A request for a path of the interface.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api{path}", self.server)).bearer_auth(&self.token)
    }

    /// Sends a body and reads the answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
        Ok(answer(self.request(Method::POST, path).json(body).send().await?).await?.json().await?)
    }
}

/// An answer that is a success.
pub(crate) async fn answer(response: Response) -> Result<Response, Box<dyn Error>> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let url = response.url().path().to_owned();
    Err(format!("{url}: {status} {}", response.text().await?).into())
}
