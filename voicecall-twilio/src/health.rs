//! Whether Twilio can be reached, and lets us in.

use serde::de::IgnoredAny;
use voicecall_core::{Error, ErrorKind, Result};

use crate::client::TwilioClient;
use crate::{PROVIDER, wire};

/// Fetches the account, which must be active. An API key may not be allowed to, so with one an entry of `list` is asked for.
///
/// # Errors
/// `Unauthenticated` for wrong credentials, `Forbidden` for an account that is not active; otherwise as usual.
pub(crate) async fn check(client: &TwilioClient, list: &str) -> Result<()> {
    let operation = "check health";
    if client.uses_api_key() {
        let mut url = client.url(list)?;
        url.query_pairs_mut().append_pair("PageSize", "1");
        return client.get::<IgnoredAny>(operation, url).await.map(drop);
    }
    let account: wire::Account = client.get(operation, client.url(".json")?).await?;
    match account.status {
        Some(wire::AccountStatus::Suspended | wire::AccountStatus::Closed) => {
            Err(Error::new(ErrorKind::Forbidden, operation)
                .with_provider(PROVIDER)
                .with_message("the account is not active"))
        }
        _ => Ok(()),
    }
}
