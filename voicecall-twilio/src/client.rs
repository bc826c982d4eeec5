//! Twilio's REST interface: one request at a time, its answer or what its failure means.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;
use voicecall_core::carrier::RecordingAudio;
use voicecall_core::{Error, Result};
use voicecall_net::{Protocol, client_config};

use crate::config::ClientConfig;
use crate::failure::{Effect, refusal, retry_after, transport, unreadable};
use crate::retries::Retries;

/// The longest answer that is read, in bytes. A page of 200 calls has about 300,000.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// How often a file may be said to lie elsewhere.
const MAX_REDIRECTS: usize = 3;

/// How long a file may take to be taken in.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// A pool of connections and the credentials.
#[derive(Debug, Clone)]
pub(crate) struct TwilioClient {
    http: reqwest::Client,
    files: reqwest::Client,
    api_base_url: Url,
    account_sid: String,
    user: String,
    password: SecretString,
    retry_rate_limited_for: Duration,
    /// Go with whatever changes something.
    change_headers: HeaderMap,
}

impl TwilioClient {
    /// # Errors
    /// `Config` if the machine has no certificates to verify Twilio's with.
    pub(crate) fn new(config: ClientConfig) -> Result<Self> {
        let client = |builder: reqwest::ClientBuilder| {
            let built = builder.build();
            built.map_err(|error| Error::config("TWILIO_API_BASE_URL", "an HTTP client").with_source(error))
        };
        // A redirect would send a call's order a second time.
        let orders = builder(&config)?.redirect(reqwest::redirect::Policy::none()).timeout(config.request_timeout);
        // A file may lie elsewhere, and take longer than an order; credentials do not follow it to another host.
        let files = builder(&config)?
            .redirect(reqwest::redirect::Policy::limited(MAX_REDIRECTS))
            .read_timeout(config.request_timeout);
        Ok(Self {
            http: client(orders)?,
            files: client(files)?,
            api_base_url: config.api_base_url,
            account_sid: config.account_sid,
            user: config.user,
            password: config.password,
            retry_rate_limited_for: config.retry_rate_limited_for,
            change_headers: HeaderMap::new(),
        })
    }

    /// The same with a header on whatever changes something.
    pub(crate) fn with_change_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.change_headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    /// The address of something that belongs to the account, such as `/Calls.json`; of the account itself for `.json`.
    ///
    /// # Errors
    /// `Internal` for a path that is none.
    pub(crate) fn url(&self, path: &str) -> Result<Url> {
        self.resolve(&format!("/2010-04-01/Accounts/{}{path}", self.account_sid))
    }

    /// An address of a product's interface, of parts that are encoded where needed, such as `["v1", "Conversations"]`.
    pub(crate) fn product_url(&self, parts: &[&str]) -> Url {
        let mut url = self.api_base_url.clone();
        // Only an address without a host has no path, and such a setting is refused.
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(parts);
        }
        url
    }

    /// Whether an API key signs in, not an account.
    pub(crate) fn uses_api_key(&self) -> bool {
        self.user.starts_with("SK")
    }

    /// Where a file of one of the account's messages is fetched, if the address is one of Twilio's. Twilio names its own host
    /// whatever the region; the credentials belong to the configured interface, and go nowhere else.
    pub(crate) fn message_file_url(&self, named: &Url) -> Option<Url> {
        let messages = format!("/2010-04-01/Accounts/{}/Messages/", self.account_sid);
        let is_ours = self.is_twilios(named) && named.path().starts_with(&messages);
        is_ours.then(|| self.resolve(named.path()).ok()).flatten()
    }

    fn is_twilios(&self, named: &Url) -> bool {
        let host = named.host_str().unwrap_or_default();
        let is_twilios = named.scheme() == "https" && (host == "twilio.com" || host.ends_with(".twilio.com"));
        is_twilios || named.origin() == self.api_base_url.origin()
    }

    /// The address of a page, which Twilio names relative to the interface's host.
    ///
    /// # Errors
    /// `Protocol` for a page somewhere else: the credentials do not go there.
    pub(crate) fn page_url(&self, operation: &'static str, uri: &str) -> Result<Url> {
        let url = self.resolve(uri)?;
        if url.origin() == self.api_base_url.origin() {
            Ok(url)
        } else {
            Err(unreadable(operation, Effect::Repeatable))
        }
    }

    /// The address of a page of the product's list at `list`, which Twilio names whole, and not always by the region's host.
    ///
    /// # Errors
    /// `Protocol` for a page of something else: the credentials do not go there.
    pub(crate) fn product_page_url(&self, operation: &'static str, list: &Url, named: &str) -> Result<Url> {
        let named = Url::parse(named).map_err(|error| unreadable(operation, Effect::Repeatable).with_source(error))?;
        if !self.is_twilios(&named) || named.path() != list.path() {
            return Err(unreadable(operation, Effect::Repeatable));
        }
        let mut page = list.clone();
        page.set_query(named.query());
        Ok(page)
    }

    fn resolve(&self, uri: &str) -> Result<Url> {
        self.api_base_url
            .join(uri)
            .map_err(|error| unreadable("address request", Effect::Repeatable).with_source(error))
    }

    /// Reads something.
    ///
    /// # Errors
    /// As [`refusal`] and [`transport`] say; `Protocol` if the answer cannot be read.
    pub(crate) async fn get<T: DeserializeOwned>(&self, operation: &'static str, url: Url) -> Result<T> {
        let answer = self.send(operation, Effect::Repeatable, || json(self.http.get(url.clone()))).await?;
        parse(operation, Effect::Repeatable, &read(operation, Effect::Repeatable, answer).await?)
    }

    /// Orders something with the fields of a form, of which a name may occur several times.
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
        let post = || self.change(self.http.post(url.clone()).form(form));
        let answer = self.send(operation, effect, post).await?;
        parse(operation, effect, &read(operation, effect, answer).await?)
    }

    /// Deletes something.
    ///
    /// # Errors
    /// As [`refusal`] and [`transport`] say.
    pub(crate) async fn delete(&self, operation: &'static str, url: Url) -> Result<()> {
        self.send(operation, Effect::Repeatable, || self.change(self.http.delete(url.clone()))).await.map(drop)
    }

    /// Gives Twilio a file.
    ///
    /// # Errors
    /// As [`refusal`] and [`transport`] say; `UnknownOutcome` if the answer cannot be read.
    pub(crate) async fn upload<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        url: Url,
        content_type: &HeaderValue,
        bytes: Bytes,
    ) -> Result<T> {
        let effect = Effect::Creates;
        let upload = || {
            let request = self.http.post(url.clone()).timeout(UPLOAD_TIMEOUT);
            json(request.header(CONTENT_TYPE, content_type.clone()).body(bytes.clone()))
        };
        let answer = self.send(operation, effect, upload).await?;
        parse(operation, effect, &read(operation, effect, answer).await?)
    }

    fn change(&self, request: RequestBuilder) -> RequestBuilder {
        json(request.headers(self.change_headers.clone()))
    }

    /// Begins to fetch a file, which may lie elsewhere; the credentials do not follow it there.
    ///
    /// # Errors
    /// As [`refusal`] and [`transport`] say.
    pub(crate) async fn open(&self, operation: &'static str, url: Url) -> Result<Response> {
        self.send(operation, Effect::Repeatable, || self.files.get(url.clone())).await
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

    /// Sends a request until it is answered with something other than "too much", or the time for retries is over.
    async fn send(
        &self,
        operation: &'static str,
        effect: Effect,
        request: impl Fn() -> RequestBuilder + Send + Sync,
    ) -> Result<Response> {
        let mut retries = Retries::new(self.retry_rate_limited_for);
        loop {
            let request = request().basic_auth(&self.user, Some(self.password.expose_secret()));
            let error = match attempt(operation, effect, request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Without randomness the waits are merely not spread.
            let random = getrandom::u32().unwrap_or_default().to_le_bytes()[0];
            match retries.wait_after(&error, random) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }
}

/// The bytes of a file that [`TwilioClient::open`] began to fetch; none if it has more than `limit`.
///
/// # Errors
/// As [`transport`] says.
pub(crate) async fn read_within(operation: &'static str, mut answer: Response, limit: u64) -> Result<Option<Vec<u8>>> {
    if answer.content_length().is_some_and(|length| length > limit) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| transport(operation, Effect::Repeatable, error))? {
        if (bytes.len() + piece.len()) as u64 > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Some(bytes))
}

fn json(request: RequestBuilder) -> RequestBuilder {
    request.header(ACCEPT, HeaderValue::from_static("application/json"))
}

async fn attempt(operation: &'static str, effect: Effect, request: RequestBuilder) -> Result<Response> {
    let answer = request.send().await.map_err(|error| transport(operation, effect, error))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let header = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let wait = header.and_then(|value| retry_after(value, Timestamp::now()));
    // The status alone says whether anything was done; a body that does not arrive takes nothing from it.
    let body = read(operation, effect, answer).await.unwrap_or_default();
    Err(refusal(operation, effect, status, wait, &body))
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
            client_config(!is_plain, Protocol::Unnamed).map_err(|error| error.with_field("TWILIO_API_BASE_URL"))?,
        )
        .retry(reqwest::retry::never())
        .user_agent(concat!("voicecall/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.connect_timeout);
    // An emulator on this machine cannot be reached by any proxy of the environment.
    Ok(if is_plain { builder.no_proxy() } else { builder })
}
