//! Calls, as messages know of them, and where carriers tell of messages.

use std::sync::Arc;

use tracing::{info, warn};
use url::Url;
use voicecall_core::{PersonKey, PhoneNumber, Result, TenantId, async_trait};
use voicecall_engine::CallEngine;
use voicecall_messaging::{LiveCalls, MessagingAccount, Messenger};

use super::numbers::shown;

/// The calls of an engine.
#[derive(Debug)]
pub(super) struct EngineCalls(pub(super) Arc<CallEngine>);

#[async_trait]
impl LiveCalls for EngineCalls {
    async fn wrote(&self, tenant: TenantId, person: PersonKey, text: &str) -> Result<bool> {
        self.0.wrote(tenant, person, text).await
    }
}

/// Says where messages to each number of a messenger's accounts are told, and whether the carrier does so; tells the carrier
/// if wanted. Senders of WhatsApp are set at the carrier.
///
/// # Errors
/// If carriers shall be told: `NotFound` naming a number that does not belong to its account, `Unsupported` for a carrier
/// that cannot be told.
pub(super) async fn announce(messenger: &Messenger, configures: bool) -> Result<()> {
    for account in messenger.accounts() {
        let url = messenger.config().incoming_url(account.name)?;
        for number in account.addresses.iter().filter_map(|address| address.as_phone()) {
            if configures {
                configure(account, number, &url).await?;
            } else {
                compare(account, number, &url).await;
            }
        }
    }
    Ok(())
}

async fn compare(account: &MessagingAccount, number: &PhoneNumber, wanted: &Url) {
    let (name, url) = (account.name, shown(Some(wanted)));
    info!(account = %name, %number, url, "messages to this number are taken in here");
    if !account.backend.capabilities().number_webhooks {
        return;
    }
    match account.backend.incoming_url(number).await {
        Ok(set) if set.as_ref() == Some(wanted) => {}
        Ok(set) => {
            let elsewhere = shown(set.as_ref());
            warn!(
                account = %name, %number, url, elsewhere,
                "the carrier tells elsewhere of messages to this number: set it there, or by .configure_numbers(true)"
            );
        }
        Err(error) => warn!(account = %name, %number, %error, "the carrier does not say where it tells of messages"),
    }
}

async fn configure(account: &MessagingAccount, number: &PhoneNumber, wanted: &Url) -> Result<()> {
    let (name, url) = (account.name, shown(Some(wanted)));
    match account.backend.set_incoming_url(number, Some(wanted)).await {
        Ok(()) => info!(account = %name, %number, url, "messages to this number come here, as the carrier was told"),
        // As it was told at an earlier start, most likely: no reason not to serve.
        Err(error) if error.is_retryable() => warn!(account = %name, %number, %error, "the carrier could not be told"),
        Err(error) => return Err(error),
    }
    Ok(())
}
