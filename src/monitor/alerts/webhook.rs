//! Alerts as signed HTTP requests.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{StatusCode, redirect, retry};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::Url;
use voicecall_core::{Error, ErrorKind, Result, async_trait};
use voicecall_net::{Protocol, client_config, is_loopback};

use super::delivery::AlertSink;
use super::message::Alert;

/// The signature's header.
const SIGNATURE: &str = "x-voicecall-signature";

/// Shorter secrets can be found by trying.
const SHORTEST_SECRET: usize = 32;

/// How long a receiver may take, and to connect.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// The longest wait a receiver may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// Sends each alert as a POST with [`Alert`] as its JSON body. Any answer of 200 to 299 means that it arrived; 408, 429
/// and 500 to 599 that it should be sent again; everything else, redirects included, that it will not be taken.
///
/// The header `X-Voicecall-Signature: t=<unix seconds>,v1=<hex>` holds the HMAC-SHA256 of `<unix seconds>.<body>` under
/// the shared secret. A receiver computes it over the bytes it got, compares in constant time, refuses what is older than
/// a few minutes, and drops an [`Alert::id`] it has seen.
#[derive(Debug)]
pub struct WebhookSink {
    http: reqwest::Client,
    url: Url,
    secret: SecretString,
}

impl WebhookSink {
    /// A sink that sends to `url`, signing with `secret`.
    ///
    /// # Errors
    /// `Config` if the address is not `https` (or `http` on this machine), or the secret is shorter than 32 characters.
    pub fn new(url: Url, secret: SecretString) -> Result<Self> {
        let is_local = is_loopback(&url);
        if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
            return Err(Error::config("url", "an https address"));
        }
        if secret.expose_secret().trim().len() < SHORTEST_SECRET {
            return Err(Error::config("secret", "at least 32 characters"));
        }
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(client_config(url.scheme() == "https", Protocol::Http2)?)
            .timeout(ANSWER_WITHIN)
            .connect_timeout(CONNECT_WITHIN)
            .redirect(redirect::Policy::none())
            .retry(retry::never());
        if is_local {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| set_up(error.without_url()))?;
        Ok(Self { http, url, secret })
    }
}

#[async_trait]
impl AlertSink for WebhookSink {
    async fn deliver(&self, alert: &Alert) -> Result<()> {
        let body = serde_json::to_vec(alert)
            .map_err(|error| Error::new(ErrorKind::Internal, "deliver alert").with_source(error))?;
        let signature = sign(&self.secret, Timestamp::now(), &body)?;
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let answer = request.header(SIGNATURE, signature).body(body).send().await.map_err(not_sent)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let error = Error::new(kind(status), "deliver alert").with_code(status.as_u16().to_string());
        Err(match retry_after(answer.headers()) {
            Some(wait) if error.is_retryable() => error.with_retry_after(wait),
            _ => error,
        })
    }
}

/// The value of the signature's header.
fn sign(secret: &SecretString, at: Timestamp, body: &[u8]) -> Result<String> {
    let seconds = at.as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().trim().as_bytes())
        .map_err(|_| Error::config("secret", "a key of any length"))?;
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    let mut header = format!("t={seconds},v1=");
    for byte in mac.finalize().into_bytes() {
        // Writing to a string cannot fail.
        let _ = write!(header, "{byte:02x}");
    }
    Ok(header)
}

fn kind(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::REQUEST_TIMEOUT => ErrorKind::Timeout,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorKind::Forbidden,
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        _ if status.is_server_error() => ErrorKind::Unavailable,
        _ => ErrorKind::Rejected,
    }
}

/// A request that may have arrived may be sent again: the receiver knows a copy by its id.
fn not_sent(error: reqwest::Error) -> Error {
    let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Unavailable };
    // The address may hold a token.
    Error::new(kind, "deliver alert").with_source(error.without_url())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

fn set_up(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Config, "set up client").with_source(error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn sink(url: &str, secret: &str) -> Result<WebhookSink> {
        WebhookSink::new(url.parse().unwrap(), secret.into())
    }

    #[test]
    fn the_signature_is_what_another_implementation_computes() {
        // printf '1772366400.{"id":"x"}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        let at = Timestamp::from_second(1_772_366_400).unwrap();
        let expected = "t=1772366400,v1=f9bd7244368c35824d40852c35115481b5354c0661fa667cc5452e2bc5b82bde";
        assert_eq!(sign(&SECRET.into(), at, br#"{"id":"x"}"#).unwrap(), expected);
    }

    #[test]
    fn alerts_leave_the_machine_encrypted_only() {
        sink("https://ops.example/hook", SECRET).unwrap();
        for local in ["http://127.0.0.1:9/", "http://[::1]/", "http://localhost/"] {
            sink(local, SECRET).unwrap();
        }
        for open in ["http://ops.example/hook", "http://127.0.0.1.ops.example/", "ftp://localhost/"] {
            assert_eq!(sink(open, SECRET).unwrap_err().field(), Some("url"));
        }
    }

    #[test]
    fn a_short_secret_is_refused_and_none_is_printed() {
        assert_eq!(sink("https://ops.example", &SECRET[1..]).unwrap_err().field(), Some("secret"));
        assert!(!format!("{:?}", sink("https://ops.example", SECRET).unwrap()).contains(SECRET));
    }

    #[test]
    fn no_default_cryptography_is_needed_or_set() {
        sink("https://ops.example/hook", SECRET).unwrap();
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_wait_endless(value in prop::collection::vec(0x20_u8..0x7f, 0..30)) {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, reqwest::header::HeaderValue::from_bytes(&value).unwrap());
            prop_assert!(retry_after(&headers).is_none_or(|wait| wait <= MAX_RETRY_AFTER));
        }
    }
}
