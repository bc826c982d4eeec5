//! The carrier as one machine: told the time and what arrives, it says what is to be done.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use jiff::Timestamp;
use voicecall_core::CallTime;

use super::call::{Call, Doing};
use super::conversations::Conversations;
use super::messaging::Messages;
use super::recordings::Recording;
use super::requests::Subject;
use super::transcriptions::Transcriptions;
use super::{CallStatus, ExchangeOptions, LogEntry, LogEvent, Number, Order, Webhook};
use crate::fault::{Fault, Faults, Rng, Site};
use crate::phone::{Party, Ring};

type People = Box<dyn FnMut(&Ring) -> Box<dyn Party> + Send>;
type Recogniser = Box<dyn FnMut(&[u8], &str) -> Option<(String, f32)> + Send>;
type Files = Box<dyn FnMut(&str) -> Option<Vec<u8>> + Send>;
type Speaker = Box<dyn FnMut(&str, &str) -> Option<Vec<u8>> + Send>;

/// A carrier with its accounts, calls and the people on the line.
///
/// Time is counted from the opening of the exchange and must not go back. After every input, carry out what
/// [`pop`](Self::pop) returns; call [`advance`](Self::advance) when [`next_due`](Self::next_due) has come.
pub struct Exchange {
    pub(super) options: ExchangeOptions,
    pub(super) rng: Rng,
    pub(super) faults: Faults,
    people: People,
    speaker: Speaker,
    recogniser: Recogniser,
    files: Files,
    pub(super) recordings: Vec<Recording>,
    pub(super) messages: Messages,
    pub(super) conversations: Conversations,
    pub(super) transcriptions: Transcriptions,
    /// Calls are only ever added, so an index once given out by `add_call` stays valid.
    pub(super) calls: Vec<Call>,
    pub(super) calls_by_sid: BTreeMap<String, usize>,
    /// Which call a media stream belongs to.
    pub(super) streams: BTreeMap<String, usize>,
    rings: BTreeMap<String, u32>,
    /// When each account may dial next.
    next_dial: Vec<CallTime>,
    timers: BTreeMap<(CallTime, u64), Timer>,
    timers_set: u64,
    pub(super) webhooks: BTreeMap<u64, Webhook>,
    pub(super) webhooks_made: u64,
    orders: VecDeque<Order>,
    log: Vec<LogEntry>,
}

/// Something that is due at a time. Whoever it concerns checks whether it still matters.
#[derive(Debug)]
pub(super) enum Timer {
    Dial(usize),
    Answer(usize),
    GiveUp(usize),
    Tick(usize),
    /// A stream has something to send between two ticks.
    Stream(usize),
    Limit(usize),
    /// The price of a call is known.
    Priced(usize),
    /// The verdict on who answered is there.
    Detected(usize),
    /// A recording was worked on.
    Recorded(usize),
    /// The time of a dialled connection is up.
    DialLimit(usize),
    /// Nobody came to be taken over.
    JoinTimeout(usize),
    Send(Webhook),
    ReleaseReport(Subject),
    /// A message of the account's comes further.
    Message(usize),
    /// A message of a conversation comes further with somebody: conversation, message and receipt.
    Receipt(usize, usize, usize),
    /// A timer of a conversation may have run out.
    ConversationIdle(usize),
    /// A transcript comes further.
    Transcript(usize),
    /// A connection on which nothing passes is given up.
    GiveUpStream(String),
}

impl Exchange {
    /// Opens an exchange. `people` says who answers when a number is called.
    pub fn new(options: ExchangeOptions, people: impl FnMut(&Ring) -> Box<dyn Party> + Send + 'static) -> Self {
        Self {
            rng: Rng::fork(options.seed, 0x7717),
            faults: options.faults.start(),
            next_dial: vec![CallTime::ZERO; options.accounts.len()],
            options,
            people: Box::new(people),
            speaker: Box::new(|_, _| None),
            recogniser: Box::new(|_, _| None),
            files: Box::new(|_| None),
            recordings: Vec::new(),
            messages: Messages::default(),
            conversations: Conversations::default(),
            transcriptions: Transcriptions::default(),
            calls: Vec::new(),
            calls_by_sid: BTreeMap::new(),
            streams: BTreeMap::new(),
            rings: BTreeMap::new(),
            timers: BTreeMap::new(),
            timers_set: 0,
            webhooks: BTreeMap::new(),
            webhooks_made: 0,
            orders: VecDeque::new(),
            log: Vec::new(),
        }
    }

    /// Gives `<Say>` a voice: text and language to mu-law audio, 8 kHz. Where it has none, silence is played for as
    /// long as the text would take, and the log says so.
    #[must_use]
    pub fn with_speaker(mut self, speaker: impl FnMut(&str, &str) -> Option<Vec<u8>> + Send + 'static) -> Self {
        self.speaker = Box::new(speaker);
        self
    }

    /// Lets `<Gather>` understand what is said: mu-law audio, 8 kHz, and the language to words and how sure they are.
    /// Where nothing is understood, nothing was said.
    #[must_use]
    pub fn with_recogniser(
        mut self,
        recogniser: impl FnMut(&[u8], &str) -> Option<(String, f32)> + Send + 'static,
    ) -> Self {
        self.recogniser = Box::new(recogniser);
        self
    }

    /// Gives `<Play>` its files: an address to mu-law audio, 8 kHz. A file that is not there is skipped, and the log
    /// says so.
    #[must_use]
    pub fn with_files(mut self, files: impl FnMut(&str) -> Option<Vec<u8>> + Send + 'static) -> Self {
        self.files = Box::new(files);
        self
    }

    /// What to do next, in order.
    pub fn pop(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// When [`advance`](Self::advance) is due.
    #[must_use]
    pub fn next_due(&self) -> Option<CallTime> {
        self.timers.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Lets everything happen that is due by `now`, each thing at its own time.
    pub fn advance(&mut self, now: CallTime) {
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), timer) = entry.remove_entry();
            self.fire(at, timer);
        }
    }

    /// The numbers an account has now; none of an account that is not there.
    #[must_use]
    pub fn numbers(&self, account_sid: &str) -> &[Number] {
        let account = self.options.accounts.iter().find(|account| account.sid == account_sid);
        account.map_or(&[], |account| &account.numbers)
    }

    /// What happened so far.
    #[must_use]
    pub fn log(&self) -> &[LogEntry] {
        &self.log
    }

    /// How often the phone of `number` has rung.
    #[must_use]
    pub fn rings(&self, number: &str) -> u32 {
        self.rings.get(number).copied().unwrap_or(0)
    }

    /// How far a call has come; `None` if there is none of this sid.
    #[must_use]
    pub fn status(&self, call: &str) -> Option<CallStatus> {
        Some(self.calls[*self.calls_by_sid.get(call)?].status)
    }

    /// How many calls are not over.
    #[must_use]
    pub fn live_calls(&self) -> usize {
        self.calls.iter().filter(|call| !call.status.is_final()).count()
    }

    /// The caller's and the application's audio of a call's open stream, if it is recorded
    /// ([`PhoneOptions::record`](crate::phone::PhoneOptions::record)).
    #[must_use]
    pub fn recording(&self, call: &str) -> Option<(&[u8], &[u8])> {
        match &self.calls[*self.calls_by_sid.get(call)?].doing {
            Doing::Streaming(stream) => stream.phone.as_ref().map(crate::phone::Phone::recording),
            _ => None,
        }
    }

    fn fire(&mut self, now: CallTime, timer: Timer) {
        match timer {
            Timer::Dial(call) => self.dial(now, call),
            Timer::Answer(call) => self.answer(now, call),
            Timer::GiveUp(call) => self.give_up_ringing(now, call),
            Timer::Tick(call) => self.tick(now, call),
            Timer::Stream(call) => self.flush_stream(now, call),
            Timer::Limit(call) => self.limit(now, call),
            Timer::Priced(call) => self.calls[call].is_priced = true,
            Timer::Detected(call) => self.detected(now, call),
            Timer::Recorded(recording) => self.recorded(now, recording),
            Timer::DialLimit(leg) => self.dial_limit(now, leg),
            Timer::JoinTimeout(call) => self.join_timeout(now, call),
            Timer::Send(webhook) => self.send(now, webhook),
            Timer::ReleaseReport(subject) => {
                if let Some(held) = self.held_report(subject).take() {
                    self.send(now, held);
                }
            }
            Timer::Message(message) => self.message_moves_on(now, message),
            Timer::Receipt(conversation, message, receipt) => {
                self.receipt_moves_on(now, conversation, message, receipt)
            }
            Timer::ConversationIdle(conversation) => self.conversation_idle(now, conversation),
            Timer::Transcript(transcript) => self.transcript_moves_on(now, transcript),
            Timer::GiveUpStream(stream) => self.stream_lost(now, &stream),
        }
    }

    pub(super) fn at(&mut self, at: CallTime, timer: Timer) {
        self.timers_set += 1;
        self.timers.insert((at, self.timers_set), timer);
    }

    pub(super) fn order(&mut self, order: Order) {
        self.orders.push_back(order);
    }

    pub(super) fn note(&mut self, at: CallTime, call: Option<usize>, event: LogEvent) {
        let call = call.map(|index| self.calls[index].sid.clone());
        self.log.push(LogEntry { at, call, event });
    }

    pub(super) fn warn(&mut self, at: CallTime, call: usize, code: u32, text: impl Into<String>) {
        self.note(at, Some(call), LogEvent::Warning { code, text: text.into() });
    }

    pub(super) fn draw(&mut self, now: CallTime, call: Option<usize>, site: Site) -> Option<Fault> {
        let fault = self.faults.draw(site)?;
        self.note(now, call, LogEvent::Fault { site, fault: fault.clone() });
        Some(fault)
    }

    pub(super) fn timestamp(&self, at: CallTime) -> Timestamp {
        let since = jiff::SignedDuration::from_micros(i64::try_from(at.as_micros()).unwrap_or(i64::MAX));
        self.options.epoch.checked_add(since).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn person(&mut self, ring: &Ring) -> Box<dyn Party> {
        (self.people)(ring)
    }

    pub(super) fn voice(&mut self, text: &str, language: &str) -> Option<Vec<u8>> {
        (self.speaker)(text, language)
    }

    pub(super) fn words(&mut self, audio: &[u8], language: &str) -> Option<(String, f32)> {
        (self.recogniser)(audio, language)
    }

    pub(super) fn file(&mut self, url: &str) -> Option<Vec<u8>> {
        (self.files)(url)
    }

    /// Counts a ring of `number`; returns how many there were before.
    pub(super) fn count_ring(&mut self, number: &str) -> u32 {
        let rings = self.rings.entry(number.to_owned()).or_default();
        *rings += 1;
        *rings - 1
    }

    /// When the account's next call may be dialled; reserves that moment.
    pub(super) fn reserve_dial(&mut self, now: CallTime, account: usize) -> CallTime {
        let at = self.next_dial[account].max(now);
        self.next_dial[account] = at + self.options.dial_interval;
        at
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("calls", &self.calls.len()).field("next_due", &self.next_due()).finish()
    }
}
