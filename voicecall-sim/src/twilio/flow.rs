//! Asking the application for instructions, and carrying them out.

use std::time::Duration;

use url::Url;
use voicecall_core::CallTime;

use super::call::{Call, Doing, Instructions};
use super::webhook::Draft;
use super::{
    CallStatus, Direction, Exchange, LogEvent, Method, Verb, WebhookFailure, WebhookKind, WebhookOutcome, twiml,
};

/// How long a text takes to say when there is no voice for it, per character.
const UNVOICED: Duration = Duration::from_millis(60);

impl Exchange {
    /// A request to the application ended.
    pub fn webhook_done(&mut self, now: CallTime, id: u64, outcome: WebhookOutcome) {
        self.advance(now);
        let Some(webhook) = self.webhooks.get(&id).cloned() else { return };
        let Some(&index) = self.calls_by_sid.get(&webhook.call) else { return };
        let outcome = if webhook.deaf { WebhookOutcome::Failed(WebhookFailure::Broken) } else { outcome };
        let failure = match &outcome {
            WebhookOutcome::Answered { status, .. } => {
                self.note(now, Some(index), LogEvent::WebhookAnswered { id, status: *status });
                None
            }
            WebhookOutcome::Failed(failure) => {
                self.note(now, Some(index), LogEvent::WebhookFailed { id, failure: *failure });
                Some(*failure)
            }
        };
        if failure == Some(WebhookFailure::Connect) && webhook.attempt == 1 {
            let mut again = webhook;
            again.attempt = 2;
            return self.send(now, again);
        }
        if webhook.kind != WebhookKind::Voice {
            if failure.is_some() {
                self.warn(now, index, 11200, "a report was not delivered");
            }
            return;
        }
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
            Instructions::Address(address) => self.fetch(now, index, &address, &[]),
        }
    }

    fn fetch(&mut self, now: CallTime, index: usize, address: &(String, Method), extra: &[(&str, String)]) {
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
        match twiml::parse(document) {
            Ok(verbs) => {
                let rejected = matches!(verbs.first(), Some(Verb::Reject { .. }));
                self.calls[index].verbs = verbs.into();
                if !rejected {
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

    fn answer_inbound(&mut self, now: CallTime, index: usize) {
        if self.calls[index].direction == Direction::Inbound {
            self.answer(now, index);
        }
    }

    /// Carries out the next instruction; without one the call ends.
    pub(super) fn next_verb(&mut self, now: CallTime, index: usize) {
        self.calls[index].doing = Doing::Nothing;
        match self.calls[index].verbs.pop_front() {
            None | Some(Verb::Hangup) => self.end(now, index, CallStatus::Completed, 200),
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
            Some(Verb::Say { text, language, times }) => {
                let spoken = self.voice(&text, &language);
                self.note(now, Some(index), LogEvent::Said { text: text.clone(), voiced: spoken.is_some() });
                let silence = || vec![0xFF; 8 * UNVOICED.as_millis() as usize * text.chars().count()];
                let audio = spoken.unwrap_or_else(silence);
                let length = audio.len() as u64 * u64::from(times);
                self.calls[index].doing = Doing::Saying { audio, position: 0, length };
            }
            Some(Verb::Connect(verb)) => self.connect(now, index, verb),
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
