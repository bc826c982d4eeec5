//! Asking the application for instructions, and carrying them out.

use std::time::Duration;

use url::Url;
use voicecall_core::CallTime;

use super::call::{Call, Doing, Instructions};
use super::detection::verdict_form;
use super::twiml::Address;
use super::webhook::Draft;
use super::{
    CallStatus, Direction, Exchange, LogEvent, Method, Verb, WebhookFailure, WebhookKind, WebhookOutcome, twiml,
};

/// How long a text takes to say when there is no voice for it, per character.
pub(super) const UNVOICED: Duration = Duration::from_millis(60);

impl Exchange {
    /// A request to the application ended.
    pub fn webhook_done(&mut self, now: CallTime, id: u64, outcome: WebhookOutcome) {
        self.advance(now);
        let Some(webhook) = self.webhooks.get(&id).cloned() else { return };
        let call = self.calls_by_sid.get(&webhook.call).copied();
        let outcome = if webhook.deaf { WebhookOutcome::Failed(WebhookFailure::Broken) } else { outcome };
        let failure = match &outcome {
            WebhookOutcome::Answered { status, .. } => {
                self.note(now, call, LogEvent::WebhookAnswered { id, status: *status });
                None
            }
            WebhookOutcome::Failed(failure) => {
                self.note(now, call, LogEvent::WebhookFailed { id, failure: *failure });
                Some(*failure)
            }
        };
        if failure == Some(WebhookFailure::Connect) && webhook.attempt == 1 {
            let mut again = webhook;
            again.attempt = 2;
            return self.send(now, again);
        }
        if webhook.kind == WebhookKind::ConversationQuestion {
            return self.question_answered(now, id, &outcome);
        }
        if webhook.kind != WebhookKind::Voice {
            if failure.is_some() {
                let text = "a report was not delivered".to_owned();
                self.note(now, call, LogEvent::Warning { code: 11200, text });
            }
            return;
        }
        let Some(index) = call else { return };
        if !matches!(self.calls[index].doing, Doing::Asking { webhook } if webhook == id) {
            return;
        }
        self.calls[index].doing = Doing::Nothing;
        match outcome {
            WebhookOutcome::Answered { status: 200..=299, content_type, body } => {
                if content_type.as_deref().is_some_and(|kind| kind.contains("xml")) {
                    self.run(now, index, &body);
                } else {
                    self.warn(now, index, 12300, format!("content type {content_type:?}"));
                    self.fall_back(now, index, 12300);
                }
            }
            WebhookOutcome::Answered { status, .. } => {
                self.warn(now, index, 11200, format!("HTTP status {status}"));
                self.fall_back(now, index, 11200);
            }
            WebhookOutcome::Failed(failure) => {
                self.warn(now, index, 11200, format!("{failure:?}"));
                self.fall_back(now, index, 11200);
            }
        }
    }

    /// Asks the application what to do with the call, or takes the document it was placed with.
    pub(super) fn ask(&mut self, now: CallTime, index: usize) {
        match self.calls[index].instructions.clone() {
            Instructions::Document(document) => self.run(now, index, &document),
            Instructions::Address(address) => {
                let verdict = self.calls[index].answered_by.map(|(verdict, after)| verdict_form(verdict, after));
                let fields: Vec<(&str, String)> =
                    verdict.iter().flatten().map(|(name, value)| (&**name, value.clone())).collect();
                self.fetch(now, index, &address, &fields);
            }
        }
    }

    pub(super) fn fetch(&mut self, now: CallTime, index: usize, address: &(String, Method), extra: &[(&str, String)]) {
        // Known before it leaves: a fault may fail it at once.
        let webhook = self.next_webhook();
        let call = &mut self.calls[index];
        call.doing = Doing::Asking { webhook };
        address.0.split('#').next().unwrap_or_default().clone_into(&mut call.base);
        let mut form = call.form(&self.options.accounts[call.account].sid);
        form.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let sid = call.sid.clone();
        self.webhook(now, index, Draft { call: &sid, kind: WebhookKind::Voice, address, form });
    }

    /// Asks the address of an instruction, or the document's own, what follows.
    pub(super) fn ask_action(
        &mut self,
        now: CallTime,
        index: usize,
        action: Option<&Address>,
        fields: &[(&str, String)],
    ) {
        let (url, method) = action.map_or(("", Method::Post), |(url, method)| (url.as_str(), *method));
        match resolve(&self.calls[index], url).filter(|url| !url.is_empty()) {
            Some(url) => self.fetch(now, index, &(url, method), fields),
            None => {
                self.warn(now, index, 11100, "invalid address of an action");
                self.fall_back(now, index, 11100);
            }
        }
    }

    /// Instructions could not be had or read: asks the fallback address, once, or ends the call.
    pub(super) fn fall_back(&mut self, now: CallTime, index: usize, code: u32) {
        match self.calls[index].fallback.take() {
            Some(address) => {
                let failed = self.calls[index].base.clone();
                let extra = [("ErrorCode", code.to_string()), ("ErrorUrl", failed)];
                self.fetch(now, index, &address, &extra);
            }
            None if self.calls[index].answered.is_some() => self.end(now, index, CallStatus::Completed, 200),
            None => self.end(now, index, CallStatus::Failed, 500),
        }
    }

    /// Carries out a document from its beginning.
    pub(super) fn run(&mut self, now: CallTime, index: usize, document: &str) {
        if self.calls[index].status.is_final() {
            return;
        }
        self.note(now, Some(index), LogEvent::Twiml { document: document.to_owned() });
        match twiml::read(document) {
            Ok((verbs, noted)) => {
                let unanswered = match verbs.first() {
                    Some(Verb::Reject { .. }) => true,
                    Some(Verb::Dial(dial)) => dial.answer_on_bridge,
                    _ => false,
                };
                self.calls[index].verbs = verbs.into();
                for name in noted {
                    self.warn(now, index, 0, format!("{name} is not emulated"));
                }
                if !unanswered {
                    self.answer_inbound(now, index);
                }
                self.next_verb(now, index);
            }
            Err(error) => {
                self.warn(now, index, 12100, error.0);
                self.fall_back(now, index, 12100);
            }
        }
    }

    pub(super) fn answer_inbound(&mut self, now: CallTime, index: usize) {
        if self.calls[index].direction == Direction::Inbound {
            self.answer(now, index);
        }
    }

    /// Carries out the next instruction; without one the call ends.
    pub(super) fn next_verb(&mut self, now: CallTime, index: usize) {
        self.calls[index].doing = Doing::Nothing;
        let verb = self.calls[index].verbs.pop_front();
        if !matches!(verb, Some(Verb::Reject { .. } | Verb::Dial(_))) {
            self.answer_inbound(now, index);
        }
        match verb {
            None if self.calls[index].place.is_some() => self.wait(now, index),
            None => match self.calls[index].parent {
                Some(parent) => self.leg_ready(now, index, parent),
                None => self.end(now, index, CallStatus::Completed, 200),
            },
            Some(Verb::Hangup) => self.end(now, index, CallStatus::Completed, 200),
            Some(Verb::Reject { busy }) => {
                let answered = self.calls[index].answered.is_some();
                let (status, code) = match (answered, busy) {
                    (true, _) => (CallStatus::Completed, 200),
                    (false, true) => (CallStatus::Busy, 486),
                    (false, false) => (CallStatus::NoAnswer, 603),
                };
                self.end(now, index, status, code);
            }
            Some(Verb::Redirect { url, method }) => match resolve(&self.calls[index], &url) {
                Some(url) => self.fetch(now, index, &(url, method), &[]),
                None => {
                    self.warn(now, index, 11100, "invalid address in <Redirect>");
                    self.fall_back(now, index, 11100);
                }
            },
            Some(Verb::Pause(length)) => self.calls[index].doing = Doing::Pausing { until: now + length },
            Some(verb @ (Verb::Say { .. } | Verb::Play { .. })) => match self.sound(now, index, &verb) {
                Some(sound) => self.calls[index].doing = Doing::Sounding(sound),
                None => self.next_verb(now, index),
            },
            Some(Verb::Press(digits)) => self.press(now, index, &digits, false),
            Some(Verb::Gather(verb)) => self.gather(now, index, verb),
            Some(Verb::Dial(verb)) => self.start_dial(now, index, verb),
            Some(Verb::Join { queue, action, timeout }) => self.join(now, index, queue, action, timeout),
            Some(Verb::Enqueue { queue, action, wait_url }) => self.enqueue(now, index, queue, action, wait_url),
            Some(Verb::Leave) => self.leave(now, index, "leave"),
            Some(Verb::Record(verb)) => self.take_message(index, verb),
            Some(Verb::StartRecording { name, settings }) => {
                self.record(now, index, "StartCallRecordingTwiML", name, settings);
                self.next_verb(now, index);
            }
            Some(Verb::StopRecording { name }) => {
                let named = |recording: &super::recordings::Recording| {
                    recording.call == index && recording.state.is_open() && recording.name.as_ref() == Some(&name)
                };
                match self.recordings.iter().position(named) {
                    Some(recording) => self.stop_recording(now, recording),
                    None => self.warn(now, index, 0, "<Stop> of a recording that is not there"),
                }
                self.next_verb(now, index);
            }
            Some(Verb::Connect(verb)) => self.connect(now, index, verb),
            Some(Verb::Relay(verb)) => self.relay(now, index, verb),
        }
    }
}

/// An address in a document, made absolute.
pub(super) fn resolve(call: &Call, address: &str) -> Option<String> {
    if address.is_empty() {
        return Some(call.base.clone());
    }
    match Url::parse(address) {
        Ok(_) => Some(address.to_owned()),
        Err(_) => Url::parse(&call.base).ok()?.join(address).ok().map(String::from),
    }
}
