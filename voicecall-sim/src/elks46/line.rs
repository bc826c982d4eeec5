//! The life of one call, from its ringing to the last report.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use voicecall_core::CallTime;
use voicecall_core::audio::g711::mulaw;
use voicecall_core::audio::{FRAME_DURATION, Frame, SAMPLE_RATE};

use super::action::{Next, What, parse};
use super::server::Shared;
use super::webhooks::{Form, Told, ask, tell};
use super::{ElksCall, ElksRecording};
use crate::phone::{Answer, Party, PartyAction, Ring};

/// How long the network takes to find out that a phone cannot be reached.
const FINDS_OUT: Duration = Duration::from_millis(100);

/// How a call was ordered.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) voice_start: String,
    pub(super) whenhangup: Option<String>,
    pub(super) rings: Duration,
}

/// One call.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) shared: Arc<Shared>,
    pub(super) index: usize,
    pub(super) party: Box<dyn Party>,
    pub(super) answered: Instant,
    /// Where a recording of the whole call is told.
    pub(super) recordcall: Option<String>,
    /// Both sides, mixed, while the call is recorded.
    pub(super) tape: Vec<i16>,
    /// Recordings that are to be told.
    pub(super) recorded: Vec<(String, Form)>,
}

impl Line {
    pub(super) fn new(shared: Arc<Shared>, index: usize, party: Box<dyn Party>) -> Self {
        Self {
            shared,
            index,
            party,
            answered: Instant::now(),
            recordcall: None,
            tape: Vec::new(),
            recorded: Vec::new(),
        }
    }

    /// Lives through the call.
    pub(super) async fn run(mut self, order: Option<Ordered>) {
        let state = match order {
            Some(order) => self.dialled(order).await,
            None => self.comes_in().await,
        };
        self.party.ended(self.now());
        self.end(state).await;
    }

    async fn dialled(&mut self, order: Ordered) -> &'static str {
        self.call(|call| call.whenhangup = order.whenhangup);
        let (to, from) = self.call(|call| (call.to.clone(), call.from.clone().unwrap_or_default()));
        self.call(|call| call.rang += 1);
        match self.party.answer(&Ring::new(to, from, 0)) {
            Answer::After(rings) if rings < order.rings => sleep(rings).await,
            Answer::After(_) | Answer::Never => {
                sleep(order.rings).await;
                return "failed";
            }
            Answer::Busy => {
                sleep(FINDS_OUT).await;
                return if self.shared.options.unconfirmed.tells_busy { "busy" } else { "failed" };
            }
            Answer::Unreachable => {
                sleep(FINDS_OUT).await;
                return "failed";
            }
        }
        self.is_answered();
        let first = match parse(&order.voice_start) {
            Ok(action) => Next::Do(Box::new(action)),
            Err(_) => Next::Ask(order.voice_start),
        };
        self.follow(first, "").await;
        "success"
    }

    /// Somebody calls one of the account's numbers, and hears ringing until it is known what becomes of the call.
    async fn comes_in(&mut self) -> &'static str {
        self.call(|call| call.rang += 1);
        let to = self.call(|call| call.to.clone());
        let start = self.shared.with(|state| {
            let number = state.numbers.iter().find(|number| number.number == to && !number.is_deallocated);
            number.and_then(|number| number.voice_start.clone())
        });
        let Some(start) = start else { return "failed" };
        let first = match parse(&start) {
            Ok(action) => Some(action),
            Err(_) => ask(&self.shared, self.index, &start, &self.form("newincoming")).await,
        };
        let Some(first) = first else { return "failed" };
        if let What::Hangup(how) = first.what {
            self.call(|call| call.hangup = Some(how.clone()));
            return if how == "busy" && self.shared.options.unconfirmed.tells_busy { "busy" } else { "failed" };
        }
        self.is_answered();
        self.follow(Next::Do(Box::new(first)), "").await;
        "success"
    }

    fn is_answered(&mut self) {
        self.answered = Instant::now();
        self.call(|call| call.started = Some(Timestamp::now()));
    }

    async fn end(mut self, state: &'static str) {
        let lags = self.shared.options.unconfirmed.rest_lags;
        let lasted = self.answered.elapsed();
        self.call(|call| {
            call.state = state;
            call.duration = call.started.map(|_| lasted);
            call.shows_end_at = Timestamp::now().checked_add(lags).ok();
        });
        if let Some(told) = self.recordcall.take() {
            let tape = std::mem::take(&mut self.tape);
            self.keep(&told, &tape);
        }
        let unconfirmed = self.shared.options.unconfirmed.clone();
        let mut reports = std::mem::take(&mut self.recorded);
        if let Some(url) = self.call(|call| call.whenhangup.clone()) {
            reports.push((url, self.call(|call| call.end_form(&unconfirmed))));
        }
        // Each is told by itself, so that a late one is overtaken.
        let (shared, index) = (&self.shared, self.index);
        let told = reports.iter().map(|(url, form)| tell(shared, Told::Call(index), url, form));
        futures_util::future::join_all(told).await;
        self.call(|call| call.is_done = true);
    }

    /// Keeps a recording, which is told of at the end.
    pub(super) fn keep(&mut self, told: &str, tape: &[i16]) {
        let id = self.call(|call| call.id.clone());
        let made = self.shared.with(|state| {
            let own = state.recordings.iter().filter(|recording| recording.id.starts_with(&format!("{id}-r"))).count();
            let mut wav = crate::wav::streaming_header(SAMPLE_RATE);
            tape.iter().for_each(|sample| wav.extend(sample.to_le_bytes()));
            let duration = CallTime::from_samples(tape.len() as u64).since(CallTime::ZERO);
            let made = ElksRecording { id: format!("{id}-r{own}"), created: Timestamp::now(), duration, wav };
            state.recordings.push(made.clone());
            made
        });
        let mut form = self.form("success");
        form.retain(|(name, _)| name != "result");
        form.push(("duration".to_owned(), made.duration.as_secs().to_string()));
        form.push(("wav".to_owned(), format!("https://api.46elks.com/a1/recordings/{}.wav", made.id)));
        self.recorded.push((told.to_owned(), form));
    }

    /// The form of a question.
    pub(super) fn form(&self, result: &str) -> Form {
        let unconfirmed = &self.shared.options.unconfirmed;
        let (id, from, to, direction, created) = self.call(|call| {
            let created = super::call::written(call.created);
            (call.id.clone(), call.caller(unconfirmed), call.to.clone(), call.direction(), created)
        });
        let mut form = vec![(unconfirmed.call_field, id)];
        form.extend(from.map(|from| ("from", from)));
        form.extend([("to", to), ("direction", direction.to_owned()), ("created", created)]);
        if !result.is_empty() {
            form.push(("result", result.to_owned()));
        }
        form.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Lets time pass on the line. Returns the keys that were pressed, and whether the call goes on; at most `most` keys are
    /// waited for.
    pub(super) async fn pass(&mut self, time: Duration, most: usize) -> (String, bool) {
        let mut keys = String::new();
        let mut ticks = interval_at(Instant::now() + FRAME_DURATION, FRAME_DURATION);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let until = Instant::now() + time;
        while Instant::now() < until {
            ticks.tick().await;
            let now = self.now();
            let spoken = match self.party.speak(now) {
                PartyAction::HangUp => return (keys, false),
                PartyAction::Press('#') if most > 0 => return (keys, true),
                PartyAction::Press(key) if most > 0 => {
                    keys.push(key);
                    if keys.len() == most {
                        return (keys, true);
                    }
                    Frame::SILENCE
                }
                PartyAction::Speak(frame) => frame,
                _ => Frame::SILENCE,
            };
            self.party.hear(now, &Frame::SILENCE);
            self.record(&spoken, &Frame::SILENCE);
        }
        (keys, true)
    }

    /// Keeps 20 ms of both sides, if the call is recorded.
    pub(super) fn record(&mut self, spoken: &Frame, heard: &Frame) {
        if self.recordcall.is_some() {
            let pairs = spoken.as_bytes().iter().zip(heard.as_bytes());
            self.tape.extend(pairs.map(|(one, other)| mulaw::decode(*one).saturating_add(mulaw::decode(*other))));
        }
    }

    pub(super) fn now(&self) -> CallTime {
        CallTime::ZERO + self.answered.elapsed()
    }

    pub(super) fn call<T>(&self, change: impl FnOnce(&mut ElksCall) -> T) -> T {
        self.shared.call(self.index, change)
    }
}
