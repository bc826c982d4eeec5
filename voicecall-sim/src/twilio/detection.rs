//! Finding out who answered: verdicts and when they come.

use std::time::Duration;

use voicecall_core::CallTime;

use super::call::Doing;
use super::exchange::Timer;
use super::webhook::Draft;
use super::{Exchange, LogEvent, Method, WebhookKind};
use crate::phone::Answerer;

/// How long a person's "hello" and the pause behind it take.
const PERSON: Duration = Duration::from_millis(1800);

/// How long it takes to know a fax by its tone.
const FAX: Duration = Duration::from_secs(1);

/// The silence that ends a greeting without a beep.
const SILENCE: Duration = Duration::from_secs(1);

/// What a call was placed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Detection {
    /// Whether a machine's greeting is waited for.
    pub(super) message_end: bool,
    pub(super) timeout: Duration,
    /// Speech longer than this is a machine's.
    pub(super) speech_threshold: Duration,
    /// Nobody waits for it; the address it is told to, if there is one.
    pub(super) in_background: Option<Option<(String, Method)>>,
}

impl Detection {
    /// The verdict on whoever answered and how long after the answer it is known.
    fn verdict(&self, answerer: Answerer) -> (&'static str, Duration) {
        let (word, after) = match answerer {
            Answerer::Person => ("human", PERSON),
            Answerer::Fax => ("fax", FAX),
            Answerer::Machine { greeting, .. } if greeting < self.speech_threshold => ("human", greeting + SILENCE),
            Answerer::Machine { .. } if !self.message_end => ("machine_start", self.speech_threshold),
            Answerer::Machine { greeting, beep: true } => ("machine_end_beep", greeting),
            Answerer::Machine { greeting, beep: false } => ("machine_end_silence", greeting + SILENCE),
        };
        if after > self.timeout { ("unknown", self.timeout) } else { (word, after) }
    }
}

impl Exchange {
    /// Begins to listen to whoever answered. Returns whether the call waits for the verdict.
    pub(super) fn detect(&mut self, now: CallTime, index: usize) -> bool {
        let call = &mut self.calls[index];
        let Some(detection) = call.detection.clone() else { return false };
        let answerer = call.party.as_ref().map_or(Answerer::Person, |party| party.answerer());
        let (_, after) = detection.verdict(answerer);
        let waits = detection.in_background.is_none();
        if waits {
            call.doing = Doing::Detecting;
        } else if detection.in_background == Some(None) {
            self.warn(now, index, 21262, "AsyncAmd without AsyncAmdStatusCallback");
        }
        self.at(now + after, Timer::Detected(index));
        waits
    }

    /// The verdict is there.
    pub(super) fn detected(&mut self, now: CallTime, index: usize) {
        let call = &mut self.calls[index];
        let Some(detection) = call.detection.clone().filter(|_| !call.status.is_final()) else { return };
        let answerer = call.party.as_ref().map_or(Answerer::Person, |party| party.answerer());
        let (verdict, after) = detection.verdict(answerer);
        call.answered_by = Some((verdict, after));
        self.note(now, Some(index), LogEvent::Detected { answered_by: verdict.to_owned() });
        match detection.in_background {
            Some(Some(address)) => {
                let call = &self.calls[index];
                let account = &self.options.accounts[call.account].sid;
                let mut form =
                    vec![("CallSid".to_owned(), call.sid.clone()), ("AccountSid".to_owned(), account.clone())];
                form.extend(verdict_form(verdict, after));
                let sid = call.sid.clone();
                let draft = Draft { call: &sid, kind: WebhookKind::Detection, address: &address, form };
                self.webhook(now, index, draft);
            }
            Some(None) => {}
            None if matches!(self.calls[index].doing, Doing::Detecting) => self.ask(now, index),
            None => {}
        }
    }
}

/// The fields that tell a verdict.
pub(super) fn verdict_form(verdict: &str, after: Duration) -> [(String, String); 2] {
    [
        ("AnsweredBy".to_owned(), verdict.to_owned()),
        ("MachineDetectionDuration".to_owned(), after.as_millis().to_string()),
    ]
}
