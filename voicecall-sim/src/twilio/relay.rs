//! A conversation in text: the carrier speaks what it is sent and sends what it hears, and both interrupt each other.

mod message;

use serde_json::{Value, json};
use voicecall_core::CallTime;
use voicecall_core::audio::Frame;

use self::message::RelayCommand;
use super::call::Doing;
use super::sid::sid;
use super::sockets::stream_address;
use super::twiml::RelayVerb;
use super::{Exchange, LogEvent, Order, SocketEnd, SocketFault, StreamEnd, sign};
use crate::fault::{Fault, Site};
use crate::phone::{MediaStats, PartyAction};
use crate::relay::{Interrupted, Talk};

/// So many messages in a row that nobody knows end the conversation.
const MOST_UNIDENTIFIED: u32 = 10;

/// A conversation that is going on, or about to.
#[derive(Debug)]
pub(super) struct Relay {
    sid: String,
    verb: RelayVerb,
    url: String,
    is_open: bool,
    frames: u64,
    fault: Option<Fault>,
    /// Language of the voice, and of the ears.
    languages: (String, String),
    talk: Talk,
    unidentified: u32,
}

impl Relay {
    fn setup(&self, account: &str, form: &[(String, String)]) -> Value {
        let of = |name: &str| form.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.as_str());
        json!({
            "type": "setup", "sessionId": self.sid, "accountSid": account, "parentCallSid": of("ParentCallSid"),
            "callSid": of("CallSid"), "from": of("From"), "to": of("To"), "forwardedFrom": "", "callType": "PSTN",
            "callerName": "", "direction": of("Direction"), "callStatus": of("CallStatus").to_uppercase(),
            "customParameters": self.verb.parameters,
        })
    }
}

/// The caller has interrupted what was being said.
fn interrupt(interrupted: Interrupted) -> Value {
    let ms = u64::try_from(interrupted.after.as_millis()).unwrap_or(u64::MAX);
    json!({ "type": "interrupt", "utteranceUntilInterrupt": interrupted.words, "durationUntilInterruptMs": ms })
}

impl Exchange {
    pub(super) fn relay(&mut self, now: CallTime, index: usize, verb: RelayVerb) {
        let sid = sid("VX", &mut self.rng);
        let url = stream_address(&self.calls[index], &verb.url, self.options.allow_loopback);
        let fault = self.draw(now, Some(index), Site::MediaSocket);
        let dropped = fault == Some(Fault::DropBefore);
        let relay = Relay {
            sid: sid.clone(),
            url: url.clone().unwrap_or_default(),
            is_open: false,
            frames: 0,
            fault,
            languages: (verb.language.clone(), verb.language.clone()),
            talk: Talk::default(),
            unidentified: 0,
            verb,
        };
        self.calls[index].doing = Doing::Relaying(Box::new(relay));
        self.streams.insert(sid.clone(), index);
        match url {
            Some(url) if !dropped => {
                let signature = sign(&self.options.accounts[self.calls[index].account].auth_token, &url, &[]);
                self.order(Order::OpenSocket { stream: sid, url, signature });
            }
            Some(_) => self.relay_over(now, index, Some((64102, "the socket could not be opened")), None),
            None => {
                self.warn(now, index, 12100, "<ConversationRelay> needs a wss address");
                self.finish_relay(now, index, StreamEnd::Refused);
                self.fall_back(now, index, 12100);
            }
        }
    }

    pub(super) fn is_relaying(&self, index: usize) -> bool {
        matches!(self.calls[index].doing, Doing::Relaying(_))
    }

    pub(super) fn relay_opened(&mut self, now: CallTime, index: usize) {
        let account = self.options.accounts[self.calls[index].account].sid.clone();
        let form = self.calls[index].form(&account);
        let Doing::Relaying(relay) = &mut self.calls[index].doing else { return };
        relay.is_open = true;
        let opened = LogEvent::StreamOpened { stream: relay.sid.clone(), url: relay.url.clone() };
        let setup = relay.setup(&account, &form);
        let greeting = relay.verb.greeting.clone();
        self.note(now, Some(index), opened);
        self.send_relay(index, &setup);
        if let Some(greeting) = greeting {
            let interruptible = true;
            self.relay_text(now, index, &greeting, true, interruptible);
        }
    }

    /// The application sent a text message.
    pub(super) fn relay_message(&mut self, now: CallTime, index: usize, text: Option<&str>) {
        let command = text.map_or(Err(message::Refused::Unidentified), message::read);
        let Doing::Relaying(relay) = &mut self.calls[index].doing else { return };
        if !matches!(command, Err(message::Refused::Unidentified)) {
            relay.unidentified = 0;
        }
        match command {
            Ok(RelayCommand::Text { token, last, interruptible }) => {
                let interruptible = interruptible.unwrap_or(relay.verb.interrupted_by != (false, false));
                self.relay_text(now, index, &token, last, interruptible);
            }
            Ok(RelayCommand::Play { source, interruptible }) => {
                let found = self.file(&source);
                self.note(now, Some(index), LogEvent::Played { url: source, found: found.is_some() });
                if let (Doing::Relaying(relay), Some(audio)) = (&mut self.calls[index].doing, found) {
                    relay.talk.play(audio, interruptible);
                }
            }
            Ok(RelayCommand::SendDigits(digits)) => {
                let clock = self.calls[index].clock(now);
                for key in digits.chars().filter(|key| *key != 'w') {
                    self.note(now, Some(index), LogEvent::KeyPressed);
                    if let Some(party) = &mut self.calls[index].party {
                        party.hear_key(clock, key);
                    }
                }
            }
            Ok(RelayCommand::Language { speech, transcription }) => {
                let (spoken, heard) = &mut relay.languages;
                speech.into_iter().for_each(|language| *spoken = language);
                transcription.into_iter().for_each(|language| *heard = language);
            }
            Ok(RelayCommand::End { handoff }) => {
                let sid = relay.sid.clone();
                self.order(Order::CloseSocket { stream: sid });
                self.relay_over(now, index, None, handoff);
            }
            Err(message::Refused::Invalid) => self.refuse_relay(now, index),
            Err(message::Refused::Unidentified) => {
                relay.unidentified += 1;
                if relay.unidentified < MOST_UNIDENTIFIED {
                    return self.refuse_relay(now, index);
                }
                let sid = relay.sid.clone();
                self.order(Order::BreakSocket { stream: sid, fault: SocketFault::InvalidData });
                self.relay_over(
                    now,
                    index,
                    Some((64105, "the socket was closed: ten messages that nobody knows")),
                    None,
                );
            }
        }
    }

    fn refuse_relay(&mut self, now: CallTime, index: usize) {
        self.warn(now, index, 64107, "a message that is not of the protocol");
        self.send_relay(index, &json!({ "type": "error", "description": "Invalid message received" }));
    }

    /// Takes in a token. A sentence is spoken as soon as it is complete.
    fn relay_text(&mut self, now: CallTime, index: usize, token: &str, last: bool, interruptible: bool) {
        let Doing::Relaying(relay) = &mut self.calls[index].doing else { return };
        let language = relay.languages.0.clone();
        for sentence in relay.talk.sentences(token, last) {
            let text = &sentence.text;
            let audio = if text.is_empty() { Vec::new() } else { self.relay_voice(now, index, text, &language) };
            let Doing::Relaying(relay) = &mut self.calls[index].doing else { return };
            relay.talk.say(sentence, audio, interruptible);
        }
    }

    fn relay_voice(&mut self, now: CallTime, index: usize, text: &str, language: &str) -> Vec<u8> {
        let spoken = self.voice(text, language);
        self.note(now, Some(index), LogEvent::Said { text: text.to_owned(), voiced: spoken.is_some() });
        spoken.unwrap_or_else(|| vec![0xFF; 8 * super::flow::UNVOICED.as_millis() as usize * text.chars().count()])
    }

    /// Twenty milliseconds of a conversation; returns what the caller hears.
    pub(super) fn relay_tick(&mut self, now: CallTime, index: usize, action: PartyAction, spoken: &Frame) -> Frame {
        let Doing::Relaying(relay) = &mut self.calls[index].doing else { return Frame::SILENCE };
        if !relay.is_open {
            return Frame::SILENCE;
        }
        relay.frames += 1;
        let (by_keys, by_speech) = relay.verb.interrupted_by;
        let mut messages = Vec::new();
        if let PartyAction::Press(key) = action
            && relay.verb.reports_keys
        {
            if by_keys && relay.talk.is_interruptible() {
                messages.push(interrupt(relay.talk.interrupt()));
            }
            messages.push(json!({ "type": "dtmf", "digit": key.to_string() }));
        }
        let ear = relay.talk.hear(spoken, by_speech);
        messages.extend(ear.interrupted.map(interrupt));
        let heard = relay.talk.sound();
        let language = relay.languages.1.clone();
        if let Some((words, _)) = ear.turn.and_then(|audio| self.words(&audio, &language)) {
            messages.push(json!({ "type": "prompt", "voicePrompt": words, "lang": language, "last": true }));
        }
        for message in messages {
            self.send_relay(index, &message);
        }
        self.break_relay(now, index);
        heard
    }

    /// Lets the planned fault strike when its frame has come.
    fn break_relay(&mut self, now: CallTime, index: usize) {
        let Doing::Relaying(relay) = &mut self.calls[index].doing else { return };
        let (fault, frame) = match &relay.fault {
            Some(Fault::Reset { at_frame }) => (SocketFault::Reset, *at_frame),
            Some(Fault::Close { at_frame }) => (SocketFault::Fin, *at_frame),
            _ => return,
        };
        if relay.frames >= frame {
            relay.fault = None;
            let stream = relay.sid.clone();
            self.order(Order::BreakSocket { stream, fault });
            self.relay_over(now, index, Some((64105, "the socket broke")), None);
        }
    }

    /// The application's side of the socket ended, or it never opened.
    pub(super) fn relay_closed(&mut self, now: CallTime, index: usize, end: Option<SocketEnd>) {
        let why = match end {
            Some(SocketEnd::Closed) => (64105, "the application closed the socket"),
            Some(SocketEnd::Lost) => (64105, "the socket broke"),
            None => (64102, "the socket could not be opened"),
        };
        self.relay_over(now, index, Some(why), None);
    }

    /// The conversation is over and the call goes on: the application is asked with what.
    fn relay_over(&mut self, now: CallTime, index: usize, failure: Option<(u32, &str)>, handoff: Option<String>) {
        let Doing::Relaying(relay) = &self.calls[index].doing else { return };
        let (sid, action) = (relay.sid.clone(), relay.verb.action.clone());
        if let Some((code, text)) = failure {
            self.warn(now, index, code, text);
        }
        self.finish_relay(now, index, if failure.is_some() { StreamEnd::Lost } else { StreamEnd::AppClosed });
        match action {
            Some(action) => {
                let handoff = handoff.map(|data| ("HandoffData", data));
                let fields: Vec<_> = [("SessionId", sid)].into_iter().chain(handoff).collect();
                self.ask_action(now, index, Some(&action), &fields);
            }
            None => self.next_verb(now, index),
        }
    }

    /// Ends a conversation from the carrier's side: its socket closes.
    pub(super) fn close_relay(&mut self, now: CallTime, index: usize, end: StreamEnd) {
        let Doing::Relaying(relay) = &self.calls[index].doing else { return };
        let stream = relay.sid.clone();
        self.order(Order::CloseSocket { stream });
        self.finish_relay(now, index, end);
    }

    fn finish_relay(&mut self, now: CallTime, index: usize, end: StreamEnd) {
        if let Doing::Relaying(relay) = std::mem::replace(&mut self.calls[index].doing, Doing::Nothing) {
            self.streams.remove(&relay.sid);
            let media = MediaStats::default();
            self.note(now, Some(index), LogEvent::StreamClosed { stream: relay.sid, end, media });
        }
    }

    fn send_relay(&mut self, index: usize, message: &Value) {
        let Doing::Relaying(relay) = &self.calls[index].doing else { return };
        let (stream, text) = (relay.sid.clone(), message.to_string());
        self.order(Order::SendText { stream, text });
    }
}
