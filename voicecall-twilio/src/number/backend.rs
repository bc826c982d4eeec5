//! Buying numbers and giving them back.

use async_trait::async_trait;
use tracing::instrument;
use voicecall_core::carrier::{
    AvailableNumber, NumberBackend, NumberCapabilities, NumberOrder, NumberSearch, OwnedNumber,
};
use voicecall_core::{Error, ErrorKind, PhoneNumber, Result};

use super::{known, search};
use crate::client::TwilioClient;
use crate::config::{ClientConfig, TwilioBuilder};
use crate::failure::{Effect, unreadable};
use crate::{PROVIDER, wire};

/// The numbers of one Twilio account: searched, bought as they were found, listed and given back.
///
/// Some countries sell numbers only to who has shown Twilio an address or other documents
/// ([`AvailableNumber::needs_address`]), in the console; until then such an order is `Rejected`.
///
/// ```
/// use voicecall_core::carrier::NumberBackend;
/// use voicecall_twilio::TwilioNumbers;
///
/// let numbers = TwilioNumbers::builder()
///     .account_sid("AC00000000000000000000000000000000")
///     .auth_token("a secret")
///     .public_url("https://calls.example")
///     .build_numbers()?;
/// assert!(numbers.capabilities().choose);
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug)]
pub struct TwilioNumbers {
    client: TwilioClient,
}

impl TwilioNumbers {
    /// Starts a configuration, which [`build_numbers`](TwilioBuilder::build_numbers) ends.
    pub fn builder() -> TwilioBuilder {
        TwilioBuilder::new()
    }

    /// Builds the backend from the environment; see the crate's front page for the variables.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) naming the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        TwilioBuilder::from_env().build_numbers()
    }

    pub(crate) fn new(client: ClientConfig) -> Result<Self> {
        Ok(Self { client: TwilioClient::new(client)? })
    }
}

#[async_trait]
impl NumberBackend for TwilioNumbers {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn capabilities(&self) -> NumberCapabilities {
        NumberCapabilities::chosen()
    }

    /// `Rejected` naming `country` for one in which Twilio sells nothing of the kind.
    #[instrument(name = "twilio.search_numbers", skip_all)]
    async fn search(&self, search: &NumberSearch) -> Result<Vec<AvailableNumber>> {
        let operation = "search numbers";
        search.validate()?;
        let url = search::search_url(&self.client, search)?;
        let found: wire::AvailableNumbers = self.client.get(operation, url).await.map_err(|error| {
            let is_country = error.kind() == ErrorKind::NotFound;
            if is_country { not_sold(operation, "country", "Twilio sells no such numbers there") } else { error }
        })?;
        let wanted = usize::from(search.limit);
        Ok(found.available_phone_numbers.iter().filter_map(search::available).take(wanted).collect())
    }

    #[instrument(name = "twilio.buy_number", skip_all)]
    async fn buy(&self, order: &NumberOrder) -> Result<OwnedNumber> {
        let operation = "buy number";
        let NumberOrder::Chosen(number) = order else {
            return Err(Error::new(ErrorKind::Unsupported, operation)
                .with_provider(PROVIDER)
                .with_field("number")
                .with_message("a number that was searched"));
        };
        let url = self.client.url("/IncomingPhoneNumbers.json")?;
        let form = [("PhoneNumber", number.reveal())];
        let bought: wire::Number = self.client.post(operation, Effect::Buys, url, &form).await?;
        known::owned(&bought).ok_or_else(|| unreadable(operation, Effect::Buys))
    }

    #[instrument(name = "twilio.list_numbers", skip_all)]
    async fn list(&self) -> Result<Vec<OwnedNumber>> {
        known::all(&self.client).await
    }

    #[instrument(name = "twilio.release_number", skip_all)]
    async fn release(&self, number: &PhoneNumber) -> Result<()> {
        let operation = "release number";
        let known = known::find(&self.client, operation, number).await?;
        self.client.delete(operation, known::number_url(&self.client, operation, &known)?).await
    }
}

fn not_sold(operation: &'static str, field: &'static str, why: &'static str) -> Error {
    Error::new(ErrorKind::Rejected, operation).with_provider(PROVIDER).with_field(field).with_message(why)
}
