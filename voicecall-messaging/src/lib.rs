#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod answer;
mod background;
mod config;
mod conversations;
mod events;
mod handler;
mod inbox;
mod opt_out;
mod outbox;
mod split;
mod summary;
mod tool;
mod turn;

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use tokio::sync::Notify;

pub use address::MessageKey;
pub use config::{MessagingAccount, MessagingConfig};
pub use conversations::{Conversations, Outgoing};
pub use events::{MessageEvent, MessageEvents};
pub use handler::{AnswerPlan, AnswerRequest, LiveCalls, MessageHandler};
pub use inbox::WebhookOf;
pub use opt_out::OptOut;

use events::EventBus;
use tracing::warn;
use voicecall_core::store::{EngineStore, check_keys};
use voicecall_core::{AccountName, Error, ErrorKind, Result, TenantId, Vault};

/// Takes in, answers and sends the messages of one process. Several over one store share the work.
#[derive(Debug)]
pub struct Messenger {
    config: MessagingConfig,
    store: Arc<dyn EngineStore>,
    accounts: Vec<MessagingAccount>,
    handler: Arc<dyn MessageHandler>,
    vault: Arc<Vault>,
    events: EventBus,
    calls: OnceLock<Arc<dyn LiveCalls>>,
    /// Something has come in, or waits to be sent.
    to_answer: Notify,
    to_send: Notify,
}

impl Messenger {
    /// A messenger that does nothing until [`run_background`](Self::run_background) and webhooks come.
    ///
    /// # Errors
    /// `Config` naming the setting that is wrong, `accounts` if there is none, or two have one name.
    pub fn new(
        config: MessagingConfig,
        store: Arc<dyn EngineStore>,
        accounts: Vec<MessagingAccount>,
        handler: Arc<dyn MessageHandler>,
        vault: Arc<Vault>,
    ) -> Result<Arc<Self>> {
        config.validate()?;
        let mut names: Vec<_> = accounts.iter().map(|account| account.name).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() || names.len() < accounts.len() {
            return Err(Error::config("accounts", "at least one, each with a name of its own"));
        }
        let (to_answer, to_send) = (Notify::new(), Notify::new());
        let (events, calls) = (EventBus::new(), OnceLock::new());
        Ok(Arc::new(Self { config, store, accounts, handler, vault, events, calls, to_answer, to_send }))
    }

    /// Lets a message of somebody who is in a call be answered by the call's next turn. To be called once; later calls change
    /// nothing.
    pub fn hand_to_calls(&self, calls: Arc<dyn LiveCalls>) {
        // Whoever came first is kept.
        let _ = self.calls.set(calls);
    }

    /// Checks that the vault has every key that the store was written with, and that the carriers know the credentials; one
    /// that cannot be asked is only logged. To be called before anything else.
    ///
    /// # Errors
    /// `Config` naming `data keys` or `index key`; `Unauthenticated` of a carrier; what the store reports.
    pub async fn check(&self) -> Result<()> {
        check_keys(&*self.store, &self.vault).await?;
        for account in &self.accounts {
            match account.backend.health().await {
                Err(error) if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Config) => {
                    return Err(error);
                }
                Err(error) => warn!(account = %account.name, %error, "the carrier could not be asked"),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// How it is set up.
    #[must_use]
    pub const fn config(&self) -> &MessagingConfig {
        &self.config
    }

    /// Its accounts.
    #[must_use]
    pub fn accounts(&self) -> &[MessagingAccount] {
        &self.accounts
    }

    /// The conversations of a tenant.
    #[must_use]
    pub fn conversations(self: &Arc<Self>, tenant: TenantId) -> Conversations {
        Conversations::new(Arc::clone(self), tenant)
    }

    /// Everything that happens with messages from now on, whoever's. What is for one tenant only is
    /// [`Conversations::watch`].
    #[must_use]
    pub fn watch(&self) -> MessageEvents {
        self.events.watch(None, None)
    }

    pub(crate) fn account(&self, name: AccountName) -> Result<&MessagingAccount> {
        let found = self.accounts.iter().find(|account| account.name == name);
        found.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "find account").with_field("account").with_message(format!("no {name}"))
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.config.clock.now()
    }
}
