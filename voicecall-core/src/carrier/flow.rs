//! What a carrier is told to do with a call, in neutral steps: TwiML for one, JSON actions for another.

use std::time::Duration;

use url::Url;

use super::step::{
    Converse, Dial, Gather, Hold, HoldName, Play, RecordMessage, RecordingName, Say, StartRecording, StreamTarget,
};
use super::{Digits, IncomingCall};
use crate::address::Address;
use crate::phone::PhoneNumber;

/// The steps of a call, carried out in order. When they run out, the call ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallFlow(pub Vec<CallStep>);

/// One step of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallStep {
    /// Connect the call's audio, both ways, to a media socket; the next step follows when the socket closes.
    Stream(StreamTarget),
    /// Converse with the caller in text; [`next`](Converse::next) is asked what follows.
    Converse(Converse),
    /// Speak a text with the carrier's own voice.
    Say(Say),
    /// Play a sound file.
    Play(Play),
    /// Be silent, in whole seconds.
    Pause(Duration),
    /// Press keys, which the other side hears as tones.
    Press(Digits),
    /// Ask the caller for keys or words.
    Gather(Gather),
    /// Call somebody else and connect the two.
    Dial(Dial),
    /// Let the caller wait, with music, until another call joins.
    Hold(Hold),
    /// Connect this call with the one that waits longest under the name; the next step follows when either has left.
    Join(HoldName),
    /// Only in an answer to [`CarrierEventKind::Holding`](super::CarrierEventKind::Holding): end the wait.
    Leave,
    /// Record a message of the caller.
    Record(RecordMessage),
    /// Begin to record the call.
    StartRecording(StartRecording),
    /// End a recording begun by [`StartRecording`](Self::StartRecording).
    StopRecording(RecordingName),
    /// Ask this address for further steps.
    Redirect(Url),
    /// Only as the first step of an incoming call: do not answer it.
    Reject(RejectReason),
    /// End the call.
    HangUp,
}

/// What somebody hears whose call is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// That the number is not in service.
    Rejected,
    /// That the line is busy.
    Busy,
}

impl CallFlow {
    /// Ends the call at once.
    #[must_use]
    pub fn hang_up() -> Self {
        Self(vec![CallStep::HangUp])
    }

    /// Streams to `target` and asks `next` what to do when the socket closes.
    #[must_use]
    pub fn stream(target: StreamTarget, next: Url) -> Self {
        Self(vec![CallStep::Stream(target), CallStep::Redirect(next)])
    }

    /// Converses in text, behind what is [announced](super::ConverseSettings::announcement).
    #[must_use]
    pub fn converse(converse: Converse) -> Self {
        let settings = &converse.settings;
        let announced = settings.announcement.as_ref().map(|text| Say::new(text, &settings.language));
        Self(announced.map(CallStep::Say).into_iter().chain([CallStep::Converse(converse)]).collect())
    }

    /// Does not answer an incoming call: the caller hears that the line is busy, or that the number is not in service.
    #[must_use]
    pub fn reject(reason: RejectReason) -> Self {
        Self(vec![CallStep::Reject(reason)])
    }

    /// Connects an incoming call to `number` and ends it when that connection has ended, or did not come about.
    ///
    /// The call is answered only when the other leg is. That leg shows the caller's number if there is one; else ours that
    /// was called, because carriers connect no call without a number.
    #[must_use]
    pub fn forward(call: &IncomingCall, number: PhoneNumber) -> Self {
        let mut dial = Dial::new(number);
        dial.answer_on_bridge = true;
        if call.from.as_ref().and_then(Address::as_phone).is_none() {
            dial.caller_id = call.to.as_phone().cloned();
        }
        Self(vec![CallStep::Dial(dial), CallStep::HangUp])
    }

    /// Plays a sound file and ends the call.
    #[must_use]
    pub fn play_and_hang_up(url: Url) -> Self {
        Self(vec![CallStep::Play(Play::new(url)), CallStep::HangUp])
    }

    /// Speaks `text` in `language` with the carrier's voice and ends the call.
    #[must_use]
    pub fn farewell(text: impl Into<String>, language: impl Into<String>) -> Self {
        Self(vec![CallStep::Say(Say::new(text, language)), CallStep::HangUp])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarded_call_shows_the_caller_or_else_the_number_called() {
        let shown = |from: Option<&str>| {
            let call =
                IncomingCall::new("+46700000001".parse().unwrap()).with_from(from.map(|from| from.parse().unwrap()));
            let flow = CallFlow::forward(&call, "+46700000002".parse().unwrap());
            let [CallStep::Dial(dial), CallStep::HangUp] = &*flow.0 else { panic!("{flow:?}") };
            assert!(dial.answer_on_bridge);
            dial.caller_id.as_ref().map(|number| number.reveal().to_owned())
        };
        assert_eq!(shown(Some("+46700000003")), None);
        for none in [None, Some("sip:anna@example.com"), Some("client:anna")] {
            assert_eq!(shown(none).as_deref(), Some("+46700000001"), "{none:?}");
        }
    }
}
