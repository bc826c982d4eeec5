//! The order to place a call.

use std::time::Duration;

use url::Url;

use super::Digits;
use super::step::RecordCall;
use crate::phone::PhoneNumber;

/// The order to place a call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PlaceCall {
    /// Whom to call.
    pub to: PhoneNumber,
    /// The number to show, one of the operator's own.
    pub from: PhoneNumber,
    /// Where the carrier asks for instructions once the call is answered.
    pub answer_url: Url,
    /// Where the carrier asks instead if that fails.
    pub fallback_url: Option<Url>,
    /// Where the carrier reports what happens to the call.
    pub status_url: Url,
    /// How long to let it ring.
    pub ring_timeout: Duration,
    /// When the carrier ends the call by itself, if it does so ([`VoiceCapabilities::time_limit`](super::VoiceCapabilities::time_limit)).
    pub time_limit: Duration,
    /// Whether the carrier finds out if a person or a machine answers. It may cost extra.
    pub machine_detection: Option<MachineDetection>,
    /// Keys to press right after the answer. Carriers do not combine it with machine detection.
    pub digits: Option<Digits>,
    /// Records the call from the answer on.
    pub record: Option<RecordCall>,
    /// Why the call is made, for phones that show it beside the number; at most 50 characters.
    pub reason: Option<String>,
}

impl PlaceCall {
    /// A call that rings for 60 s at most and lasts an hour at most.
    #[must_use]
    pub const fn new(to: PhoneNumber, from: PhoneNumber, answer_url: Url, status_url: Url) -> Self {
        Self {
            to,
            from,
            answer_url,
            fallback_url: None,
            status_url,
            ring_timeout: Duration::from_secs(60),
            time_limit: Duration::from_secs(3600),
            machine_detection: None,
            digits: None,
            record: None,
            reason: None,
        }
    }
}

/// How the carrier finds out who, or what, has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MachineDetection {
    /// Who waits for the verdict.
    pub mode: DetectionMode,
    /// When a machine's verdict comes.
    pub machine: MachineVerdict,
    /// When to give up with the verdict `Unknown`: 3 to 59 s.
    pub timeout: Duration,
    /// Speech longer than this is a machine's: 1 to 6 s; the carrier's default if absent.
    pub speech_threshold: Option<Duration>,
    /// How long a silence ends that speech: 0.5 to 5 s; the carrier's default if absent.
    pub speech_end_threshold: Option<Duration>,
    /// After how long a silence from the answer on the verdict is `Unknown`: 2 to 10 s; the carrier's default if absent.
    pub silence_timeout: Option<Duration>,
}

impl MachineDetection {
    /// Asks for instructions only when the verdict is known, and tells it with them. A person hears nothing meanwhile.
    #[must_use]
    pub const fn before_instructions() -> Self {
        Self::new(DetectionMode::BeforeInstructions)
    }

    /// Asks for instructions at once and reports the verdict later.
    #[must_use]
    pub const fn in_background(report_url: Url) -> Self {
        Self::new(DetectionMode::InBackground { report_url })
    }

    /// The same, with a machine's verdict only after its greeting, so that a message can be left.
    #[must_use]
    pub const fn after_greeting(mut self) -> Self {
        self.machine = MachineVerdict::AfterGreeting;
        self
    }

    const fn new(mode: DetectionMode) -> Self {
        Self {
            mode,
            machine: MachineVerdict::AtOnce,
            timeout: Duration::from_secs(30),
            speech_threshold: None,
            speech_end_threshold: None,
            silence_timeout: None,
        }
    }
}

/// Who waits for the verdict of a detection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetectionMode {
    /// The call: the request for instructions carries the verdict
    /// ([`CarrierEventKind::Instruct`](super::CarrierEventKind::Instruct)).
    BeforeInstructions,
    /// Nobody: it is reported when known ([`CarrierEventKind::Detected`](super::CarrierEventKind::Detected)).
    InBackground {
        /// Where.
        report_url: Url,
    },
}

/// When it is told that a machine has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineVerdict {
    /// As soon as it is known.
    AtOnce,
    /// When its greeting has ended and a message can be left.
    AfterGreeting,
}
