//! What a simulated call leaves: facts, both transcripts, both sides' audio, and a log that is equal for equal seeds.

use std::fmt::Write as _;

use voicecall_core::CallTime;
use voicecall_core::audio::Frame;
use voicecall_core::call::{Effect, Output};
use voicecall_core::journal::Fact;
use voicecall_core::store::EndReason;

use crate::caller::CallerLog;
use crate::phone::{MediaStats, Phone};

/// A call that was run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// When everything was over.
    pub ended_at: CallTime,
    /// Why the call ended.
    pub reason: Option<EndReason>,
    /// The journal, in order.
    pub facts: Vec<(CallTime, Fact)>,
    /// What the caller heard and said, by the caller's own ears.
    pub caller: CallerLog,
    /// What the carrier counted.
    pub phone: MediaStats,
    /// How often the application says that the phone ran dry in the middle of an utterance.
    pub underruns: u32,
    /// What the caller said, as mu-law at 8 kHz from the call's first instant on.
    pub caller_audio: Vec<u8>,
    /// What the caller heard, likewise.
    pub agent_audio: Vec<u8>,
    /// Every input of the machine as recorded, if the conversation recorded them.
    pub inputs: Option<Vec<u8>>,
    /// Everything the application sent and journaled, one event a line. Equal for equal seeds.
    pub log: String,
}

impl Report {
    /// What the application says the caller heard of it, sentence by sentence.
    #[must_use]
    pub fn said(&self) -> Vec<&str> {
        self.facts
            .iter()
            .filter_map(|(_, fact)| if let Fact::Said { heard, .. } = fact { Some(heard.as_str()) } else { None })
            .filter(|text| !text.is_empty())
            .collect()
    }

    /// What the application understood of the caller, turn by turn.
    #[must_use]
    pub fn heard(&self) -> Vec<&str> {
        self.facts
            .iter()
            .filter_map(|(_, fact)| if let Fact::Heard(turn) = fact { turn.text.as_deref() } else { None })
            .filter(|text| !text.is_empty())
            .collect()
    }
}

/// Collects a report.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    facts: Vec<(CallTime, Fact)>,
    reason: Option<EndReason>,
    log: String,
}

impl Recorder {
    pub(super) fn output(&mut self, now: CallTime, output: &Output) {
        match output {
            Output::Journal { at, fact, .. } => {
                // Writing to a string does not fail.
                let _ = writeln!(self.log, "{now} fact {}", serde_json::json!(fact));
                self.facts.push((*at, fact.clone()));
            }
            Output::Effect(Effect::HangUp(reason)) => self.reason = Some(*reason),
            // Nobody connects it again.
            Output::Effect(Effect::Reconnect) => self.reason = Some(EndReason::TechnicalFailure),
            _ => {}
        }
    }

    pub(super) fn sent(&mut self, now: CallTime, message: &str) {
        let _ = writeln!(self.log, "{now} sent {message}");
    }

    pub(super) fn finish(
        self,
        now: CallTime,
        caller: CallerLog,
        phone: &Phone,
        (underruns, inputs): (u32, Option<Vec<u8>>),
    ) -> Report {
        let (said, heard) = phone.recording();
        Report {
            ended_at: now,
            reason: self.reason,
            facts: self.facts,
            caller,
            phone: phone.stats(),
            underruns,
            caller_audio: said.to_vec(),
            // The phone's first tick, at 20 ms, takes what was said before it and plays what is heard after it.
            agent_audio: [Frame::SILENCE.as_bytes(), heard].concat(),
            inputs,
            log: self.log,
        }
    }
}
