//! What happened, as the carrier knows it: the truth that a service's own books are compared with.

use std::time::Duration;

use voicecall_core::carrier::CallStatus;
use voicecall_core::store::Direction;
use voicecall_core::{CarrierCallId, ErrorKind, PhoneNumber};

/// An order to call, as it came in and as it was answered. Times are counted from the carrier's start.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimOrder {
    /// When it came.
    pub at: Duration,
    /// Whom to call.
    pub to: PhoneNumber,
    /// The call it became, if it did.
    pub call: Option<CarrierCallId>,
    /// How it was answered: `None` for with success.
    pub error: Option<ErrorKind>,
    /// When the carrier would be asked again, as it said.
    pub retry_after: Option<Duration>,
}

/// A call. Times are counted from the carrier's start.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimCall {
    /// Its name.
    pub id: CarrierCallId,
    /// Which way it goes, from where the service is.
    pub direction: Direction,
    /// Who is called.
    pub to: PhoneNumber,
    /// Who calls; absent if they withhold it, or call from no number.
    pub from: Option<PhoneNumber>,
    /// When it was ordered, or came in.
    pub ordered_at: Duration,
    /// When the phone began to ring.
    pub rang_at: Option<Duration>,
    /// When it was answered.
    pub answered_at: Option<Duration>,
    /// When the person first heard something over the media socket: from then on there is a conversation.
    pub conversed_at: Option<Duration>,
    /// When it was over.
    pub ended_at: Option<Duration>,
    /// How far it has come.
    pub status: CallStatus,
    /// What the carrier's own voice said.
    pub said: Vec<String>,
    /// The sound files the carrier played.
    pub played: Vec<String>,
    /// What those heard who were asked to take the call.
    pub announced: Vec<String>,
    /// Whom the carrier connected the call to.
    pub connected_to: Option<PhoneNumber>,
    /// Where its audio broke.
    pub breaks: Vec<Break>,
    /// How many media sockets were opened for it.
    pub sockets: u32,
}

/// Audio that broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Break {
    /// When nothing passed any more.
    pub at: Duration,
    /// When the person heard something again: over another socket, or the carrier's own voice.
    pub back_at: Option<Duration>,
}

impl SimCall {
    pub(super) const fn new(
        id: CarrierCallId,
        direction: Direction,
        to: PhoneNumber,
        from: Option<PhoneNumber>,
        at: Duration,
    ) -> Self {
        Self {
            id,
            direction,
            to,
            from,
            ordered_at: at,
            rang_at: None,
            answered_at: None,
            conversed_at: None,
            ended_at: None,
            status: CallStatus::Queued,
            said: Vec::new(),
            played: Vec::new(),
            announced: Vec::new(),
            connected_to: None,
            breaks: Vec::new(),
            sockets: 0,
        }
    }

    /// The person's number, whoever called; `None` if they call and withhold it.
    #[must_use]
    pub fn person(&self) -> Option<&PhoneNumber> {
        match self.direction {
            Direction::Inbound => self.from.as_ref(),
            Direction::Outbound => Some(&self.to),
        }
    }

    /// The person hears something.
    pub(super) fn heard(&mut self, at: Duration) {
        self.conversed_at.get_or_insert(at);
        self.hears_again(at);
    }

    /// If there was silence because the audio broke, it is over.
    pub(super) fn hears_again(&mut self, at: Duration) {
        if let Some(last) = self.breaks.last_mut() {
            last.back_at.get_or_insert(at);
        }
    }
}
