//! Whether a request really comes from Twilio: the check of `X-Twilio-Signature`.
//!
//! Twilio signs the address it was given, as it was given, with the account's auth token. What address that was is
//! taken from the configuration alone; a `Host` or `X-Forwarded-…` header is the sender's to choose.
//! (Twilio, "Webhooks security"; the candidates follow the official libraries.)

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use url::{Position, Url, form_urlencoded};
use voicecall_core::carrier::WebhookRequest;
use voicecall_core::{Error, ErrorKind, Result};

use crate::PROVIDER;

/// Checks signatures with the account's tokens against one public address.
#[derive(Debug)]
pub(crate) struct SignatureCheck {
    public_url: Url,
    /// More than one while the token is being changed.
    tokens: Vec<SecretString>,
}

/// Names and values as signed: sorted, without repetitions.
type Params<'a> = BTreeSet<(std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)>;

impl SignatureCheck {
    /// `public_url` has no query and no fragment; its path, if any, is in front of every request's path.
    pub(crate) const fn new(public_url: Url, tokens: Vec<SecretString>) -> Self {
        Self { public_url, tokens }
    }

    /// Checks what a webhook shows before its body has come: that there is a signature at all.
    ///
    /// # Errors
    /// `Unauthenticated` without one.
    pub(crate) fn head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        given(head).map(drop)
    }

    /// Checks a webhook.
    ///
    /// # Errors
    /// `Unauthenticated` without a signature, with a wrong one or with a body it does not cover.
    pub(crate) fn webhook(&self, request: &WebhookRequest<'_>) -> Result<()> {
        let target = target(request)?;
        let params = match body_kind(request) {
            BodyKind::None => Params::new(),
            BodyKind::Form => form_urlencoded::parse(request.body).collect(),
            BodyKind::Other => {
                check_body_hash(target, request.body)?;
                Params::new()
            }
        };
        let urls = self.bases(self.public_url.scheme()).map(|base| base + target);
        self.check(request, urls.map(|url| (url, &params)))
    }

    /// Checks the handshake of a media socket.
    ///
    /// Twilio signs the `wss` address. Whether it adds or drops a trailing slash, a port or the query on the way is
    /// not documented, so every combination is tried.
    ///
    /// # Errors
    /// `Unauthenticated` without a signature or with a wrong one.
    pub(crate) fn handshake(&self, request: &WebhookRequest<'_>) -> Result<()> {
        let target = target(request)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let bare_path = path.strip_suffix('/').unwrap_or(path);
        let query_params: Params<'_> = form_urlencoded::parse(query.as_bytes()).collect();
        let no_params = Params::new();
        let scheme = if self.public_url.scheme() == "http" { "ws" } else { "wss" };
        let mut candidates = Vec::new();
        for base in self.bases(scheme) {
            for slash in ["", "/"] {
                let url = format!("{base}{bare_path}{slash}");
                if !query.is_empty() {
                    candidates.push((format!("{url}?{query}"), &no_params));
                    candidates.push((url.clone(), &query_params));
                }
                candidates.push((url, &no_params));
            }
        }
        self.check(request, candidates.into_iter())
    }

    /// The public address up to the request's path, with and without a port: Twilio is known to sign either.
    fn bases(&self, scheme: &str) -> impl Iterator<Item = String> {
        let url = &self.public_url;
        let standard_port = if matches!(scheme, "http" | "ws") { 80 } else { 443 };
        let port = url.port().unwrap_or(standard_port);
        let user_and_host = format!("{scheme}://{}", &url[Position::BeforeUsername..Position::AfterHost]);
        let prefix = url.path().trim_end_matches('/').to_owned();
        [format!(":{port}"), String::new()].into_iter().map(move |port| format!("{user_and_host}{port}{prefix}"))
    }

    /// Compares the request's signature with that of each candidate, under each token, in constant time.
    fn check<'p>(
        &self,
        request: &WebhookRequest<'_>,
        candidates: impl Iterator<Item = (String, &'p Params<'p>)>,
    ) -> Result<()> {
        let given = given(request)?;
        let mut matches = Choice::from(0);
        for (url, params) in candidates {
            for token in &self.tokens {
                let expected = signature(token, &url, params).ok_or_else(|| refused("a token that cannot sign"))?;
                matches |= expected.as_bytes().ct_eq(given.as_bytes());
            }
        }
        if bool::from(matches) { Ok(()) } else { Err(refused("a wrong signature")) }
    }
}

/// The signature that a request came with.
fn given<'a>(request: &WebhookRequest<'a>) -> Result<&'a str> {
    request.header("X-Twilio-Signature").ok_or_else(|| refused("no signature"))
}

/// What of the body is signed, and how.
enum BodyKind {
    None,
    /// Its decoded fields, with the address.
    Form,
    /// Its hash, in the address.
    Other,
}

fn body_kind(request: &WebhookRequest<'_>) -> BodyKind {
    let content_type = request.header("Content-Type").and_then(|value| value.split(';').next()).unwrap_or("").trim();
    if matches!(request.method, "GET" | "HEAD") || request.body.is_empty() {
        BodyKind::None
    } else if content_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        BodyKind::Form
    } else {
        BodyKind::Other
    }
}

/// The request's path and query. A fragment never travels; should one arrive, it is not part of what is signed.
fn target<'a>(request: &WebhookRequest<'a>) -> Result<&'a str> {
    let target = request.path_and_query.split('#').next().unwrap_or("");
    if target.starts_with('/') { Ok(target) } else { Err(refused("a target that is not a path")) }
}

fn check_body_hash(target: &str, body: &[u8]) -> Result<()> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let claimed = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "bodySHA256");
    let (_, claimed) = claimed.ok_or_else(|| refused("a body that is not signed"))?;
    let hash = format!("{:x}", HexDigest(&Sha256::digest(body)));
    if bool::from(hash.as_bytes().ct_eq(claimed.as_bytes())) { Ok(()) } else { Err(refused("a body that was changed")) }
}

fn signature(token: &SecretString, url: &str, params: &Params<'_>) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(token.expose_secret().as_bytes()).ok()?;
    mac.update(url.as_bytes());
    for (name, value) in params {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

fn refused(seen: &'static str) -> Error {
    Error::new(ErrorKind::Unauthenticated, "check webhook").with_provider(PROVIDER).with_message(seen)
}

/// Bytes that print as lower-case hexadecimal.
pub(crate) struct HexDigest<'a>(pub(crate) &'a [u8]);

impl std::fmt::LowerHex for HexDigest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests;
