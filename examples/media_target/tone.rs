//! The reply: a tone after each turn of the caller, through the whole call machine.

use std::f64::consts::TAU;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use voicecall::agent::{AgentEvent, AgentOperation, AgentSession, AgentTask, OpId};
use voicecall::audio::{Detection, FRAME_SAMPLES, Frame, SAMPLE_RATE, g711::mulaw};
use voicecall::call::{CallMachine, CallSettings, Conversation, Keep};
use voicecall::dialogue::{Action, Dialogue, DialogueEvent, Utterance, UtteranceId};
use voicecall::model::SpeechChunk;
use voicecall::{CallTime, Result, SessionId, async_trait};

use crate::counts::Counts;
use crate::detector::CountingDetector;
use crate::events::Events;

/// A call that answers every turn, at the default settings.
pub(crate) fn conversation(detection: Detection, counts: &Arc<Counts>) -> Conversation {
    let mut settings = CallSettings::new(SessionId::new());
    // Only what is kept reaches the sink.
    settings.keep = Keep::AfterConsent;
    let detector = CountingDetector::new(detection, false, counts);
    Conversation::new(CallMachine::with_detector(settings, Box::new(detector)), Box::new(Tone::default()))
}

/// Says a tone whenever the caller has finished a turn.
#[derive(Debug, Default)]
struct Tone {
    said: u32,
}

impl Dialogue for Tone {
    fn handle(&mut self, event: &DialogueEvent, _now: CallTime, actions: &mut Vec<Action>) {
        match event {
            DialogueEvent::Connected => actions.push(Action::GrantConsent),
            DialogueEvent::Heard(_) => {
                self.said += 1;
                let utterance = Utterance { id: UtteranceId(self.said), text: "tone".to_owned(), interruptible: true };
                actions.push(Action::Say(utterance));
            }
            _ => {}
        }
    }

    fn can_grant_consent(&self) -> bool {
        true
    }
}

/// One second of 440 Hz at a quarter of full scale.
static TONE: LazyLock<Bytes> = LazyLock::new(|| {
    let sample = |at: u32| 8000.0 * (TAU * 440.0 * f64::from(at) / f64::from(SAMPLE_RATE)).sin();
    (0..SAMPLE_RATE).map(|at| mulaw::encode(sample(at) as i16)).collect()
});

/// An agent that understands nothing and says a tone of one second, both at once.
#[derive(Debug)]
pub(crate) struct ToneAgent {
    events: Events,
    counts: Arc<Counts>,
}

impl ToneAgent {
    pub(crate) fn new(counts: &Arc<Counts>) -> Self {
        Self { events: Events::default(), counts: Arc::clone(counts) }
    }
}

#[async_trait]
impl AgentSession for ToneAgent {
    fn provider(&self, _operation: AgentOperation) -> &'static str {
        "media_target"
    }

    fn start(&mut self, op: OpId, task: AgentTask) {
        if let AgentTask::Speak(_) = task {
            self.counts.agent_frames.add((TONE.len() / FRAME_SAMPLES) as u64);
            self.events.push(op, AgentEvent::Speech(SpeechChunk { audio: TONE.clone(), words: Vec::new() }));
            self.events.push(op, AgentEvent::Done);
        }
    }

    fn hear(&mut self, _op: OpId, _frame: &Frame) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, op: OpId) {
        self.events.not_understood(op);
    }

    fn grant(&mut self, _op: OpId, _samples: u64) {}

    fn cancel(&mut self, op: OpId) {
        self.events.cancel(op);
    }

    async fn next(&mut self) -> (OpId, AgentEvent) {
        self.events.next().await
    }
}
