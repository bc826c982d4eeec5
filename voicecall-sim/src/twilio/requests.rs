//! Requests to the application, with what goes wrong with them.

use std::time::Duration;

use voicecall_core::CallTime;

use super::call::Progress;
use super::exchange::Timer;
use super::webhook::Draft;
use super::{Exchange, LogEvent, Order, Webhook, WebhookFailure, WebhookKind, WebhookOutcome};
use crate::fault::{Fault, Site};

/// How long a report that is to arrive after its successor waits for one.
const HELD_REPORT: Duration = Duration::from_secs(1);

/// What a request to the application is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// A call, by its index.
    Call(usize),
    /// A message, by its index.
    Message(usize),
    /// A conversation, by its index.
    Conversation(usize),
}

impl Exchange {
    /// The number the next request to the application will have.
    pub(super) const fn next_webhook(&self) -> u64 {
        self.webhooks_made + 1
    }

    /// Makes a request about a call to the application.
    pub(super) fn webhook(&mut self, now: CallTime, call: usize, draft: Draft<'_>) {
        self.request(now, Subject::Call(call), draft);
    }

    /// Makes a request to the application.
    pub(super) fn request(&mut self, now: CallTime, subject: Subject, draft: Draft<'_>) {
        let id = self.next_webhook();
        self.webhooks_made = id;
        let token = format!("{:016x}{:016x}", self.rng.next(), self.rng.next());
        let (call, account) = match subject {
            Subject::Call(call) => (Some(call), self.calls[call].account),
            Subject::Message(message) => (None, self.messages.account(message)),
            Subject::Conversation(conversation) => (None, self.conversations.account(conversation)),
        };
        let auth_token = self.options.accounts[account].auth_token.clone();
        let mut webhook = draft.sign(id, token, &auth_token);
        let site = if webhook.kind.asks() { Site::WebhookVoice } else { Site::WebhookStatus };
        match self.draw(now, call, site) {
            Some(Fault::DropBefore) if webhook.kind.asks() => {
                self.webhooks.insert(id, webhook.clone());
                self.webhook_done(now, id, WebhookOutcome::Failed(WebhookFailure::Timeout));
            }
            Some(Fault::DropBefore) => {}
            Some(Fault::Latency { delay, .. } | Fault::Late { delay }) => self.at(now + delay, Timer::Send(webhook)),
            Some(Fault::Duplicate { times }) => {
                (0..times).for_each(|_| self.send(now, webhook.clone()));
                self.send(now, webhook);
            }
            Some(Fault::OutOfOrder) => {
                self.at(now + HELD_REPORT, Timer::ReleaseReport(subject));
                if let Some(earlier) = self.held_report(subject).replace(webhook) {
                    self.send(now, earlier);
                }
            }
            fault => {
                webhook.deaf = fault == Some(Fault::AcceptThenDrop);
                let is_report = !webhook.kind.asks();
                self.send(now, webhook);
                if let Some(held) = self.held_report(subject).take_if(|_| is_report) {
                    self.send(now, held);
                }
            }
        }
    }

    /// The report that is to arrive after its successor.
    pub(super) fn held_report(&mut self, subject: Subject) -> &mut Option<Webhook> {
        match subject {
            Subject::Call(call) => &mut self.calls[call].held_report,
            Subject::Message(message) => self.messages.held_report(message),
            Subject::Conversation(conversation) => self.conversations.held_report(conversation),
        }
    }

    pub(super) fn send(&mut self, now: CallTime, webhook: Webhook) {
        let call = self.calls_by_sid.get(&webhook.call).copied();
        self.note(now, call, LogEvent::sent(&webhook));
        self.webhooks.insert(webhook.id, webhook.clone());
        self.order(Order::Webhook(webhook));
    }

    /// Reports a step of the call's progress to whoever asked for it.
    pub(super) fn report(&mut self, now: CallTime, index: usize, step: Progress) {
        let call = &self.calls[index];
        let Some(callback) = call.status_callback.clone().filter(|callback| callback.events.contains(&step)) else {
            return;
        };
        let mut form = call.form(&self.options.accounts[call.account].sid);
        if step == Progress::Initiated {
            form.retain(|(name, _)| name != "CallStatus");
            form.push(("CallStatus".to_owned(), "initiated".to_owned()));
        }
        let mut add = |name: &str, value: String| form.push((name.to_owned(), value));
        add("CallbackSource", "call-progress-events".to_owned());
        add("SequenceNumber", call.reports.to_string());
        add("Timestamp", super::json::date(self.timestamp(now)));
        if step == Progress::Completed {
            let seconds = call.duration(now).as_secs();
            add("CallDuration", seconds.to_string());
            add("Duration", seconds.div_ceil(60).to_string());
            if let Some(code) = call.sip_response {
                add("SipResponseCode", code.to_string());
            }
            if let Some((verdict, after)) = call.answered_by {
                form.extend(super::detection::verdict_form(verdict, after));
            }
            if let Some(recording) = call.recording {
                form.extend(self.recording_form(recording));
            }
        }
        let sid = call.sid.clone();
        self.calls[index].reports += 1;
        self.webhook(now, index, Draft { call: &sid, kind: WebhookKind::Status, address: &callback.address, form });
    }
}
