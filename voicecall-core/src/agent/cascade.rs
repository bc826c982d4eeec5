//! An agent of three services: one hears, one thinks, one speaks. Each operation is a task of its own.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{Instrument, instrument};

use super::no_voice::NoVoice;
use super::respond::{respond, write};
use super::{AgentEvent, AgentOperation, AgentSession, AgentSetup, AgentTask, OpId, SPEECH_CREDIT, VoiceAgent};
use crate::audio::{Frame, SAMPLE_RATE};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Breaker, ChatDelta, ChatRequest, LanguageModel, ServiceHealth, SpeechChunk, SpeechOptions, SpeechToText,
    TextToSpeech,
};

/// Frames said since the operation began that wait for a transcriber: 15 s.
const LISTENING_FRAMES: usize = 750;

/// The most samples in one event: 200 ms.
const EVENT_SAMPLES: usize = SAMPLE_RATE as usize / 5;

/// Events that wait to be taken. When they do, operations wait too.
const EVENTS: usize = 64;

/// A [`VoiceAgent`] made of a transcriber, a chat model and a synthesiser.
///
/// It owns no turns and speaks word for word. It neither repeats a request nor limits its time: services bring their
/// own limits, and whoever asks decides what to do about a failure.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use std::sync::Arc;
/// use voicecall_core::agent::{Cascade, VoiceAgent};
/// use voicecall_core::testing::{ScriptedModel, ScriptedTranscriber, ScriptedVoice};
///
/// let agent = Cascade::new(
///     Arc::new(ScriptedTranscriber::new().with_text("Yes, please")),
///     Arc::new(ScriptedModel::new().with_answer(["With ", "pleasure."])),
///     Arc::new(ScriptedVoice::new()),
/// );
/// assert!(agent.speaks_verbatim() && !agent.owns_turns());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cascade {
    stt: Arc<dyn SpeechToText>,
    llm: Arc<dyn LanguageModel>,
    tts: Arc<dyn TextToSpeech>,
    health: Vec<ServiceHealth>,
    has_voice: bool,
}

impl Cascade {
    /// An agent that hears with `stt`, thinks with `llm` and speaks with `tts`.
    #[must_use]
    pub fn new(stt: Arc<dyn SpeechToText>, llm: Arc<dyn LanguageModel>, tts: Arc<dyn TextToSpeech>) -> Self {
        Self { stt, llm, tts, health: Vec::new(), has_voice: true }
    }

    /// An agent that thinks with `llm` and neither hears nor speaks, for calls in which the carrier does both. Asked to, it
    /// fails as `Unsupported`.
    #[must_use]
    pub fn of_model(llm: Arc<dyn LanguageModel>) -> Self {
        Self { has_voice: false, ..Self::new(Arc::new(NoVoice), llm, Arc::new(NoVoice)) }
    }

    /// The same, with a [`Breaker`] before each service: calls do not wait for one that fails.
    #[must_use]
    pub fn with_breakers(self) -> Self {
        let [stt, llm, tts] = ["transcription", "chat", "speech"].map(ServiceHealth::new);
        Self {
            stt: Arc::new(Breaker::new(self.stt, stt.clone())),
            llm: Arc::new(Breaker::new(self.llm, llm.clone())),
            tts: Arc::new(Breaker::new(self.tts, tts.clone())),
            health: if self.has_voice { vec![stt, llm, tts] } else { vec![llm] },
            has_voice: self.has_voice,
        }
    }
}

#[async_trait]
impl VoiceAgent for Cascade {
    fn owns_turns(&self) -> bool {
        false
    }

    fn speaks_verbatim(&self) -> bool {
        true
    }

    fn has_voice(&self) -> bool {
        self.has_voice
    }

    fn services(&self) -> Vec<ServiceHealth> {
        self.health.clone()
    }

    async fn open(&self, setup: &AgentSetup) -> Result<Box<dyn AgentSession>> {
        Ok(Box::new(CascadeSession::new(self.clone(), setup.clone())))
    }
}

/// The cascade's side of one call.
#[derive(Debug)]
struct CascadeSession {
    services: Cascade,
    setup: AgentSetup,
    /// Owns every task: dropping the session aborts them all.
    tasks: JoinSet<()>,
    /// Operations whose end was neither taken nor asked for.
    running: HashMap<OpId, AbortHandle>,
    /// Where the audio of listening operations goes until they have all of it.
    listening: HashMap<OpId, mpsc::Sender<Frame>>,
    /// What speaking operations may still deliver, in samples.
    speaking: HashMap<OpId, Arc<Semaphore>>,
    sender: mpsc::Sender<(OpId, AgentEvent)>,
    events: mpsc::Receiver<(OpId, AgentEvent)>,
}

impl CascadeSession {
    fn new(services: Cascade, setup: AgentSetup) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        Self {
            services,
            setup,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            listening: HashMap::new(),
            speaking: HashMap::new(),
            sender,
            events,
        }
    }

    /// Runs an operation to its one end, be it a panic.
    fn spawn(&mut self, op: OpId, work: impl Future<Output = Result<()>> + Send + 'static, outbox: Outbox) {
        // Finished tasks stay in the set until somebody asks.
        while self.tasks.try_join_next().is_some() {}
        let task = async move {
            let end = match AssertUnwindSafe(work).catch_unwind().await {
                Ok(Ok(())) => AgentEvent::Done,
                Ok(Err(error)) => AgentEvent::Failed(error),
                Err(_) => {
                    tracing::error!(op = op.0, "an agent's operation panicked");
                    AgentEvent::Failed(Error::new(ErrorKind::Internal, "run agent operation"))
                }
            };
            outbox.post(end).await;
        };
        let handle = self.tasks.spawn(task.in_current_span());
        self.running.insert(op, handle);
    }
}

#[async_trait]
impl AgentSession for CascadeSession {
    fn provider(&self, operation: AgentOperation) -> &'static str {
        match operation {
            AgentOperation::Listen => self.services.stt.name(),
            // Of a response the model is the part that fails and is waited for.
            AgentOperation::Think | AgentOperation::Respond | AgentOperation::Write => self.services.llm.name(),
            AgentOperation::Speak => self.services.tts.name(),
        }
    }

    fn start(&mut self, op: OpId, task: AgentTask) {
        let outbox = Outbox::new(op, self.sender.clone());
        let (services, setup) = (self.services.clone(), self.setup.clone());
        match task {
            AgentTask::Listen { audio } => {
                let (sender, rest) = mpsc::channel(LISTENING_FRAMES);
                self.listening.insert(op, sender);
                self.spawn(op, listen(services.stt, setup, (audio, rest), outbox.clone()), outbox);
            }
            AgentTask::Think(request) => self.spawn(op, think(services.llm, request, outbox.clone()), outbox),
            AgentTask::Speak(text) => {
                let credit = Arc::new(Semaphore::new(SPEECH_CREDIT as usize));
                self.speaking.insert(op, Arc::clone(&credit));
                let voice = Voice { tts: services.tts, options: setup.speech, credit, outbox: outbox.clone() };
                self.spawn(op, async move { voice.speak(text, 0).await.map(drop) }, outbox);
            }
            AgentTask::Respond(request) => {
                let credit = Arc::new(Semaphore::new(SPEECH_CREDIT as usize));
                self.speaking.insert(op, Arc::clone(&credit));
                let voice = Voice { tts: services.tts, options: setup.speech, credit, outbox: outbox.clone() };
                self.spawn(op, respond(services.llm, request, voice), outbox);
            }
            AgentTask::Write(request) => {
                self.spawn(op, write(services.llm, request, outbox.clone(), None), outbox);
            }
        }
    }

    fn hear(&mut self, op: OpId, frame: &Frame) -> Result<()> {
        let closed = || Error::new(ErrorKind::Closed, "hear");
        let audio = self.listening.get(&op).ok_or_else(closed)?;
        audio.try_send(*frame).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Error::new(ErrorKind::RateLimited, "hear"),
            mpsc::error::TrySendError::Closed(_) => closed(),
        })
    }

    fn finish(&mut self, op: OpId) {
        self.listening.remove(&op);
    }

    fn grant(&mut self, op: OpId, samples: u64) {
        if let Some(credit) = self.speaking.get(&op) {
            // More than the semaphore can hold is as good as no limit.
            let free = Semaphore::MAX_PERMITS - credit.available_permits();
            credit.add_permits(usize::try_from(samples).unwrap_or(usize::MAX).min(free));
        }
    }

    fn cancel(&mut self, op: OpId) {
        self.listening.remove(&op);
        self.speaking.remove(&op);
        if let Some(handle) = self.running.remove(&op) {
            handle.abort();
        }
    }

    async fn next(&mut self) -> (OpId, AgentEvent) {
        // The only wait is for the channel, so a cancelled `next` has taken nothing.
        while let Some((op, event)) = self.events.recv().await {
            let current = match event {
                AgentEvent::Done | AgentEvent::Failed(_) => {
                    self.listening.remove(&op);
                    self.speaking.remove(&op);
                    self.running.remove(&op).is_some()
                }
                _ => self.running.contains_key(&op),
            };
            if current {
                return (op, event);
            }
        }
        // Not reached while the session holds a sender itself.
        std::future::pending().await
    }
}

/// Where an operation leaves its events.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    op: OpId,
    events: mpsc::Sender<(OpId, AgentEvent)>,
}

impl Outbox {
    const fn new(op: OpId, events: mpsc::Sender<(OpId, AgentEvent)>) -> Self {
        Self { op, events }
    }

    pub(super) async fn post(&self, event: AgentEvent) {
        // Without a receiver the session is gone and this task is about to be.
        let _ = self.events.send((self.op, event)).await;
    }
}

#[instrument(skip_all, fields(provider = stt.name()))]
async fn listen(
    stt: Arc<dyn SpeechToText>,
    setup: AgentSetup,
    (audio, mut rest): (Vec<Frame>, mpsc::Receiver<Frame>),
    outbox: Outbox,
) -> Result<()> {
    let rest = stream::poll_fn(move |context| rest.poll_recv(context));
    let frames = stream::iter(audio).chain(rest).boxed();
    let mut transcripts = stt.transcribe(frames, &setup.transcription);
    while let Some(transcript) = transcripts.next().await.transpose()? {
        let is_final = transcript.is_final;
        outbox.post(AgentEvent::Transcript(transcript)).await;
        if is_final {
            return Ok(());
        }
    }
    Err(broken("transcribe", stt.name(), "no final transcript"))
}

#[instrument(skip_all, fields(provider = llm.name()))]
async fn think(llm: Arc<dyn LanguageModel>, request: ChatRequest, outbox: Outbox) -> Result<()> {
    let mut answer = llm.chat(request);
    while let Some(delta) = answer.next().await.transpose()? {
        match delta {
            ChatDelta::Text(text) => outbox.post(AgentEvent::Token(text)).await,
            ChatDelta::Usage(usage) => outbox.post(AgentEvent::Usage(usage)).await,
            // None was offered.
            ChatDelta::ToolCall(_) => {}
        }
    }
    Ok(())
}

/// A synthesiser at the service of one operation.
#[derive(Debug)]
pub(super) struct Voice {
    tts: Arc<dyn TextToSpeech>,
    options: SpeechOptions,
    credit: Arc<Semaphore>,
    pub(super) outbox: Outbox,
}

impl Voice {
    /// Speaks `text` behind the `spoken` samples that the operation has delivered before. Returns how many those are then.
    #[instrument(skip_all, fields(provider = self.tts.name()))]
    pub(super) async fn speak(&self, text: String, mut spoken: u64) -> Result<u64> {
        // Punctuation alone may well have no sound.
        let audible = text.chars().any(char::is_alphanumeric);
        let begin = spoken;
        let mut speech = self.tts.synthesize(text, &self.options);
        while let Some(mut chunk) = speech.next().await.transpose()? {
            for word in &mut chunk.words {
                (word.start, word.end) = (word.start + begin, word.end + begin);
            }
            for piece in pieces(chunk) {
                spoken += piece.audio.len() as u64;
                // A piece is at most `EVENT_SAMPLES` long, which fits any integer.
                let samples = u32::try_from(piece.audio.len()).unwrap_or(u32::MAX);
                if let Ok(credit) = self.credit.acquire_many(samples).await {
                    credit.forget();
                }
                self.outbox.post(AgentEvent::Speech(piece)).await;
            }
        }
        if audible && spoken == begin {
            // As a success it would leave the caller in silence.
            return Err(broken("synthesize", self.tts.name(), "no audio"));
        }
        Ok(spoken)
    }
}

fn broken(operation: &'static str, provider: &'static str, message: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, operation).with_provider(provider).with_message(message)
}

/// Cuts a chunk so that no event is long; its words go with the first piece.
fn pieces(chunk: SpeechChunk) -> impl Iterator<Item = SpeechChunk> {
    let SpeechChunk { mut audio, words } = chunk;
    let mut words = Some(words).filter(|words| !words.is_empty());
    std::iter::from_fn(move || {
        if audio.is_empty() && words.is_none() {
            return None;
        }
        let piece: Bytes = audio.split_to(audio.len().min(EVENT_SAMPLES));
        Some(SpeechChunk { audio: piece, words: words.take().unwrap_or_default() })
    })
}

#[cfg(test)]
#[path = "cascade_tests.rs"]
mod tests;
