//! The AI services as a cascade that hears, thinks and speaks in virtual time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::{Instant, sleep, sleep_until};
use voicecall_core::agent::Cascade;
use voicecall_core::audio::{Frame, SAMPLE_RATE};
use voicecall_core::model::{
    ChatDelta, ChatRequest, LanguageModel, ResultStream, SpeechChunk, SpeechOptions, SpeechToText, TextToSpeech,
    TokenUsage, ToolCall, Transcript, TranscriptionOptions, WordTiming,
};
use voicecall_core::{Error, ErrorKind, Result};

use crate::fault::{Fault, FaultPlan, Faults, Rng, Site};
use crate::labels::Labels;
use crate::openai::ScriptedLlm;
use crate::scenario::{Latency, Part, Question};

const NAME: &str = "sim";

/// Speech comes in pieces of 100 ms.
const PIECE: usize = SAMPLE_RATE as usize / 10;

/// The services of one run. Clones share everything.
#[derive(Debug, Clone)]
pub(super) struct Services(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    labels: Labels,
    latency: Latency,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    llm: Option<ScriptedLlm>,
    faults: Faults,
    ear: Rng,
    voice: Rng,
    asked: Vec<ChatRequest>,
    unanswered: Option<String>,
}

impl Services {
    pub(super) fn new(llm: Option<ScriptedLlm>, latency: Latency, faults: &FaultPlan, labels: Labels) -> Self {
        let rng = |part: Part| Rng::fork(faults.seed, part as u64);
        let (ear, voice) = (rng(Part::Ear), rng(Part::Voice));
        let state = State { llm, faults: faults.start(), ear, voice, asked: Vec::new(), unanswered: None };
        Self(Arc::new(Shared { labels, latency, state: Mutex::new(state) }))
    }

    /// All three as one agent.
    pub(super) fn agent(&self) -> Cascade {
        Cascade::new(Arc::new(self.clone()), Arc::new(self.clone()), Arc::new(self.clone()))
    }

    /// What the model was asked.
    pub(super) fn asked(&self) -> Vec<ChatRequest> {
        self.state().asked.clone()
    }

    /// What the model was asked first that no script answers.
    pub(super) fn unanswered(&self) -> Option<String> {
        self.state().unanswered.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of the application leaves the services usable.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, typical: Duration, rng: impl FnOnce(&mut State) -> &mut Rng) -> Duration {
        self.0.latency.wait(typical, rng(&mut self.state()))
    }

    /// Lets a fault strike an answer.
    fn disturb<T: Send + 'static>(&self, site: Site, answer: ResultStream<T>) -> ResultStream<T> {
        let fault = self.state().faults.draw(site);
        let error = |kind| Err(Error::new(kind, "ask simulated service").with_provider(NAME));
        match fault {
            None => answer,
            Some(Fault::Latency { delay, .. }) => delayed(answer, 0, delay),
            // Stops after the first piece, then goes on.
            Some(Fault::Stall { length, .. }) => delayed(answer, 1, length),
            Some(Fault::AcceptThenDrop) => answer.take(1).chain(stream::iter([error(ErrorKind::Unavailable)])).boxed(),
            Some(Fault::RateLimit { retry_after }) => {
                let error = Error::new(ErrorKind::RateLimited, "ask simulated service").with_provider(NAME);
                let error = retry_after.into_iter().fold(error, Error::with_retry_after);
                stream::iter([Err(error)]).boxed()
            }
            Some(_) => stream::iter([error(ErrorKind::Unavailable)]).boxed(),
        }
    }

    /// What the model writes, with its times after the question.
    fn think(&self, request: &ChatRequest) -> Result<Vec<(Duration, ChatDelta)>> {
        let mut state = self.state();
        state.asked.push(request.clone());
        let Some(llm) = &mut state.llm else {
            let what = "a script for the language model: .model(ScriptedLlm::new([…]))".to_owned();
            state.unanswered.get_or_insert(what);
            return Err(Error::new(ErrorKind::Rejected, "ask simulated model").with_provider(NAME));
        };
        let schema = request.schema.as_ref().map(|schema| schema.name.as_str());
        let question = Question::of(schema, &request.messages);
        let reply = match llm.answer(&question, request.max_tokens as usize) {
            Ok(reply) => reply,
            Err(error) => {
                state.unanswered.get_or_insert(error.to_string());
                return Err(Error::new(ErrorKind::Rejected, "ask simulated model").with_provider(NAME));
            }
        };
        let output = reply.tokens.len() as u64;
        let mut deltas: Vec<_> =
            reply.tokens.into_iter().map(|token| (token.after, ChatDelta::Text(token.text))).collect();
        let mut last = deltas.last().map_or(Duration::ZERO, |(after, _)| *after);
        for call in reply.calls {
            last = call.pieces.last().map_or(last, |piece| piece.after);
            let arguments = call.arguments();
            deltas.push((last, ChatDelta::ToolCall(ToolCall { id: call.id, name: call.name, arguments })));
        }
        let usage = TokenUsage { input: reply.input_tokens as u64, cached: 0, output, ..TokenUsage::default() };
        deltas.push((last, ChatDelta::Usage(usage)));
        Ok(deltas)
    }
}

/// The same items, but the one at `place` and all behind it come later.
fn delayed<T: Send + 'static>(items: ResultStream<T>, place: usize, by: Duration) -> ResultStream<T> {
    let wait = move |(at, item)| async move {
        if at == place {
            sleep(by).await;
        }
        item
    };
    items.enumerate().then(wait).boxed()
}

/// Items at their times from now on.
fn timed<T: Send + 'static>(items: Vec<(Duration, T)>) -> ResultStream<T> {
    let asked = Instant::now();
    let wait = move |(after, item)| async move {
        sleep_until(asked + after).await;
        Ok(item)
    };
    stream::iter(items).then(wait).boxed()
}

impl SpeechToText for Services {
    fn name(&self) -> &'static str {
        NAME
    }

    fn transcribe(&self, audio: BoxStream<'static, Frame>, _: &TranscriptionOptions) -> ResultStream<Transcript> {
        let services = self.clone();
        let heard = async move {
            let frames: Vec<Frame> = audio.collect().await;
            let wait = services.wait(services.0.latency.transcription, |state| &mut state.ear);
            sleep(wait).await;
            let text = services.0.labels.read(frames);
            Ok(Transcript { text, confidence: None, language: None, is_final: true })
        };
        self.disturb(Site::OpenaiTranscription, stream::once(heard).boxed())
    }
}

impl LanguageModel for Services {
    fn name(&self) -> &'static str {
        NAME
    }

    fn chat(&self, request: ChatRequest) -> ResultStream<ChatDelta> {
        let answer = match self.think(&request) {
            Ok(deltas) => timed(deltas),
            Err(error) => stream::iter([Err(error)]).boxed(),
        };
        self.disturb(Site::OpenaiChat, answer)
    }
}

impl TextToSpeech for Services {
    fn name(&self) -> &'static str {
        NAME
    }

    fn synthesize(&self, text: String, _: &SpeechOptions) -> ResultStream<SpeechChunk> {
        let first = self.wait(self.0.latency.speech, |state| &mut state.voice);
        let speech = self.0.labels.speak("agent", &text);
        let mut words: Vec<WordTiming> = speech.words.iter().map(Into::into).collect();
        let pace = Duration::from_millis(100).div_f64(self.0.latency.speech_pace);
        let pieces = (0..).zip(speech.audio.chunks(PIECE)).map(|(number, piece)| {
            let chunk = SpeechChunk { audio: Bytes::copy_from_slice(piece), words: std::mem::take(&mut words) };
            (first + pace * number, chunk)
        });
        self.disturb(Site::OpenaiSpeech, timed(pieces.collect()))
    }
}
