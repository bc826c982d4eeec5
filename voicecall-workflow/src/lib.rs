#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod background;
mod config;
mod dispatch;
mod execute;
mod observe;
mod plan;
mod retry;
mod runs;
mod step;
mod subscriptions;
mod webhook;
mod workflow;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;
use voicecall_core::store::{EventStore, check_keys};
use voicecall_core::{Error, Result, TenantId, Vault};

pub use config::WorkflowConfig;
pub use observe::{WorkflowEvent, WorkflowObserver};
pub use retry::Retry;
pub use runs::Runs;
pub use step::{Step, StepRun};
pub use subscriptions::{Subscriptions, WebhookSecret};
#[cfg(feature = "http")]
pub use webhook::HttpClient;
pub use webhook::{WebhookClient, WebhookPost, WebhookReply, is_public_address, verify_webhook};
pub use workflow::Workflow;

/// The workflows of one process. Several over one store share the work; all of them know the same workflows.
#[derive(Debug)]
pub struct Workflows {
    config: WorkflowConfig,
    store: Arc<dyn EventStore>,
    vault: Arc<Vault>,
    /// By what a run says it needs: `name@1`.
    definitions: HashMap<String, Arc<Workflow>>,
    /// Something has happened.
    changed: Notify,
}

impl Workflows {
    /// Workflows that do nothing until [`run_background`](Self::run_background).
    ///
    /// # Errors
    /// `Config` naming the setting or the workflow that is wrong; `workflows` for two with one name and version.
    pub fn new(
        config: WorkflowConfig,
        store: Arc<dyn EventStore>,
        workflows: impl IntoIterator<Item = Workflow>,
        vault: Arc<Vault>,
    ) -> Result<Arc<Self>> {
        config.validate()?;
        let mut definitions = HashMap::new();
        let deliveries = config.client.clone().map(|client| webhook::workflow(&config, client, &store, &vault));
        for workflow in workflows {
            workflow.validate()?;
            if let Some(same) = definitions.insert(workflow.definition(), Arc::new(workflow)) {
                let message = format!("each name and version once, and not {} twice", same.definition());
                return Err(Error::config("workflows", message));
            }
        }
        definitions.extend(deliveries.map(|workflow| (workflow.definition(), Arc::new(workflow))));
        Ok(Arc::new(Self { config, store, vault, definitions, changed: Notify::new() }))
    }

    /// Checks that the vault has every key that the store was written with, and lets the store keep events from now on. To be
    /// called before anything else.
    ///
    /// # Errors
    /// `Config` naming `data keys` or `index key`; what the store reports.
    pub async fn check(&self) -> Result<()> {
        check_keys(&*self.store, &self.vault).await?;
        self.store.keep_events(true).await
    }

    /// Looks for events at once, instead of within [`look_every`](WorkflowConfig::look_every). Cheap, and may be called as often
    /// as anything happens.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// How it is set up.
    #[must_use]
    pub const fn config(&self) -> &WorkflowConfig {
        &self.config
    }

    /// The runs of a tenant, and its dead letters.
    #[must_use]
    pub fn runs(self: &Arc<Self>, tenant: TenantId) -> Runs {
        Runs::new(Arc::clone(self), tenant)
    }

    /// Where a tenant wants events delivered to.
    #[must_use]
    pub fn subscriptions(self: &Arc<Self>, tenant: TenantId) -> Subscriptions {
        Subscriptions::new(Arc::clone(self), tenant)
    }

    fn tell(&self, event: &WorkflowEvent) {
        if let Some(observer) = &self.config.observer {
            observer.observe(event);
        }
    }

    fn now(&self) -> Timestamp {
        self.config.clock.now()
    }
}
