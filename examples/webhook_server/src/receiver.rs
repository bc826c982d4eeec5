//! The other system: takes a webhook once its signature is right.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use voicecall::workflow::{WebhookSecret, verify_webhook};

/// What a receiver knows: the secret it was given.
pub(crate) struct Receiver(WebhookSecret);

impl Receiver {
    pub(crate) const fn new(secret: WebhookSecret) -> Self {
        Self(secret)
    }
}

/// Takes a webhook.
pub(crate) async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    if let Err(error) = verify_webhook(&receiver.0, id, timestamp, signature, &body, std::time::SystemTime::now()) {
        println!("receiver: refused, {error}");
        return StatusCode::UNAUTHORIZED;
    }
    let event: Value = serde_json::from_slice(&body).unwrap_or_default();
    let data = &event["data"];
    let what = data["status"].as_str().or(data["state"].as_str()).unwrap_or_default();
    println!("receiver: {} {what}", event["type"].as_str().unwrap_or_default());
    StatusCode::NO_CONTENT
}
