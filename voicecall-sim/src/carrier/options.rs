//! How the carrier behaves when nothing is wrong, and what goes wrong.

use std::time::Duration;

use voicecall_core::Clock;
use voicecall_core::ErrorKind;

use super::people::People;
use crate::fault::FaultPlan;
use crate::labels::Labels;

/// How a [`SimCarrier`](super::SimCarrier) behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CarrierOptions {
    /// What goes wrong, and the seed of everything that is drawn. Rules for orders and for what else it is asked to do
    /// count visits over all calls; those for webhooks and sockets count them within one call.
    pub faults: FaultPlan,
    /// Who answers, and how.
    pub people: People,
    /// How long the carrier takes to answer an order.
    pub takes: Duration,
    /// From taking an order to dialling.
    pub dials_after: Duration,
    /// How many calls a second the carrier dials. More wait in its own queue; without a limit none waits.
    pub dials_per_second: Option<f64>,
    /// Times in which every order fails.
    pub outages: Vec<Outage>,
    /// Whether marks come back when they were played.
    pub returns_marks: bool,
    /// How much audio a message from the phone holds: a multiple of 20 ms. Real carriers send 20 ms; longer ones spare a
    /// test of many calls the work.
    pub packet: Duration,
    /// How often a request is repeated that got no answer, or an error that passes.
    pub retries: u32,
    /// The time of day: the one of the engine.
    pub clock: Clock,
    /// With what the carrier hears and speaks in conversations in text; it conducts none without.
    pub speech: Option<Labels>,
}

impl CarrierOptions {
    /// A carrier with these faults, on which everybody answers.
    #[must_use]
    pub fn new(faults: FaultPlan) -> Self {
        Self {
            faults,
            people: People::default(),
            takes: Duration::from_millis(50),
            dials_after: Duration::from_millis(300),
            dials_per_second: None,
            outages: Vec::new(),
            returns_marks: true,
            packet: Duration::from_millis(20),
            retries: 2,
            clock: Clock::system(),
            speech: None,
        }
    }
}

/// A time in which every order fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// When it begins, counted from the carrier's start.
    pub from: Duration,
    /// When it is over.
    pub until: Duration,
    /// How orders fail: `Unavailable` if the carrier cannot be reached, `UnknownOutcome` if it breaks off.
    pub kind: ErrorKind,
}
