//! The reply: a tone after each turn of the caller, through the whole call machine.

use std::collections::VecDeque;
use std::f64::consts::TAU;

use tokio::sync::Notify;
use voicecall::agent::{AgentEvent, AgentOperation, AgentSession, AgentTask, OpId};
use voicecall::audio::{Frame, SAMPLE_RATE, g711::mulaw};
use voicecall::dialogue::{Action, Dialogue, DialogueEvent, Utterance, UtteranceId};
use voicecall::model::{SpeechChunk, Transcript};
use voicecall::{CallTime, Result, async_trait};

/// Says a tone whenever the caller has finished a turn.
#[derive(Debug, Default)]
pub(crate) struct Tone {
    said: u32,
}

impl Dialogue for Tone {
    fn handle(&mut self, event: &DialogueEvent, _now: CallTime, actions: &mut Vec<Action>) {
        if let DialogueEvent::Heard(_) = event {
            self.said += 1;
            let utterance = Utterance { id: UtteranceId(self.said), text: "tone".to_owned(), interruptible: true };
            actions.push(Action::Say(utterance));
        }
    }
}

/// An agent that understands nothing and says a tone of one second, both at once.
#[derive(Debug, Default)]
pub(crate) struct ToneAgent {
    events: VecDeque<(OpId, AgentEvent)>,
    ready: Notify,
}

impl ToneAgent {
    fn push(&mut self, op: OpId, event: AgentEvent) {
        self.events.push_back((op, event));
        self.events.push_back((op, AgentEvent::Done));
        self.ready.notify_one();
    }
}

/// One second of 440 Hz at a quarter of full scale.
fn tone() -> Vec<u8> {
    let sample = |at: u32| 8000.0 * (TAU * 440.0 * f64::from(at) / f64::from(SAMPLE_RATE)).sin();
    (0..SAMPLE_RATE).map(|at| mulaw::encode(sample(at) as i16)).collect()
}

#[async_trait]
impl AgentSession for ToneAgent {
    fn provider(&self, _operation: AgentOperation) -> &'static str {
        "media_target"
    }

    fn start(&mut self, op: OpId, task: AgentTask) {
        if let AgentTask::Speak(_) = task {
            self.push(op, AgentEvent::Speech(SpeechChunk { audio: tone().into(), words: Vec::new() }));
        }
    }

    fn hear(&mut self, _op: OpId, _frame: &Frame) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, op: OpId) {
        let transcript = Transcript { text: String::new(), confidence: None, language: None, is_final: true };
        self.push(op, AgentEvent::Transcript(transcript));
    }

    fn grant(&mut self, _op: OpId, _samples: u64) {}

    fn cancel(&mut self, op: OpId) {
        self.events.retain(|(of, _)| *of != op);
    }

    async fn next(&mut self) -> (OpId, AgentEvent) {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            self.ready.notified().await;
        }
    }
}
