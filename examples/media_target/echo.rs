//! The echo: an agent whose speech is what it hears, in a call like any other.
//!
//! What a call's agent hears is turns. So that it hears every frame, the caller's turn is held open: the detector labels
//! each frame, and its labels are counted, but all are passed on as voice. A turn is cut off after a second, and the
//! next begins with the next frame. For each turn the dialogue has one utterance, which cannot be interrupted and is
//! spoken while the caller speaks. Calls with different detectors differ in nothing but the detector.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use voicecall::agent::{AgentEvent, AgentOperation, AgentSession, AgentTask, OpId, SPEECH_CREDIT};
use voicecall::audio::{Detection, FRAME_DURATION, FRAME_SAMPLES, Frame};
use voicecall::call::{CallMachine, CallSettings, Conversation, Keep};
use voicecall::dialogue::{Action, Dialogue, DialogueEvent, Utterance, UtteranceId};
use voicecall::model::SpeechChunk;
use voicecall::{CallTime, Error, ErrorKind, Result, SessionId, async_trait};

use crate::counts::Counts;
use crate::detector::CountingDetector;
use crate::events::Events;

/// How long a turn lasts. What was heard of it is kept until it was transcribed.
const TURN: Duration = Duration::from_secs(1);

/// The most an agent keeps that it has heard and cannot say yet: what it may say without being granted more.
const MOST_UNSAID: usize = SPEECH_CREDIT as usize / FRAME_SAMPLES;

/// A call that answers every frame with the same frame.
pub(crate) fn conversation(detection: Detection, counts: &Arc<Counts>) -> Conversation {
    let mut settings = CallSettings::new(SessionId::new());
    settings.turn.min_speech = FRAME_DURATION;
    settings.turn.max_turn = TURN;
    // Only what is kept reaches the sink.
    settings.keep = Keep::AfterConsent;
    let detector = CountingDetector::new(detection, true, counts);
    Conversation::new(CallMachine::with_detector(settings, Box::new(detector)), Box::new(Echo::default()))
}

/// Says one utterance after the other.
#[derive(Debug, Default)]
struct Echo {
    said: u32,
}

impl Dialogue for Echo {
    fn handle(&mut self, event: &DialogueEvent, _now: CallTime, actions: &mut Vec<Action>) {
        match event {
            DialogueEvent::Connected => actions.push(Action::GrantConsent),
            DialogueEvent::Spoken(_) | DialogueEvent::BrokeOff { .. } => {}
            _ => return,
        }
        self.said += 1;
        let utterance = Utterance { id: UtteranceId(self.said), text: "echo".to_owned(), interruptible: false };
        actions.push(Action::Say(utterance));
    }

    fn can_grant_consent(&self) -> bool {
        true
    }
}

/// An agent that says what it hears, frame by frame, until the turn ends.
#[derive(Debug)]
pub(crate) struct EchoAgent {
    listening: Option<OpId>,
    speaking: Option<Speaking>,
    /// Heard, and not said yet.
    unsaid: VecDeque<Frame>,
    events: Events,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Speaking {
    op: OpId,
    /// Samples it may deliver before it is granted more.
    credit: u64,
    said: bool,
}

impl EchoAgent {
    pub(crate) fn new(counts: &Arc<Counts>) -> Self {
        Self {
            listening: None,
            speaking: None,
            unsaid: VecDeque::with_capacity(4),
            events: Events::default(),
            counts: Arc::clone(counts),
        }
    }

    fn speak(&mut self) {
        let Some(speaking) = &mut self.speaking else { return };
        while speaking.credit >= FRAME_SAMPLES as u64
            && let Some(frame) = self.unsaid.pop_front()
        {
            // What it says is what it heard, as any agent would: from samples.
            let said = Frame::encode(&frame.decode());
            let audio = said.as_bytes().to_vec().into();
            self.events.push(speaking.op, AgentEvent::Speech(SpeechChunk { audio, words: Vec::new() }));
            self.counts.agent_frames.add(1);
            speaking.credit -= FRAME_SAMPLES as u64;
            speaking.said = true;
        }
    }
}

#[async_trait]
impl AgentSession for EchoAgent {
    fn provider(&self, _operation: AgentOperation) -> &'static str {
        "media_target"
    }

    fn start(&mut self, op: OpId, task: AgentTask) {
        match task {
            AgentTask::Listen { audio } => {
                self.listening = Some(op);
                self.unsaid.extend(audio);
            }
            AgentTask::Speak(_) => self.speaking = Some(Speaking { op, credit: SPEECH_CREDIT, said: false }),
            _ => {}
        }
        self.speak();
    }

    fn hear(&mut self, op: OpId, frame: &Frame) -> Result<()> {
        if self.listening != Some(op) {
            return Err(Error::new(ErrorKind::Closed, "hear"));
        }
        if self.unsaid.len() >= MOST_UNSAID {
            return Err(Error::new(ErrorKind::RateLimited, "hear"));
        }
        self.unsaid.push_back(*frame);
        self.speak();
        Ok(())
    }

    fn finish(&mut self, op: OpId) {
        self.listening.take_if(|listening| *listening == op);
        if let Some(speaking) = self.speaking.take_if(|speaking| speaking.said) {
            self.events.push(speaking.op, AgentEvent::Done);
        }
        self.events.not_understood(op);
    }

    fn grant(&mut self, op: OpId, samples: u64) {
        if let Some(speaking) = self.speaking.as_mut().filter(|speaking| speaking.op == op) {
            speaking.credit += samples;
            self.speak();
        }
    }

    fn cancel(&mut self, op: OpId) {
        self.events.cancel(op);
        self.listening.take_if(|listening| *listening == op);
        self.speaking.take_if(|speaking| speaking.op == op);
    }

    async fn next(&mut self) -> (OpId, AgentEvent) {
        self.events.next().await
    }
}
