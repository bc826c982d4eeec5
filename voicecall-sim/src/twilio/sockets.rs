//! A call's media socket from its instruction to its end.

use url::Url;
use voicecall_core::CallTime;

use super::call::{Call, Doing};
use super::exchange::Timer;
use super::flow::resolve;
use super::sid::sid;
use super::stream::Stream;
use super::webhook::Draft;
use super::wire::StreamWire;
use super::{
    AbruptLoss, CallStatus, Exchange, LogEvent, Order, SocketEnd, SocketFault, StreamEnd, StreamVerb, WebhookKind,
    error_code, sign,
};
use crate::fault::{Fault, Site};
use crate::phone::{Network, Phone, PhoneOptions};

impl Exchange {
    /// A media socket is open.
    pub fn socket_opened(&mut self, now: CallTime, stream_sid: &str) {
        self.advance(now);
        let Some(index) = self.stream_of(stream_sid) else { return };
        if self.is_relaying(index) {
            return self.relay_opened(now, index);
        }
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
        if self.is_relaying(index) {
            return self.relay_closed(now, index, None);
        }
        self.warn(now, index, code, "the media socket did not open");
        self.report_stream(now, index, "stream-error", Some(&code.to_string()));
        self.finish_stream(now, index, StreamEnd::Refused);
        self.go_on_after_loss(now, index);
    }

    /// The application sent a text message over a media socket.
    pub fn socket_text(&mut self, now: CallTime, stream_sid: &str, text: &str) {
        self.advance(now);
        if let Some(index) = self.stream_of(stream_sid).filter(|index| self.is_relaying(*index)) {
            return self.relay_message(now, index, Some(text));
        }
        self.receive(now, stream_sid, |phone, clock| phone.receive(clock, text));
    }

    /// The application sent a message that is no text over a media socket.
    pub fn socket_binary(&mut self, now: CallTime, stream_sid: &str) {
        self.advance(now);
        if let Some(index) = self.stream_of(stream_sid).filter(|index| self.is_relaying(*index)) {
            return self.relay_message(now, index, None);
        }
        self.receive(now, stream_sid, Phone::receive_binary);
    }

    /// The application's side of a media socket ended.
    pub fn socket_closed(&mut self, now: CallTime, stream_sid: &str, end: SocketEnd) {
        self.advance(now);
        if let Some(index) = self.stream_of(stream_sid).filter(|index| self.is_relaying(*index)) {
            return self.relay_closed(now, index, Some(end));
        }
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

    fn receive(&mut self, now: CallTime, stream_sid: &str, take: impl FnOnce(&mut Phone, CallTime)) {
        self.advance(now);
        let Some(index) = self.stream_of(stream_sid) else { return };
        let call = &mut self.calls[index];
        let clock = call.clock(now);
        let Doing::Streaming(stream) = &mut call.doing else { return };
        let Some(phone) = stream.phone.as_mut().filter(|_| !stream.silent) else { return };
        take(phone, clock);
        self.flush_stream(now, index);
    }

    pub(super) fn connect(&mut self, now: CallTime, index: usize, verb: StreamVerb) {
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
            self.warn(now, index, error_code(complaint), format!("{complaint:?}"));
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
        self.close_relay(now, index, end);
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

/// The address of a media or text socket as it is dialled: `wss`, without query.
pub(super) fn stream_address(call: &Call, address: &str, allow_loopback: bool) -> Option<String> {
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
