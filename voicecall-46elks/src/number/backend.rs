//! Buying numbers and giving them back.

use async_trait::async_trait;
use tracing::instrument;
use voicecall_core::carrier::{
    AvailableNumber, NumberAbilities, NumberBackend, NumberCapabilities, NumberOrder, NumberSearch, NumberWebhooks,
    OwnedNumber,
};
use voicecall_core::{Error, ErrorKind, PhoneNumber, Result};

use super::known;
use crate::client::ElksClient;
use crate::config::{ClientConfig, ElksBuilder};
use crate::failure::{Effect, unreadable};
use crate::{PROVIDER, wire};

/// The numbers of one account, or subaccount, at 46elks: bought, listed and given back. 46elks has no search, and chooses the
/// number. The rent begins at once.
///
/// ```
/// use voicecall_46elks::ElksNumbers;
/// use voicecall_core::carrier::NumberBackend;
///
/// let numbers = ElksNumbers::builder()
///     .api_username("u0123")
///     .api_password("a secret")
///     .public_url("https://calls.example")
///     .build_numbers()?;
/// assert!(numbers.capabilities().any && !numbers.capabilities().choose);
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ElksNumbers {
    client: ElksClient,
}

impl ElksNumbers {
    /// Starts a configuration, which [`build_numbers`](ElksBuilder::build_numbers) ends.
    pub fn builder() -> ElksBuilder {
        ElksBuilder::new()
    }

    /// Builds the backend from the environment; see the crate's front page for the variables. The websocket number is not
    /// needed.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) naming the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        ElksBuilder::from_env().build_numbers()
    }

    pub(crate) fn new(client: ClientConfig) -> Result<Self> {
        Ok(Self { client: ElksClient::new(client)? })
    }
}

#[async_trait]
impl NumberBackend for ElksNumbers {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn capabilities(&self) -> NumberCapabilities {
        NumberCapabilities::any()
    }

    async fn search(&self, _: &NumberSearch) -> Result<Vec<AvailableNumber>> {
        Err(unsupported("search numbers", "46elks has no search"))
    }

    #[instrument(name = "46elks.buy_number", skip_all)]
    async fn buy(&self, order: &NumberOrder) -> Result<OwnedNumber> {
        let operation = "buy number";
        let NumberOrder::Any { country, abilities } = order else {
            return Err(unsupported(operation, "46elks chooses the number").with_field("number"));
        };
        let (country, capabilities) = (country.as_str().to_ascii_lowercase(), wanted(*abilities)?);
        let form = [("country", country.as_str()), ("capabilities", capabilities.as_str())];
        let url = self.client.url("numbers")?;
        let bought: wire::Number = self.client.post(operation, Effect::Buys, url, &form).await?;
        known::owned(&bought).ok_or_else(|| unreadable(operation, Effect::Buys))
    }

    /// Numbers that are sockets or clients, and no telephones, are left out.
    #[instrument(name = "46elks.list_numbers", skip_all)]
    async fn list(&self) -> Result<Vec<OwnedNumber>> {
        Ok(known::all(&self.client, "list numbers").await?.iter().filter_map(known::owned).collect())
    }

    #[instrument(name = "46elks.release_number", skip_all)]
    async fn release(&self, number: &PhoneNumber) -> Result<()> {
        let operation = "release number";
        let known = known::find(&self.client, operation, number.reveal()).await?;
        let known = known.ok_or_else(|| NumberWebhooks::not_ours(operation, PROVIDER, number))?;
        known::change(&self.client, operation, &known, "active", "no").await.map(drop)
    }
}

/// The abilities as 46elks lists them.
fn wanted(abilities: NumberAbilities) -> Result<String> {
    let all = [("sms", abilities.sms), ("mms", abilities.mms), ("voice", abilities.voice)];
    let names: Vec<&str> = all.iter().filter(|(_, is_wanted)| *is_wanted).map(|(name, _)| *name).collect();
    if names.is_empty() {
        return Err(Error::invalid("abilities", "at least one of voice, sms and mms").with_provider(PROVIDER));
    }
    Ok(names.join(","))
}

fn unsupported(operation: &'static str, why: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation).with_provider(PROVIDER).with_message(why)
}
