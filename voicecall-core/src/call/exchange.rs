//! What was asked of the agent's services and what came of it: for metrics, never for decisions.

use std::time::Duration;

use crate::agent::{AgentOperation, OpId};
use crate::time::CallTime;

/// A service that has given nothing for this long has failed, also if somebody else gave up first: a reply should
/// be there by then.
const LATE: Duration = Duration::from_secs(2);

/// An operation of the agent that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// What was asked for.
    pub operation: AgentOperation,
    /// Who did it.
    pub provider: &'static str,
    /// Whether it worked.
    pub success: bool,
    /// How long it was waited for: a transcript from the end of its audio, an answer from the request to its end, speech
    /// from the request to its first sound. Of a failure, until then.
    pub latency: Duration,
}

/// The operations under way. There are a few at a time.
#[derive(Debug, Default)]
pub(super) struct Exchanges(Vec<Underway>);

#[derive(Debug)]
struct Underway {
    op: OpId,
    operation: AgentOperation,
    provider: &'static str,
    since: CallTime,
    first_sound: Option<CallTime>,
}

impl Exchanges {
    pub(super) fn start(&mut self, op: OpId, operation: AgentOperation, provider: &'static str, now: CallTime) {
        self.0.push(Underway { op, operation, provider, since: now, first_sound: None });
    }

    /// A listening operation has all its audio: from now on it is waited for.
    pub(super) fn finish(&mut self, op: OpId, now: CallTime) {
        if let Some(underway) = self.find(op) {
            underway.since = now;
        }
    }

    /// A speaking operation gave audio.
    pub(super) fn sound(&mut self, op: OpId, now: CallTime) {
        if let Some(underway) = self.find(op) {
            underway.first_sound.get_or_insert(now);
        }
    }

    /// An operation is over.
    pub(super) fn end(&mut self, op: OpId, success: bool, now: CallTime) -> Option<Exchange> {
        let Underway { operation, provider, since, first_sound, .. } = self.take(op)?;
        let until = first_sound.filter(|_| success).unwrap_or(now);
        Some(Exchange { operation, provider, success, latency: until.since(since) })
    }

    /// An operation was given up. That says something about its service only if it spoke, or was late.
    pub(super) fn cancel(&mut self, op: OpId, now: CallTime) -> Option<Exchange> {
        let underway = self.find(op)?;
        let (spoke, waited) = (underway.first_sound.is_some(), now.since(underway.since));
        let end = self.end(op, spoke, now);
        end.filter(|_| spoke || waited >= LATE)
    }

    fn find(&mut self, op: OpId) -> Option<&mut Underway> {
        self.0.iter_mut().find(|underway| underway.op == op)
    }

    fn take(&mut self, op: OpId) -> Option<Underway> {
        let at = self.0.iter().position(|underway| underway.op == op)?;
        Some(self.0.swap_remove(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OP: OpId = OpId(7);

    fn at(millis: u64) -> CallTime {
        CallTime::from_millis(millis)
    }

    fn begun(operation: AgentOperation) -> Exchanges {
        let mut exchanges = Exchanges::default();
        exchanges.start(OP, operation, "made-up", at(1000));
        exchanges
    }

    #[track_caller]
    fn assert_is(exchange: Option<Exchange>, success: bool, millis: u64) {
        let exchange = exchange.expect("something is told");
        assert_eq!((exchange.success, exchange.latency), (success, Duration::from_millis(millis)));
        assert_eq!(exchange.provider, "made-up");
    }

    #[test]
    fn a_transcript_is_waited_for_from_the_end_of_its_audio() {
        let mut exchanges = begun(AgentOperation::Listen);
        exchanges.finish(OP, at(5000));
        assert_is(exchanges.end(OP, true, at(5400)), true, 400);
        assert_eq!(exchanges.end(OP, true, at(5500)), None, "it is over once");
    }

    #[test]
    fn an_answer_is_waited_for_to_its_end_and_speech_to_its_first_sound() {
        assert_is(begun(AgentOperation::Think).end(OP, true, at(1900)), true, 900);
        let mut speech = begun(AgentOperation::Speak);
        speech.sound(OP, at(1200));
        speech.sound(OP, at(1800));
        assert_is(speech.end(OP, true, at(4000)), true, 200);
    }

    #[test]
    fn speech_that_breaks_off_has_failed() {
        let mut speech = begun(AgentOperation::Speak);
        speech.sound(OP, at(1200));
        assert_is(speech.end(OP, false, at(2000)), false, 1000);
    }

    #[test]
    fn what_was_given_up_has_failed_only_if_it_was_late() {
        assert_eq!(begun(AgentOperation::Think).cancel(OP, at(2999)), None, "the caller interrupted");
        assert_is(begun(AgentOperation::Think).cancel(OP, at(3000)), false, 2000);
        let mut listening = begun(AgentOperation::Listen);
        listening.finish(OP, at(9000));
        assert_eq!(listening.cancel(OP, at(9100)), None, "it had nothing to say before the turn was over");
    }

    #[test]
    fn speech_that_was_interrupted_worked() {
        let mut speech = begun(AgentOperation::Speak);
        speech.sound(OP, at(1300));
        assert_is(speech.cancel(OP, at(9000)), true, 300);
    }
}
