//! The workflow that delivers one event to one subscription.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tracing::warn;
use voicecall_core::store::{EventStore, SubscriptionState};
use voicecall_core::{Clock, Error, ErrorKind, Result, Vault};

use super::{WebhookClient, WebhookPost, check_url, sign};
use crate::WorkflowConfig;
use crate::step::{Step, StepRun};
use crate::workflow::Workflow;

/// The name that no other workflow may have.
pub(crate) const NAME: &str = "webhook";

const VERSION: u32 = 1;

const GONE: u16 = 410;

pub(crate) fn definition() -> String {
    format!("{NAME}@{VERSION}")
}

/// Whatever is needed to deliver.
#[derive(Debug)]
struct Delivery {
    client: Arc<dyn WebhookClient>,
    store: Arc<dyn EventStore>,
    vault: Arc<Vault>,
    clock: Clock,
    overlap: Duration,
    timeout: Duration,
    allows_private: bool,
}

pub(crate) fn workflow(
    config: &WorkflowConfig,
    client: Arc<dyn WebhookClient>,
    store: &Arc<dyn EventStore>,
    vault: &Arc<Vault>,
) -> Workflow {
    let delivery = Arc::new(Delivery {
        client,
        store: Arc::clone(store),
        vault: Arc::clone(vault),
        clock: config.clock,
        overlap: config.secret_overlap,
        timeout: config.webhook_timeout,
        allows_private: config.allows_private_addresses,
    });
    let deliver = Step::new("deliver", move |run| {
        let delivery = Arc::clone(&delivery);
        async move { delivery.deliver(&run).await }
    });
    // The client has its own limit; this one is for what comes before and after.
    let limit = config.webhook_timeout.saturating_add(Duration::from_secs(5));
    Workflow::new(NAME).version(VERSION).step(deliver.retry(config.webhook_retry).timeout(limit))
}

impl Delivery {
    async fn deliver(&self, run: &StepRun) -> Result<Value> {
        let Some(id) = run.subscription else { return Ok(Value::Null) };
        let mut subscription = self.store.subscription(run.event.tenant, id).await?;
        if subscription.state == SubscriptionState::Disabled {
            return Ok(json!({ "disabled": true }));
        }
        // Rules may be stricter than when it was added.
        check_url(&subscription.url, self.allows_private)?;
        let now = self.clock.now();
        let mut secrets = vec![sign::secret(&self.vault, &subscription, subscription.generation)];
        let overlap = SignedDuration::try_from(self.overlap).unwrap_or(SignedDuration::MAX);
        if subscription.generation > 0 && now.duration_since(subscription.rotated_at) < overlap {
            secrets.push(sign::secret(&self.vault, &subscription, subscription.generation - 1));
        }
        let (message, body) = (run.event.id.to_string(), run.event.payload().to_string());
        let signature = sign::sign(&secrets, &message, now.as_second(), &body)?;
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", message),
            ("webhook-timestamp", now.as_second().to_string()),
            ("webhook-signature", signature),
        ];
        let request = WebhookPost { url: subscription.url.clone(), headers, body, timeout: self.timeout };
        let reply = self.client.post(&request).await?;
        match reply.status {
            200..=299 => Ok(json!({ "status": reply.status })),
            GONE => {
                warn!(subscription = %id, "a receiver of webhooks is gone, and gets no more");
                (subscription.state, subscription.updated_at) = (SubscriptionState::Disabled, now);
                self.store.put_subscription(&subscription).await?;
                Ok(json!({ "status": reply.status, "disabled": true }))
            }
            status => {
                // Whatever it says, it may have been mended by the next time.
                let error = Error::new(ErrorKind::Unavailable, "deliver webhook").with_code(status.to_string());
                Err(match reply.retry_after {
                    Some(wait) => error.with_retry_after(wait),
                    None => error,
                })
            }
        }
    }
}
