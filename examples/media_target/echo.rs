//! The echo: what is heard is said, frame by frame, through every stage a real call has.

use voicecall::agent::{AgentEvent, AgentOperation, AgentSession, AgentTask, OpId};
use voicecall::audio::{Detection, Frame, Framer, VoiceDetector};
use voicecall::call::{CallLogic, InputEvent, Output, Playout, SpeechId};
use voicecall::media::{MediaCommand, MediaEvent};
use voicecall::{CallTime, Result, async_trait};

const SPEECH: SpeechId = SpeechId(1);

/// A call that answers every frame with the same frame.
#[derive(Debug)]
pub(crate) struct Echo {
    framer: Framer,
    detector: Box<dyn VoiceDetector>,
    playout: Playout,
    finished: bool,
}

impl Echo {
    pub(crate) fn new(detection: Detection) -> Self {
        Self {
            framer: Framer::new(),
            detector: detection.detector(),
            playout: Playout::new(std::time::Duration::ZERO, false),
            finished: false,
        }
    }
}

impl CallLogic for Echo {
    fn handle(&mut self, now: CallTime, event: InputEvent<'_>, out: &mut Vec<Output>) {
        match event {
            InputEvent::Media(MediaEvent::Started(_)) => out.push(Output::Send(MediaCommand::Open)),
            InputEvent::Media(MediaEvent::Audio { payload: bytes, .. }) => {
                let Self { framer, detector, playout, .. } = self;
                framer.push(&bytes, |frame| {
                    let samples = frame.decode();
                    detector.is_voice(&samples);
                    playout.push(SPEECH, Frame::encode(&samples));
                });
            }
            InputEvent::Media(MediaEvent::Stopped) | InputEvent::Disconnected => self.finished = true,
            _ => {}
        }
        self.playout.advance(now, |command| out.push(Output::Send(command)));
    }

    fn wake_at(&self) -> Option<CallTime> {
        self.playout.next_send()
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}

/// An agent with nothing to say.
#[derive(Debug)]
pub(crate) struct Mute;

#[async_trait]
impl AgentSession for Mute {
    fn provider(&self, _operation: AgentOperation) -> &'static str {
        "media_target"
    }

    fn start(&mut self, _op: OpId, _task: AgentTask) {}

    fn hear(&mut self, _op: OpId, _frame: &Frame) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, _op: OpId) {}

    fn grant(&mut self, _op: OpId, _samples: u64) {}

    fn cancel(&mut self, _op: OpId) {}

    async fn next(&mut self) -> (OpId, AgentEvent) {
        std::future::pending().await
    }
}
