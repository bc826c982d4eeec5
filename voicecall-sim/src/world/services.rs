//! The AI services without a network: the emulators' cores, asked directly.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use voicecall_core::agent::{AgentTask, OpId};
use voicecall_core::audio::{Frame, SAMPLE_RATE};
use voicecall_core::call::InputEvent;
use voicecall_core::model::{ChatRequest, ChatRole, TokenUsage, Transcript, WordTiming};
use voicecall_core::{CallTime, ErrorKind};

use super::events::Events;
use crate::clips::Library;
use crate::ears::Ears;
use crate::fault::{Fault, Faults, Rng, Site};
use crate::openai::Brain;
use crate::scenario::{Latency, Part, Question, Scenario};

/// Speech comes in pieces of 100 ms.
const PIECE: usize = SAMPLE_RATE as usize / 10;

/// Hears, thinks and speaks as a scenario says.
#[derive(Debug)]
pub(super) struct Services {
    brain: Brain,
    latency: Latency,
    ear: Rng,
    voice: Rng,
    faults: Faults,
    listening: BTreeMap<OpId, Vec<i16>>,
}

impl Services {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self {
            brain: Brain::new(scenario),
            latency: scenario.latency.clone(),
            ear: scenario.rng(Part::Ear),
            voice: scenario.rng(Part::Voice),
            faults: scenario.fault_plan().start(),
            listening: BTreeMap::new(),
        }
    }

    pub(super) fn start(&mut self, now: CallTime, op: OpId, task: AgentTask, events: &mut Events) {
        match task {
            AgentTask::Listen => {
                self.listening.insert(op, Vec::new());
            }
            AgentTask::Think(request) => self.think(now, op, &request, events),
            AgentTask::Speak(text) => self.speak(now, op, &text, events),
            _ => fail(now, op, ErrorKind::Unsupported, events),
        }
    }

    pub(super) fn hear(&mut self, op: OpId, frame: &Frame) {
        if let Some(audio) = self.listening.get_mut(&op) {
            audio.extend(frame.decode());
        }
    }

    pub(super) fn cancel(&mut self, op: OpId) {
        self.listening.remove(&op);
    }

    pub(super) fn finish(&mut self, now: CallTime, op: OpId, events: &mut Events) {
        let Some(audio) = self.listening.remove(&op) else { return };
        let after = self.latency.wait(self.latency.transcription, &mut self.ear);
        let heard = Ears::bundled().listen(&audio);
        let confidence =
            heard.words.iter().map(|word| word.confidence).fold(None, |least: Option<f32>, confidence| {
                Some(least.map_or(confidence, |least| least.min(confidence)))
            });
        let transcript = Transcript { text: heard.text(), confidence, language: None, is_final: true };
        events.push(now + after, Some(op), InputEvent::Ear { op, transcript });
        events.push(now + after, Some(op), InputEvent::Done { op });
        self.disturb(now, op, Site::OpenaiTranscription, events);
    }

    fn think(&mut self, now: CallTime, op: OpId, request: &ChatRequest, events: &mut Events) {
        let of_user = request.messages.iter().rev().find(|message| message.role == ChatRole::User);
        let question = Question {
            schema: request.schema.as_ref().map(|schema| schema.name.as_str()),
            messages: request.messages.iter().map(|message| message.content.as_str()).collect(),
            caller: of_user.map(|message| message.content.as_str()),
        };
        let Ok(reply) = self.brain.answer(&question, request.max_tokens as usize) else {
            return fail(now, op, ErrorKind::Unavailable, events);
        };
        let output = reply.tokens.len() as u64;
        let mut last = Duration::ZERO;
        for token in reply.tokens {
            last = token.after;
            events.push(now + token.after, Some(op), InputEvent::Token { op, text: token.text });
        }
        let usage = TokenUsage { input: reply.input_tokens as u64, cached: 0, output };
        events.push(now + last, Some(op), InputEvent::Usage { op, usage });
        events.push(now + last, Some(op), InputEvent::Done { op });
        self.disturb(now, op, Site::OpenaiChat, events);
    }

    fn speak(&mut self, now: CallTime, op: OpId, text: &str, events: &mut Events) {
        let Ok(speech) = Library::bundled().voice("agent", text) else {
            return fail(now, op, ErrorKind::Rejected, events);
        };
        let mut at = now + self.latency.wait(self.latency.speech, &mut self.voice);
        let words = speech.words.iter().map(|word| WordTiming {
            text: word.text.clone(),
            start: word.start as u64,
            end: word.end as u64,
        });
        let mut words: Vec<_> = words.collect();
        for piece in speech.audio.chunks(PIECE) {
            let words = std::mem::take(&mut words);
            events.push(at, Some(op), InputEvent::Speech { op, audio: Cow::Owned(piece.to_vec()), words });
            at = at + Duration::from_millis(100).div_f64(self.latency.speech_pace);
        }
        events.push(at, Some(op), InputEvent::Done { op });
        self.disturb(now, op, Site::OpenaiSpeech, events);
    }

    /// Lets a fault of the scenario strike an operation whose events were entered just now.
    fn disturb(&mut self, now: CallTime, op: OpId, site: Site, events: &mut Events) {
        match self.faults.draw(site) {
            None => {}
            Some(Fault::Latency { delay, .. }) => events.delay(op, 0, delay),
            // Stops after the first piece, then goes on.
            Some(Fault::Stall { length, .. }) => events.delay(op, 1, length),
            Some(Fault::AcceptThenDrop) => {
                let at = events.cut(op, 1).unwrap_or(now);
                fail(at, op, ErrorKind::Unavailable, events);
            }
            Some(Fault::RateLimit { .. }) => {
                events.cancel(op);
                fail(now, op, ErrorKind::RateLimited, events);
            }
            Some(_) => {
                events.cancel(op);
                fail(now, op, ErrorKind::Unavailable, events);
            }
        }
    }
}

fn fail(at: CallTime, op: OpId, kind: ErrorKind, events: &mut Events) {
    events.push(at, Some(op), InputEvent::Failed { op, kind });
}
