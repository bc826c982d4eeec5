//! What the calls have done, counted for the program's last line.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use voicecall::audio::Frame;
use voicecall::call::{CallSink, Effect, Exchange};
use voicecall::carrier::Say;
use voicecall::journal::Fact;
use voicecall::{CallTime, PhoneNumber};

/// One number, counted by all calls.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.load(Ordering::Relaxed).fmt(f)
    }
}

/// What all calls together have done since the program began.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: Count,
    /// Turns of callers that were transcribed and told to the dialogue.
    pub(crate) turns: Count,
    /// Frames in which the configured detector heard a voice.
    pub(crate) voiced_frames: Count,
    /// Frames of speech that agents delivered.
    pub(crate) agent_frames: Count,
    /// Rows of the heard ledger, one for each utterance, and of the latency ledger, one for each turn that was answered.
    pub(crate) ledger_rows: Count,
}

/// One line of JSON.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, turns, voiced_frames, agent_frames, ledger_rows } = self;
        write!(f, r#"{{"calls":{calls},"turns":{turns},"voiced_frames":{voiced_frames},"#)?;
        write!(f, r#""agent_frames":{agent_frames},"ledger_rows":{ledger_rows}}}"#)
    }
}

/// A sink that counts what a store would be given, and keeps none of it.
#[derive(Debug)]
pub(crate) struct CountingSink(pub(crate) Arc<Counts>);

impl CallSink for CountingSink {
    fn journal(&mut self, _seq: u64, _at: CallTime, fact: Fact) {
        match fact {
            Fact::Heard(_) => self.0.turns.add(1),
            Fact::Said { .. } | Fact::Latency(_) => self.0.ledger_rows.add(1),
            _ => {}
        }
    }

    fn record(&mut self, _at: CallTime, _caller: Frame, _agent: Frame) {}
    fn effect(&mut self, _effect: Effect) {}
    fn transfer(&mut self, _to: PhoneNumber, _announcement: Option<Say>) {}
    fn exchanged(&mut self, _exchange: Exchange) {}

    async fn stored(&mut self) -> u64 {
        std::future::pending().await
    }
}
