//! Where a tenant wants events delivered to.

use std::sync::Arc;

use secrecy::SecretString;
use url::Url;
use voicecall_core::event::EventType;
use voicecall_core::store::{Subscription, SubscriptionState};
use voicecall_core::{Error, Result, SubscriptionId, TenantId};

use crate::{Workflows, webhook};

/// The secret of a webhook, in the form of Standard Webhooks: `whsec_` and 32 bytes of base64.
pub type WebhookSecret = SecretString;

/// The subscriptions of one tenant: one delivery for each event and subscription, signed, tried again for about a day, and a dead
/// letter afterwards.
#[derive(Debug, Clone)]
pub struct Subscriptions {
    workflows: Arc<Workflows>,
    tenant: TenantId,
}

impl Subscriptions {
    pub(crate) const fn new(workflows: Arc<Workflows>, tenant: TenantId) -> Self {
        Self { workflows, tenant }
    }

    /// Subscribes to these events, or to all if there are none.
    ///
    /// # Errors
    /// `Config` naming `client` if there is nobody to post them; `Invalid` naming `url` for one that is not `https`, has no public
    /// host or credentials, or `subscriptions` for one too many.
    pub async fn add(&self, url: Url, events: impl IntoIterator<Item = EventType> + Send) -> Result<Subscription> {
        if self.workflows.config.client.is_none() {
            return Err(Error::config("client", "who posts webhooks"));
        }
        webhook::check_url(&url, self.workflows.config.allows_private_addresses)?;
        let most = self.workflows.config.subscriptions;
        let row = Subscription::new(self.tenant, url, events, self.workflows.now());
        if self.list().await?.len() >= most {
            return Err(Error::invalid("subscriptions", format!("at most {most}")));
        }
        self.workflows.store.put_subscription(&row).await?;
        Ok(row)
    }

    /// All of them, oldest first.
    ///
    /// # Errors
    /// As every store call.
    pub async fn list(&self) -> Result<Vec<Subscription>> {
        self.workflows.store.subscriptions(self.tenant).await
    }

    /// The secret that its receiver checks signatures with. It is kept nowhere: it is made of the vault's index key.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn secret(&self, id: SubscriptionId) -> Result<WebhookSecret> {
        let row = self.workflows.store.subscription(self.tenant, id).await?;
        Ok(webhook::secret(&self.workflows.vault, &row, row.generation))
    }

    /// Changes the secret. The one before signs beside it for some [time](crate::WorkflowConfig::secret_overlap).
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn rotate_secret(&self, id: SubscriptionId) -> Result<WebhookSecret> {
        let mut row = self.workflows.store.subscription(self.tenant, id).await?;
        row.generation = row.generation.saturating_add(1);
        row.rotated_at = self.workflows.now();
        row.updated_at = row.rotated_at;
        self.workflows.store.put_subscription(&row).await?;
        Ok(webhook::secret(&self.workflows.vault, &row, row.generation))
    }

    /// Delivers events again, or no more. What waits to be delivered to one that is disabled is given up.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_state(&self, id: SubscriptionId, state: SubscriptionState) -> Result<Subscription> {
        let mut row = self.workflows.store.subscription(self.tenant, id).await?;
        (row.state, row.updated_at) = (state, self.workflows.now());
        self.workflows.store.put_subscription(&row).await?;
        Ok(row)
    }

    /// Deletes a subscription with what waits to be delivered to it, and its dead letters.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn remove(&self, id: SubscriptionId) -> Result<()> {
        self.workflows.store.remove_subscription(self.tenant, id).await
    }
}
