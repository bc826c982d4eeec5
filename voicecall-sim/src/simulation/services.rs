//! The AI services without a network: the emulators' cores, asked directly.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use voicecall_core::agent::{AgentTask, OpId, Respond, SPEECH_CREDIT, Sentences};
use voicecall_core::audio::{Frame, SAMPLE_RATE};
use voicecall_core::call::{Failure, InputEvent};
use voicecall_core::model::{ChatMessage, ChatRequest, TokenUsage, ToolCall, Transcript, WordTiming};
use voicecall_core::{CallTime, ErrorKind};

use super::events::Events;
use crate::clips::Library;
use crate::fault::{Fault, Faults, Rng, Site};
use crate::labels::Labels;
use crate::matcher::ClipMatcher;
use crate::openai::{Reply, ScriptedLlm};
use crate::scenario::{Latency, Part, Question, Scenario};

/// Speech comes in pieces of 100 ms.
const PIECE: usize = SAMPLE_RATE as usize / 10;

/// What an operation answers, and when.
type Answer = VecDeque<(CallTime, InputEvent<'static>)>;

/// Hears, thinks and speaks as a scenario says.
#[derive(Debug)]
pub(super) struct Services {
    llm: ScriptedLlm,
    latency: Latency,
    /// How speech is understood where it is not by clips.
    labels: Option<Labels>,
    ear: Rng,
    voice: Rng,
    faults: Faults,
    listening: BTreeMap<OpId, Vec<Frame>>,
    speaking: BTreeMap<OpId, Speaking>,
}

/// Speech that waits to be delivered.
#[derive(Debug)]
struct Speaking {
    rest: Answer,
    /// Samples that may still be delivered.
    credit: u64,
}

impl Services {
    pub(super) fn new(scenario: &Scenario, labels: Option<Labels>) -> Self {
        Self {
            llm: ScriptedLlm::of(scenario),
            latency: scenario.latency.clone(),
            labels,
            ear: scenario.rng(Part::Ear),
            voice: scenario.rng(Part::Voice),
            faults: scenario.fault_plan().start(),
            listening: BTreeMap::new(),
            speaking: BTreeMap::new(),
        }
    }

    pub(super) fn start(&mut self, now: CallTime, op: OpId, task: AgentTask, events: &mut Events) {
        match task {
            AgentTask::Listen { audio } => {
                self.listening.insert(op, audio);
            }
            AgentTask::Think(request) => {
                let mut answer = self.think(now, op, &request);
                self.disturb(now, op, Site::OpenaiChat, &mut answer);
                enter(op, answer, events);
            }
            AgentTask::Speak(text) => {
                let mut rest = self.speak(now, op, &text);
                self.disturb(now, op, Site::OpenaiSpeech, &mut rest);
                self.speaking.insert(op, Speaking { rest, credit: SPEECH_CREDIT });
                self.deliver(now, op, events);
            }
            AgentTask::Respond(request) => {
                let rest = self.respond(now, op, &request, events);
                self.speaking.insert(op, Speaking { rest, credit: SPEECH_CREDIT });
                self.deliver(now, op, events);
            }
            _ => enter(op, failed(now, op, ErrorKind::Unsupported), events),
        }
    }

    pub(super) fn hear(&mut self, op: OpId, frame: &Frame) {
        if let Some(audio) = self.listening.get_mut(&op) {
            audio.push(*frame);
        }
    }

    /// A voice may deliver more.
    pub(super) fn grant(&mut self, now: CallTime, op: OpId, samples: u64, events: &mut Events) {
        if let Some(speaking) = self.speaking.get_mut(&op) {
            speaking.credit += samples;
            self.deliver(now, op, events);
        }
    }

    pub(super) fn cancel(&mut self, op: OpId) {
        self.listening.remove(&op);
        self.speaking.remove(&op);
    }

    /// The caller's turn is complete: understands it.
    pub(super) fn finish(&mut self, now: CallTime, op: OpId, events: &mut Events) {
        let Some(audio) = self.listening.remove(&op) else { return };
        let at = now + self.latency.wait(self.latency.transcription, &mut self.ear);
        let (text, confidence) = match &self.labels {
            Some(labels) => (labels.read(audio), None),
            None => {
                let samples: Vec<i16> = audio.iter().flat_map(Frame::decode).collect();
                let heard = ClipMatcher::bundled().listen(&samples);
                // The ears' figure is a correlation, which rounding may take past one.
                (heard.text(), heard.confidence().map(|confidence| confidence.clamp(0.0, 1.0)))
            }
        };
        let transcript = Transcript { text, confidence, language: None, is_final: true };
        let mut answer = Answer::from([(at, InputEvent::Transcript { op, transcript }), (at, InputEvent::Done { op })]);
        self.disturb(now, op, Site::OpenaiTranscription, &mut answer);
        enter(op, answer, events);
    }

    fn think(&mut self, now: CallTime, op: OpId, request: &ChatRequest) -> Answer {
        let schema = request.schema.as_ref().map(|schema| schema.name.as_str());
        let Some(reply) = self.answer(schema, &request.messages, request.max_tokens) else {
            return failed(now, op, ErrorKind::Unavailable);
        };
        let output = reply.tokens.len() as u64;
        let tokens = reply.tokens.into_iter();
        let mut answer: Answer =
            tokens.map(|token| (now + token.after, InputEvent::Token { op, text: token.text })).collect();
        let last = answer.back().map_or(now, |(at, _)| *at);
        let usage = TokenUsage { input: reply.input_tokens as u64, cached: 0, output, ..TokenUsage::default() };
        answer.push_back((last, InputEvent::Usage { op, usage }));
        answer.push_back((last, InputEvent::Done { op }));
        answer
    }

    fn answer(&mut self, schema: Option<&str>, messages: &[ChatMessage], max_tokens: u32) -> Option<Reply> {
        self.llm.answer(&Question::of(schema, messages), max_tokens as usize).ok()
    }

    /// Answers aloud. Enters what is written at once, and returns what is spoken, which waits for credit.
    fn respond(&mut self, now: CallTime, op: OpId, request: &Respond, events: &mut Events) -> Answer {
        let mut written = match self.answer(None, &request.messages, request.max_tokens) {
            Some(reply) => write(now, op, reply),
            None => failed(now, op, ErrorKind::Unavailable),
        };
        self.disturb(now, op, Site::OpenaiChat, &mut written);
        let mut sentences = Sentences::new();
        let mut complete = Vec::new();
        let mut last = now;
        for (at, event) in &written {
            last = *at;
            if let InputEvent::Token { text, .. } = event {
                sentences.push(text);
                complete.extend(std::iter::from_fn(|| sentences.next_complete()).map(|sentence| (*at, sentence)));
            }
        }
        let has_failed = matches!(written.back(), Some((_, InputEvent::Failed { .. })));
        enter(op, written, events);
        complete.extend(sentences.finish().filter(|_| !has_failed).map(|rest| (last, rest)));

        let mut spoken = Answer::new();
        let (mut free, mut samples) = (now, 0);
        for (at, sentence) in complete {
            let mut speech = self.speak(at.max(free), op, &sentence);
            speech.pop_back_if(|(_, event)| matches!(event, InputEvent::Done { .. }));
            spoken.push_back((at.max(free), InputEvent::Segment { op, text: sentence }));
            let begin = samples;
            for (at, event) in &mut speech {
                free = *at;
                if let InputEvent::Speech { audio, words, .. } = event {
                    samples += audio.len() as u64;
                    words.iter_mut().for_each(|word| (word.start, word.end) = (word.start + begin, word.end + begin));
                }
            }
            spoken.append(&mut speech);
        }
        if !has_failed {
            spoken.push_back((free.max(last), InputEvent::Done { op }));
        }
        self.disturb(now, op, Site::OpenaiSpeech, &mut spoken);
        spoken
    }

    fn speak(&mut self, now: CallTime, op: OpId, text: &str) -> Answer {
        let Some((audio, mut words)) = self.voice_of(text) else {
            return failed(now, op, ErrorKind::Rejected);
        };
        let mut at = now + self.latency.wait(self.latency.speech, &mut self.voice);
        let mut answer = Answer::new();
        for piece in audio.chunks(PIECE) {
            let words = std::mem::take(&mut words);
            answer.push_back((at, InputEvent::Speech { op, audio: Cow::Owned(piece.to_vec()), words }));
            at = at + Duration::from_millis(100).div_f64(self.latency.speech_pace);
        }
        answer.push_back((at, InputEvent::Done { op }));
        answer
    }

    /// The sound of a text and the places of its words.
    fn voice_of(&self, text: &str) -> Option<(Vec<u8>, Vec<WordTiming>)> {
        let speech = match &self.labels {
            Some(labels) => (*labels.speak("agent", text)).clone(),
            None => Library::bundled().voice("agent", text).ok()?,
        };
        let words = speech.words.iter().map(Into::into).collect();
        Some((speech.audio, words))
    }

    /// Lets a voice go on as far as its credit reaches.
    fn deliver(&mut self, now: CallTime, op: OpId, events: &mut Events) {
        let Some(speaking) = self.speaking.get_mut(&op) else { return };
        let credit = &mut speaking.credit;
        while let Some((at, event)) =
            speaking.rest.pop_front_if(|(_, event)| *credit > 0 || !matches!(event, InputEvent::Speech { .. }))
        {
            if let InputEvent::Speech { audio, .. } = &event {
                *credit = credit.saturating_sub(audio.len() as u64);
            }
            events.push(at.max(now), Some(op), event);
        }
        if speaking.rest.is_empty() {
            self.speaking.remove(&op);
        }
    }

    /// Lets a fault of the scenario strike the answer of an operation.
    fn disturb(&mut self, now: CallTime, op: OpId, site: Site, answer: &mut Answer) {
        let delay = |answer: &mut Answer, skip: usize, by: Duration| {
            answer.iter_mut().skip(skip).for_each(|(at, _)| *at = *at + by);
        };
        match self.faults.draw(site) {
            None => {}
            Some(Fault::Latency { delay: by, .. }) => delay(answer, 0, by),
            // Stops after the first piece, then goes on.
            Some(Fault::Stall { length, .. }) => delay(answer, 1, length),
            Some(Fault::AcceptThenDrop) => {
                let at = answer.get(1).map_or(now, |(at, _)| *at);
                answer.truncate(1);
                answer.extend(failed(at, op, ErrorKind::Unavailable));
            }
            Some(Fault::RateLimit { retry_after }) => {
                *answer = failed(now, op, Failure { kind: ErrorKind::RateLimited, retry_after });
            }
            Some(_) => *answer = failed(now, op, ErrorKind::Unavailable),
        }
    }
}

/// What a model writes: words, calls, the end.
fn write(now: CallTime, op: OpId, reply: Reply) -> Answer {
    let output = reply.tokens.len() as u64;
    let tokens = reply.tokens.into_iter();
    let mut written: Answer =
        tokens.map(|token| (now + token.after, InputEvent::Token { op, text: token.text })).collect();
    let mut last = written.back().map_or(now, |(at, _)| *at);
    for (number, call) in (1..).zip(reply.calls) {
        last = call.pieces.last().map_or(last, |piece| now + piece.after);
        let arguments = call.pieces.into_iter().map(|piece| piece.text).collect();
        // Equal for equal seeds, unlike the names of a real service, and unique in the call.
        let call = ToolCall { id: format!("call_{}_{number}", op.0), name: call.name, arguments };
        written.push_back((last, InputEvent::ToolCall { op, call }));
    }
    let usage = TokenUsage { input: reply.input_tokens as u64, cached: 0, output, ..TokenUsage::default() };
    written.push_back((last, InputEvent::Usage { op, usage }));
    written.push_back((last, InputEvent::TextDone { op }));
    written
}

fn enter(op: OpId, answer: Answer, events: &mut Events) {
    for (at, event) in answer {
        events.push(at, Some(op), event);
    }
}

fn failed(at: CallTime, op: OpId, failure: impl Into<Failure>) -> Answer {
    Answer::from([(at, InputEvent::Failed { op, failure: failure.into() })])
}
