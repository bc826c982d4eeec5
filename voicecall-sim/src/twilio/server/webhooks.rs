//! Delivers webhooks to the application.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HOST};

use super::{ServerOptions, Shared};
use crate::twilio::{Method, Webhook, WebhookFailure, WebhookOutcome};

/// The most of a reply that is read.
const LARGEST_REPLY: usize = 64 * 1024;

/// How long the carrier waits for an answer about a conversation.
const CONVERSATION_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends one request and tells the exchange what became of it.
pub(super) async fn deliver(webhook: Webhook, client: reqwest::Client, shared: Arc<Shared>) {
    let outcome = match send(&webhook, &client, &shared.options).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_connect() => WebhookOutcome::Failed(WebhookFailure::Connect),
        Err(error) if error.is_timeout() => WebhookOutcome::Failed(WebhookFailure::Timeout),
        Err(_) => WebhookOutcome::Failed(WebhookFailure::Broken),
    };
    shared.with(|exchange, now| exchange.webhook_done(now, webhook.id, outcome));
}

async fn send(webhook: &Webhook, client: &reqwest::Client, options: &ServerOptions) -> reqwest::Result<WebhookOutcome> {
    let Some((target, host)) = options.target(&webhook.url) else {
        return Ok(WebhookOutcome::Failed(WebhookFailure::Connect));
    };
    let request = match webhook.method {
        Method::Get => client.get(target),
        Method::Post => match webhook.json() {
            Some(body) => client.post(target).header(CONTENT_TYPE, "application/json").body(body),
            None => client.post(target).form(&webhook.form),
        },
    };
    let request = if webhook.kind.is_of_conversation() { request.timeout(CONVERSATION_TIMEOUT) } else { request };
    let mut reply = request
        .header(HOST, host)
        .header("X-Twilio-Signature", &webhook.signature)
        .header("I-Twilio-Idempotency-Token", &webhook.token)
        .send()
        .await?;
    let content_type = reply.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_REPLY {
            return Ok(WebhookOutcome::Failed(WebhookFailure::Broken));
        }
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(WebhookOutcome::Answered { status: reply.status().as_u16(), content_type, body })
}
