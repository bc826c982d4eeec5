//! Calling somebody else and connecting the two calls.

use std::time::Duration;

use url::Url;

use super::RecordCall;
use crate::carrier::Digits;
use crate::phone::PhoneNumber;

/// Calls one or several numbers and connects the first that answers. The caller hears ringing meanwhile.
///
/// When the other leg has ended, or nobody answered, [`next`](Self::next) is asked with
/// [`CarrierEventKind::DialEnded`](crate::carrier::CarrierEventKind::DialEnded); without it the next step of the flow
/// follows. For a caller who is to hear music meanwhile see [`Hold`](super::Hold).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dial {
    /// Whom to call; one to ten numbers.
    pub numbers: Vec<DialNumber>,
    /// Whether several ring at once or one after the other.
    pub order: DialOrder,
    /// How long to let them ring. Whole seconds.
    pub ring_timeout: Duration,
    /// When the connection is ended by the carrier; when the call is if absent. Whole seconds.
    pub time_limit: Option<Duration>,
    /// The number to show; that of the call if absent.
    pub caller_id: Option<PhoneNumber>,
    /// Records the connection from the answer on.
    pub record: Option<RecordCall>,
    /// Who is asked for the next steps.
    pub next: Option<Url>,
    /// Whether an incoming call is answered only when the other leg is, so that the caller hears the real ringing and
    /// pays nothing before.
    pub answer_on_bridge: bool,
    /// Whose ringing tone the caller hears, as an ISO 3166-1 alpha-2 code such as `se`; the carrier's choice if absent.
    pub ring_tone: Option<String>,
}

impl Dial {
    /// Calls one number for 30 s.
    #[must_use]
    pub fn new(number: PhoneNumber) -> Self {
        Self {
            numbers: vec![DialNumber::new(number)],
            order: DialOrder::Together,
            ring_timeout: Duration::from_secs(30),
            time_limit: None,
            caller_id: None,
            record: None,
            next: None,
            answer_on_bridge: false,
            ring_tone: None,
        }
    }
}

/// In which order several numbers ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialOrder {
    /// All at once; the first that answers is connected.
    Together,
    /// One after the other, each for the ring timeout.
    InTurn,
}

/// Somebody to call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DialNumber {
    /// The number.
    pub number: PhoneNumber,
    /// Keys to press after the answer, before the two are connected, such as an extension.
    pub digits: Option<Digits>,
    /// Asked for steps that run on the other leg after its answer and before the two are connected, such as "press 1 to
    /// accept". If they hang up, this leg counts as not answered.
    pub screening_url: Option<Url>,
    /// Where what happens to this leg is reported.
    pub status_url: Option<Url>,
}

impl DialNumber {
    /// The number without anything else.
    #[must_use]
    pub const fn new(number: PhoneNumber) -> Self {
        Self { number, digits: None, screening_url: None, status_url: None }
    }
}
