//! The application's side of a call: asking for instructions, carrying them out, the media stream.

use std::time::Duration;

use url::Url;
use voicecall_core::CallTime;

use super::call::{Call, Doing, Instructions};
use super::exchange::Timer;
use super::sid::sid;
use super::stream::Stream;
use super::webhook::Draft;
use super::wire::StreamWire;
use super::{
    AbruptLoss, CallStatus, Direction, Exchange, LogEvent, Method, Order, SocketEnd, SocketFault, StreamEnd,
    StreamVerb, Verb, WebhookFailure, WebhookKind, WebhookOutcome, sign, twiml,
};
use crate::fault::{Fault, Site};
use crate::phone::{Network, Phone, PhoneOptions};

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

    /// A media socket is open.
    pub fn socket_opened(&mut self, now: CallTime, stream_sid: &str) {
        self.advance(now);
        let Some(index) = self.stream_of(stream_sid) else { return };
        let seed = self.rng.next();
        let account = self.options.accounts[self.calls[index].account].sid.clone();
        let mut options = PhoneOptions { seed, ..self.options.phone.clone() };
        let call = &mut self.calls[index];
        let clock = call.clock(now);
        let Doing::Streaming(stream) = &mut call.doing else { return };
        match &stream.fault {
            Some(Fault::OutOfOrder) => options.media_before_start = true,
            Some(Fault::Latency { delay, .. }) => {
                let later = |network: Network| Network { delay: network.delay + *delay, ..network };
                (options.to_app, options.to_phone) = (later(options.to_app), later(options.to_phone));
            }
            _ => {}
        }
        let parameters = stream.verb.parameters.clone();
        let wire = StreamWire::new(account, call.sid.clone(), stream.sid.clone(), parameters);
        stream.phone = Some(Phone::open(clock, Box::new(wire), options));
        let opened = LogEvent::StreamOpened { stream: stream.sid.clone(), url: stream.url.clone() };
        self.note(now, Some(index), opened);
        self.flush_stream(now, index);
        self.report_stream(now, index, "stream-started", None);
    }

    /// A media socket could not be opened: `code` is 31920 for a wrong answer, 31901 for none.
    pub fn socket_refused(&mut self, now: CallTime, stream_sid: &str, code: u32) {
        self.advance(now);
        let Some(index) = self.stream_of(stream_sid) else { return };
        self.warn(now, index, code, "the media socket did not open");
        self.report_stream(now, index, "stream-error", Some(&code.to_string()));
        self.finish_stream(now, index, StreamEnd::Refused);
        self.go_on_after_loss(now, index);
    }

    /// The application sent a text message over a media socket.
    pub fn socket_text(&mut self, now: CallTime, stream_sid: &str, text: &str) {
        self.advance(now);
        let Some(index) = self.stream_of(stream_sid) else { return };
        let call = &mut self.calls[index];
        let clock = call.clock(now);
        let Doing::Streaming(stream) = &mut call.doing else { return };
        let Some(phone) = stream.phone.as_mut().filter(|_| !stream.silent) else { return };
        phone.receive(clock, text);
        self.flush_stream(now, index);
    }

    /// The application's side of a media socket ended.
    pub fn socket_closed(&mut self, now: CallTime, stream_sid: &str, end: SocketEnd) {
        self.advance(now);
        match end {
            SocketEnd::Lost => self.stream_lost(now, stream_sid),
            SocketEnd::Closed => {
                let Some(index) = self.stream_of(stream_sid) else { return };
                self.warn(now, index, 31921, "the application closed the media socket");
                self.report_stream(now, index, "stream-stopped", None);
                self.finish_stream(now, index, StreamEnd::AppClosed);
                self.next_verb(now, index);
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
    fn fall_back(&mut self, now: CallTime, index: usize, code: u32) {
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
                let audio = spoken.unwrap_or_else(silence).repeat(times as usize);
                self.calls[index].doing = Doing::Saying { audio, position: 0 };
            }
            Some(Verb::Connect(verb)) => self.connect(now, index, verb),
        }
    }

    fn connect(&mut self, now: CallTime, index: usize, verb: StreamVerb) {
        let sid = sid("MZ", &mut self.rng);
        let url = stream_address(&self.calls[index], &verb.url, self.options.allow_loopback);
        let fault = self.draw(now, Some(index), Site::MediaSocket);
        let dropped = fault == Some(Fault::DropBefore);
        let stream = Stream {
            sid: sid.clone(),
            verb,
            url: url.clone().unwrap_or_default(),
            phone: None,
            frames: 0,
            fault,
            silent: false,
            complained: false,
        };
        self.calls[index].doing = Doing::Streaming(Box::new(stream));
        self.streams.insert(sid.clone(), index);
        match url {
            Some(_) if dropped => self.socket_refused(now, &sid, 31901),
            Some(url) => {
                let signature = sign(&self.options.accounts[self.calls[index].account].auth_token, &url, &[]);
                self.order(Order::OpenSocket { stream: sid, url, signature });
            }
            None => {
                self.warn(now, index, 12100, "<Stream> needs a wss address");
                self.finish_stream(now, index, StreamEnd::Refused);
                self.fall_back(now, index, 12100);
            }
        }
    }

    /// Passes on what the stream has to send by now, and asks to be woken for the rest.
    pub(super) fn flush_stream(&mut self, now: CallTime, index: usize) {
        let call = &mut self.calls[index];
        let clock = call.clock(now);
        let Doing::Streaming(stream) = &mut call.doing else { return };
        let Some(phone) = &mut stream.phone else { return };
        let texts: Vec<String> = std::iter::from_fn(|| phone.pop(clock)).collect();
        let complaint = phone.take_complaints().first().copied().filter(|_| !stream.complained);
        stream.complained |= complaint.is_some();
        let due = phone.next_due();
        let (sid, silent) = (stream.sid.clone(), stream.silent);
        for text in texts.into_iter().filter(|_| !silent) {
            self.order(Order::SendText { stream: sid.clone(), text });
        }
        if let Some(complaint) = complaint {
            self.warn(now, index, 31951, format!("{complaint:?}"));
        }
        // The next tick passes on what is due by then anyway.
        let tick = CallTime::from_millis(20 * (self.calls[index].ticks + 1));
        if let Some(due) = due.filter(|due| *due < tick) {
            self.at(now + due.since(clock), Timer::Stream(index));
        }
    }

    /// Lets the stream's planned fault strike when its frame has come.
    pub(super) fn break_stream(&mut self, now: CallTime, index: usize) {
        let call = &mut self.calls[index];
        let clock = call.clock(now);
        let Doing::Streaming(stream) = &mut call.doing else { return };
        let Some(phone) = &mut stream.phone else { return };
        let frame = match &stream.fault {
            Some(
                Fault::Reset { at_frame }
                | Fault::Close { at_frame }
                | Fault::HalfOpenSocket { at_frame }
                | Fault::Stall { at_frame, .. },
            ) => *at_frame,
            _ => return,
        };
        if stream.frames < frame {
            return;
        }
        let sid = stream.sid.clone();
        match stream.fault.take() {
            Some(Fault::Stall { length, .. }) => phone.stall(clock + length),
            Some(Fault::HalfOpenSocket { .. }) => {
                stream.silent = true;
                self.order(Order::BreakSocket { stream: sid.clone(), fault: SocketFault::Silence });
                self.at(now + self.options.half_open_after, Timer::GiveUpStream(sid));
            }
            fault => {
                let fault =
                    if matches!(fault, Some(Fault::Reset { .. })) { SocketFault::Reset } else { SocketFault::Fin };
                self.order(Order::BreakSocket { stream: sid.clone(), fault });
                self.stream_lost(now, &sid);
            }
        }
    }

    pub(super) fn stream_lost(&mut self, now: CallTime, stream_sid: &str) {
        let Some(index) = self.stream_of(stream_sid) else { return };
        self.warn(now, index, 31903, "the media socket broke");
        self.report_stream(now, index, "stream-error", Some("31903"));
        self.finish_stream(now, index, StreamEnd::Lost);
        self.go_on_after_loss(now, index);
    }

    fn go_on_after_loss(&mut self, now: CallTime, index: usize) {
        match self.options.abrupt_loss {
            AbruptLoss::Continue => self.next_verb(now, index),
            AbruptLoss::EndCall => self.end(now, index, CallStatus::Completed, 200),
        }
    }

    /// Ends an open stream from the carrier's side: `stop`, then the socket closes.
    pub(super) fn close_stream(&mut self, now: CallTime, index: usize, end: StreamEnd) {
        let call = &mut self.calls[index];
        let clock = call.clock(now);
        let Doing::Streaming(stream) = &mut call.doing else { return };
        let (sid, silent) = (stream.sid.clone(), stream.silent);
        let mut texts = Vec::new();
        if let Some(phone) = stream.phone.as_mut().filter(|_| !silent) {
            phone.hang_up(clock);
            // The stream ends here, so what the network still holds goes out with it.
            texts.extend(std::iter::from_fn(|| phone.pop(CallTime::from_micros(u64::MAX))));
        }
        for text in texts {
            self.order(Order::SendText { stream: sid.clone(), text });
        }
        self.order(Order::CloseSocket { stream: sid });
        self.report_stream(now, index, "stream-stopped", None);
        self.finish_stream(now, index, end);
    }

    /// Forgets the stream and keeps its figures in the log.
    fn finish_stream(&mut self, now: CallTime, index: usize, end: StreamEnd) {
        if let Doing::Streaming(stream) = std::mem::replace(&mut self.calls[index].doing, Doing::Nothing) {
            self.streams.remove(&stream.sid);
            let media = stream.phone.as_ref().map(Phone::stats).unwrap_or_default();
            self.note(now, Some(index), LogEvent::StreamClosed { stream: stream.sid, end, media });
        }
    }

    fn report_stream(&mut self, now: CallTime, index: usize, event: &str, error: Option<&str>) {
        let call = &self.calls[index];
        let Doing::Streaming(stream) = &call.doing else { return };
        let Some(address) = stream.verb.status_callback.clone() else { return };
        let mut form: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: &str| form.push((name.to_owned(), value.to_owned()));
        add("AccountSid", &self.options.accounts[call.account].sid);
        add("CallSid", &call.sid);
        add("StreamSid", &stream.sid);
        add("StreamName", stream.verb.name.as_deref().unwrap_or(&stream.sid));
        add("StreamEvent", event);
        if let Some(error) = error {
            add("StreamError", error);
        }
        add("Timestamp", &self.timestamp(now).to_string());
        let sid = call.sid.clone();
        self.webhook(now, index, Draft { call: &sid, kind: WebhookKind::Stream, address: &address, form });
    }

    /// The call whose current stream this is.
    fn stream_of(&self, stream_sid: &str) -> Option<usize> {
        self.streams.get(stream_sid).copied()
    }
}

/// An address in a document, made absolute.
fn resolve(call: &Call, address: &str) -> Option<String> {
    if address.is_empty() {
        return Some(call.base.clone());
    }
    match Url::parse(address) {
        Ok(_) => Some(address.to_owned()),
        Err(_) => Url::parse(&call.base).ok()?.join(address).ok().map(String::from),
    }
}

/// The address of a media socket as it is dialled: `wss`, without query.
fn stream_address(call: &Call, address: &str, allow_loopback: bool) -> Option<String> {
    let mut absolute = resolve(call, address)?;
    if let Some(rest) = absolute.strip_prefix("http") {
        // Only a relative address may take its scheme from the document.
        if Url::parse(address).is_ok() {
            return None;
        }
        absolute = format!("ws{rest}");
    }
    let url = Url::parse(&absolute).ok()?;
    let plain = url.scheme() == "ws" && allow_loopback && super::rest::is_loopback(&url);
    if url.scheme() != "wss" && !plain {
        return None;
    }
    absolute.truncate(absolute.find(['?', '#']).unwrap_or(absolute.len()));
    Some(absolute)
}
