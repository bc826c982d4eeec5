//! How much a call may cost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::amount::Money;
use super::cost::Cost;
use super::prices::CallPrices;

/// The budget of one call. Part of a recorded call.
///
/// The call machine counts, and while there is still enough left to end properly it tells the dialogue to
/// [wrap up](crate::dialogue::DialogueEvent::WrapUp). A dialogue that goes on all the same is ended by the machine, with
/// a prepared farewell, after [`Budget::PATIENCE`], or once the call has cost [`Budget::GRACE`] more than the cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Budget {
    /// What the call's services charge.
    pub prices: CallPrices,
    /// The most the session's calls may cost together.
    pub cap: Money,
    /// What the session has cost before this connection: the AI services of a call that broke off and goes on, or
    /// everything of an earlier call.
    #[serde(default)]
    pub earlier: Cost,
    /// Whether the carrier records the call.
    #[serde(default)]
    pub carrier_records: bool,
    /// Whether the carrier finds out if a machine answered.
    #[serde(default)]
    pub detects_machines: bool,
    /// What the machine says, if it is prepared, before it ends a call whose dialogue does not; by default the
    /// [farewell](crate::call::Timeouts::farewell) of a broken call.
    #[serde(default)]
    pub farewell: Option<String>,
}

impl Budget {
    /// The cap of [`Budget::new`]: 0.25 USD.
    pub const CAP: Money = Money::from_micros(250_000);

    /// How long a dialogue may go on after it was told to wrap up: 12 s.
    pub const PATIENCE: Duration = Duration::from_secs(12);

    /// How much more than the cap a call may cost until the machine ends it: 0.01 USD. If the cap was passed before the
    /// dialogue could be told, it counts from there. Minutes of the carrier are reserved and need no grace.
    pub const GRACE: Money = Money::from_micros(10_000);

    /// A budget of [`Budget::CAP`] at these prices.
    #[must_use]
    pub const fn new(prices: CallPrices) -> Self {
        Self {
            prices,
            cap: Self::CAP,
            earlier: Cost { carrier: Money::ZERO, transcription: Money::ZERO, speech: Money::ZERO, model: Money::ZERO },
            carrier_records: false,
            detects_machines: false,
            farewell: None,
        }
    }

    /// The same with another cap.
    #[must_use]
    pub const fn with_cap(mut self, cap: Money) -> Self {
        self.cap = cap;
        self
    }

    /// For a connection by which a broken call goes on, with what it had cost. Its minutes are counted anew, from the
    /// answer of the call.
    #[must_use]
    pub fn resumed(mut self, so_far: Cost) -> Self {
        self.earlier = Cost { carrier: Money::ZERO, ..so_far };
        self
    }

    /// For another call in the same session, with what the earlier ones cost.
    #[must_use]
    pub const fn again(mut self, so_far: Cost) -> Self {
        self.earlier = so_far;
        self
    }
}
