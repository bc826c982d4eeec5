//! What carriers do with calls and messages to our numbers, and with calls' audio: told in the log, compared with what they should do,
//! and set if wanted.

use tracing::{info, warn};
use url::Url;
use voicecall_core::carrier::NumberWebhooks;
use voicecall_core::{Error, PhoneNumber, Result};
use voicecall_engine::CarrierAccount;

use super::Server;

impl Server {
    /// Says where calls and messages to each number are asked about, and whether the carrier does so.
    ///
    /// # Errors
    /// If carriers shall be told: `NotFound` naming a number that does not belong to its account, `Unsupported` for a carrier
    /// that cannot be told, `Config` for an account without numbers.
    pub(super) async fn announce_numbers(&self) -> Result<()> {
        #[cfg(feature = "messaging")]
        for messenger in &self.messengers {
            super::messages::announce(messenger, self.configures_numbers).await?;
        }
        let config = self.engine.config();
        for account in self.engine.accounts() {
            let url = config.incoming_url(account.name())?;
            if account.numbers().is_empty() {
                if self.configures_numbers {
                    let expected = format!("the numbers of the account {}: .number(…)", account.name());
                    return Err(Error::config("number", expected));
                }
                info!(account = %account.name(), %url, "calls to this account's numbers are asked about here");
            }
            if !account.backend().capabilities().media_addresses {
                let url = config.shared_media_url(account.name())?;
                if self.configures_numbers {
                    configure_media(&account, &url).await?;
                } else {
                    compare_media(&account, &url).await;
                }
            }
            let status = config.incoming_status_url(account.name())?;
            let wanted = NumberWebhooks { incoming: Some(url), status: Some(status) };
            for number in account.numbers() {
                if self.configures_numbers {
                    configure(&account, number, &wanted).await?;
                } else {
                    self.compare(&account, number, &wanted).await;
                }
            }
        }
        Ok(())
    }

    async fn compare(&self, account: &CarrierAccount, number: &PhoneNumber, wanted: &NumberWebhooks) {
        let (name, url) = (account.name(), shown(wanted.incoming.as_ref()));
        info!(account = %name, %number, url, "calls to this number are asked about here");
        if !self.takes_calls || !account.backend().capabilities().number_webhooks {
            return;
        }
        match account.backend().number_webhooks(number).await {
            Ok(set) if set.incoming == wanted.incoming => {}
            Ok(set) => {
                let elsewhere = shown(set.incoming.as_ref());
                warn!(
                    account = %name, %number, url, elsewhere,
                    "the carrier asks elsewhere about calls to this number: set it there, or by .configure_numbers(true)"
                );
            }
            Err(error) => warn!(account = %name, %number, %error, "the carrier does not say where it asks about calls"),
        }
    }
}

async fn configure(account: &CarrierAccount, number: &PhoneNumber, wanted: &NumberWebhooks) -> Result<()> {
    let (name, url) = (account.name(), shown(wanted.incoming.as_ref()));
    match account.backend().set_number_webhooks(number, wanted).await {
        Ok(()) => {
            info!(account = %name, %number, url, "calls to this number are asked about here, as the carrier was told")
        }
        // As it was told at an earlier start, most likely: no reason not to serve.
        Err(error) if error.is_retryable() => warn!(account = %name, %number, %error, "the carrier could not be told"),
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn compare_media(account: &CarrierAccount, wanted: &Url) {
    let (name, url) = (account.name(), shown(Some(wanted)));
    match account.backend().media_url().await {
        Ok(set) if set.as_ref() == Some(wanted) => info!(account = %name, url, "calls' audio comes here"),
        Ok(set) => {
            let elsewhere = shown(set.as_ref());
            warn!(
                account = %name, url, elsewhere,
                "the carrier connects calls' audio elsewhere: set it there, or by .configure_numbers(true)"
            );
        }
        Err(error) => warn!(account = %name, %error, "the carrier does not say where it connects calls' audio"),
    }
}

async fn configure_media(account: &CarrierAccount, wanted: &Url) -> Result<()> {
    let (name, url) = (account.name(), shown(Some(wanted)));
    match account.backend().set_media_url(wanted).await {
        Ok(()) => info!(account = %name, url, "calls' audio comes here, as the carrier was told"),
        Err(error) if error.is_retryable() => warn!(account = %name, %error, "the carrier could not be told"),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// An address for the log: without what may be a secret in it.
pub(super) fn shown(url: Option<&Url>) -> String {
    match url {
        Some(url) => format!("{}{}", url.origin().ascii_serialization(), url.path()),
        None => "nowhere".to_owned(),
    }
}
