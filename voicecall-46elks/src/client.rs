//! 46elks's REST interface: one request at a time, its answer or what its failure means.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use url::Url;
use voicecall_core::carrier::RecordingAudio;
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_net::{Protocol, client_config};

use crate::config::ClientConfig;
use crate::failure::{Effect, refusal, transport, unreadable};
use crate::{PROVIDER, wire};

/// The longest answer that is read, in bytes. A page of a hundred calls has about 60,000.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Pages of a list that are read at most, of a hundred entries each.
pub(crate) const MAX_PAGES: usize = 50;

/// A pool of connections and the credentials.
#[derive(Debug)]
pub(crate) struct ElksClient {
    http: reqwest::Client,
    files: reqwest::Client,
    api_base_url: Url,
    username: String,
    password: SecretString,
    currency: OnceCell<String>,
}

impl ElksClient {
    /// # Errors
    /// `Config` if the machine has no certificates to verify 46elks's with.
    pub(crate) fn new(config: ClientConfig) -> Result<Self> {
        let client = |builder: reqwest::ClientBuilder| {
            let built = builder.build();
            built.map_err(|error| Error::config("ELKS_API_BASE_URL", "an HTTP client").with_source(error))
        };
        // A redirect would send a call's order a second time, or the credentials elsewhere.
        let none = reqwest::redirect::Policy::none;
        Ok(Self {
            http: client(builder(&config)?.redirect(none()).timeout(config.request_timeout))?,
            // A file may take longer than an order.
            files: client(builder(&config)?.redirect(none()).read_timeout(config.request_timeout))?,
            api_base_url: config.api_base_url,
            username: config.username,
            password: config.password,
            currency: OnceCell::new(),
        })
    }

    /// The address of something of the account, such as `calls`.
    ///
    /// # Errors
    /// `Internal` for a path that is none.
    pub(crate) fn url(&self, path: &str) -> Result<Url> {
        self.api_base_url.join(&format!("/a1/{path}")).map_err(|error| {
            Error::new(ErrorKind::Internal, "address request").with_provider(PROVIDER).with_source(error)
        })
    }

    /// Where a picture of a message is fetched, if the address is one of 46elks's. The credentials go to the configured
    /// interface alone.
    pub(crate) fn image_url(&self, named: &Url) -> Option<Url> {
        let host = named.host_str()?;
        let is_theirs = named.scheme() == "https" && (host == "46elks.com" || host.ends_with(".46elks.com"));
        let name = named.path().strip_prefix("/a1/images/")?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        let is_ours = is_name && (is_theirs || named.origin() == self.api_base_url.origin());
        is_ours.then(|| self.url(&format!("images/{name}")).ok()).flatten()
    }

    /// Reads something.
    ///
    /// # Errors
    /// As [`refusal`] and [`transport`] say; `Protocol` if the answer cannot be read.
    pub(crate) async fn get<T: DeserializeOwned>(&self, operation: &'static str, url: Url) -> Result<T> {
        let answer = self.send(operation, Effect::Repeatable, self.http.get(url)).await?;
        parse(operation, Effect::Repeatable, &read(operation, Effect::Repeatable, answer).await?)
    }

    /// Orders something with the fields of a form.
    ///
    /// # Errors
    /// As [`refusal`] and [`transport`] say; if the answer cannot be read, `UnknownOutcome` for an order that dials.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        effect: Effect,
        url: Url,
        form: &[(&str, &str)],
    ) -> Result<T> {
        let answer = self.send(operation, effect, self.http.post(url).form(form)).await?;
        parse(operation, effect, &read(operation, effect, answer).await?)
    }

    /// Begins to fetch a file.
    ///
    /// # Errors
    /// As [`refusal`] and [`transport`] say.
    pub(crate) async fn open(&self, operation: &'static str, url: Url) -> Result<Response> {
        self.send(operation, Effect::Repeatable, self.files.get(url)).await
    }

    /// Fetches a file, which arrives in pieces. The time of a request bounds the wait for its beginning and for each
    /// piece, not the whole transfer.
    ///
    /// # Errors
    /// As [`refusal`] and [`transport`] say; each piece may be one.
    pub(crate) async fn download(&self, operation: &'static str, url: Url) -> Result<RecordingAudio> {
        let answer = self.open(operation, url).await?;
        let length = answer.content_length();
        let pieces = futures_util::stream::try_unfold(answer, move |mut answer| async move {
            let piece = answer.chunk().await.map_err(|error| transport(operation, Effect::Repeatable, error))?;
            Ok(piece.map(|piece| (piece, answer)))
        });
        Ok(RecordingAudio { length, pieces: Box::pin(pieces) })
    }

    /// Reads who we are.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn account(&self, operation: &'static str) -> Result<wire::Account> {
        self.get(operation, self.url("me")?).await
    }

    /// The currency in which the account is charged, once it is known; prices name none.
    pub(crate) async fn currency(&self) -> Option<&str> {
        let asked = self.currency.get_or_try_init(|| async {
            let account = self.account("read currency").await.ok();
            account.and_then(|account| account.currency).filter(|currency| !currency.is_empty()).ok_or(())
        });
        asked.await.ok().map(String::as_str)
    }

    async fn send(&self, operation: &'static str, effect: Effect, request: RequestBuilder) -> Result<Response> {
        let request = request.basic_auth(&self.username, Some(self.password.expose_secret()));
        let answer = request.send().await.map_err(|error| transport(operation, effect, error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let header = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = header.and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
        // The status alone says whether anything was done; a body that does not arrive takes nothing from it.
        let body = read(operation, effect, answer).await.unwrap_or_default();
        Err(refusal(operation, effect, status, wait, &body))
    }
}

async fn read(operation: &'static str, effect: Effect, mut answer: Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| transport(operation, effect, error))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(unreadable(operation, effect));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse<T: DeserializeOwned>(operation: &'static str, effect: Effect, body: &[u8]) -> Result<T> {
    // Where reading failed and not what was there: the parser's own words quote the answer.
    serde_json::from_slice(body).map_err(|error| {
        unreadable(operation, effect)
            .with_message(format!("an answer that cannot be read, at column {}", error.column()))
    })
}

/// What all requests have in common.
fn builder(config: &ClientConfig) -> Result<reqwest::ClientBuilder> {
    let is_plain = config.api_base_url.scheme() == "http";
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(
            client_config(!is_plain, Protocol::Unnamed).map_err(|error| error.with_field("ELKS_API_BASE_URL"))?,
        )
        .retry(reqwest::retry::never())
        .user_agent(concat!("voicecall/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.connect_timeout);
    // An emulator on this machine cannot be reached by any proxy of the environment.
    Ok(if is_plain { builder.no_proxy() } else { builder })
}
