//! What an application says of a carrier account.

use std::sync::Arc;

use voicecall_core::carrier::{ConverseSettings, VoiceBackend};
use voicecall_core::money::{CarrierPrice, DestinationPrices};
use voicecall_core::{AccountName, Error, PhoneNumber, Result};

/// One account at a carrier, with the numbers it owns. Two accounts of one carrier are two of these.
#[derive(Debug, Clone)]
pub struct CarrierAccount {
    pub(super) name: AccountName,
    pub(super) backend: Arc<dyn VoiceBackend>,
    pub(super) numbers: Vec<PhoneNumber>,
    pub(super) are_numbers_shared: bool,
    pub(super) calls_per_second: f64,
    pub(super) prices: DestinationPrices,
    pub(super) converse: Option<ConverseSettings>,
}

impl CarrierAccount {
    /// An account without numbers that is given one order a second.
    #[must_use]
    pub fn new(name: AccountName, backend: Arc<dyn VoiceBackend>) -> Self {
        let (numbers, prices) = (Vec::new(), DestinationPrices::new());
        Self { name, backend, numbers, are_numbers_shared: false, calls_per_second: 1.0, prices, converse: None }
    }

    /// An account named like its carrier.
    ///
    /// # Errors
    /// `Invalid` if the carrier has a name no account can have.
    pub fn of(backend: Arc<dyn VoiceBackend>) -> Result<Self> {
        Ok(Self::new(backend.name().parse()?, backend))
    }

    /// Adds a number it owns. Calls come from the first one unless the policy says otherwise.
    #[must_use]
    pub fn number(mut self, number: PhoneNumber) -> Self {
        self.numbers.push(number);
        self
    }

    /// Whether other applications place calls from these numbers as well; they do not unless told otherwise. Carriers do not
    /// tell who ordered a call, so that after an order without an answer a call from such a number is never taken for the
    /// one that was ordered: only a report of the carrier that names it settles it.
    #[must_use]
    pub const fn shared_numbers(mut self, shared: bool) -> Self {
        self.are_numbers_shared = shared;
        self
    }

    /// How many calls are ordered in a second at most; 0.001 to 10,000. Carriers take more and let them wait, then ring
    /// at any hour.
    #[must_use]
    pub const fn calls_per_second(mut self, rate: f64) -> Self {
        self.calls_per_second = rate;
        self
    }

    /// The same account at another carrier.
    #[must_use]
    pub fn with_backend(mut self, backend: Arc<dyn VoiceBackend>) -> Self {
        self.backend = backend;
        self
    }

    /// What it charges by destination. Calls that have a budget are counted at these prices, in the place of the budget's
    /// price of the carrier, as far as there is one for the number that is called.
    #[must_use]
    pub fn prices(mut self, prices: DestinationPrices) -> Self {
        self.prices = prices;
        self
    }

    /// Conducts all calls through it in text: the carrier hears and speaks like this, and only the model of the agent is asked.
    /// The same dialogues conduct them. The carrier must be able to
    /// ([`VoiceCapabilities::converse`](voicecall_core::carrier::VoiceCapabilities::converse)), and nothing may be asked of such
    /// calls that needs their sound: see [`TextMachine`](voicecall_core::call::TextMachine).
    #[must_use]
    pub fn converse(mut self, how: ConverseSettings) -> Self {
        self.converse = Some(how);
        self
    }

    /// How the carrier hears and speaks, if it does.
    #[must_use]
    pub const fn converses(&self) -> Option<&ConverseSettings> {
        self.converse.as_ref()
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> AccountName {
        self.name
    }

    /// The carrier.
    #[must_use]
    pub const fn backend(&self) -> &Arc<dyn VoiceBackend> {
        &self.backend
    }

    /// Its numbers.
    #[must_use]
    pub fn numbers(&self) -> &[PhoneNumber] {
        &self.numbers
    }

    /// Whether other applications place calls from them as well.
    #[must_use]
    pub const fn are_numbers_shared(&self) -> bool {
        self.are_numbers_shared
    }

    /// What a call to `number` is charged with, if it is known.
    #[must_use]
    pub fn price_to(&self, number: &PhoneNumber) -> Option<CarrierPrice> {
        self.prices.price_to(number)
    }

    pub(crate) fn validate(&self) -> Result<()> {
        if !(0.001..=10_000.0).contains(&self.calls_per_second) {
            return Err(Error::config("calls_per_second", "0.001 to 10,000"));
        }
        let can = self.backend.capabilities();
        if self.converse.is_some() && !(can.converse && can.media_addresses) {
            return Err(Error::config("converse", "a carrier that hears and speaks by itself"));
        }
        self.prices.validate().map_err(|error| {
            let field = format!("prices.{}", error.field().unwrap_or_default());
            error.with_field(field)
        })
    }
}
