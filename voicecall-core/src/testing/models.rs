//! AI services that follow a script: each request plays the next one, step by step, faults included.

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;
use futures_util::stream;

use crate::audio::{Frame, g711::mulaw};
use crate::error::{Error, ErrorKind};
use crate::model::{
    ChatDelta, ChatRequest, LanguageModel, ResultStream, SpeechChunk, SpeechOptions, SpeechToText, TextToSpeech,
    Transcript, TranscriptionOptions,
};

/// What one request is answered with: steps that are carried out in order.
///
/// ```
/// use std::time::Duration;
/// use voicecall_core::ErrorKind;
/// use voicecall_core::model::ChatDelta;
/// use voicecall_core::testing::Script;
///
/// let slow_then_broken = Script::new()
///     .pause(Duration::from_secs(1))
///     .item(ChatDelta::Text("Well".into()))
///     .fail(ErrorKind::Unavailable);
/// ```
#[derive(Debug, Clone)]
pub struct Script<T>(VecDeque<Step<T>>);

#[derive(Debug, Clone)]
enum Step<T> {
    Item(T),
    Pause(Duration),
    Stall,
    Fail(ErrorKind),
    Panic,
}

impl<T> Script<T> {
    /// A script that ends at once.
    #[must_use]
    pub fn new() -> Self {
        Self(VecDeque::new())
    }

    /// Then gives an item.
    #[must_use]
    pub fn item(self, item: T) -> Self {
        self.then(Step::Item(item))
    }

    /// Then waits.
    #[must_use]
    pub fn pause(self, duration: Duration) -> Self {
        self.then(Step::Pause(duration))
    }

    /// Then waits for ever.
    #[must_use]
    pub fn stall(self) -> Self {
        self.then(Step::Stall)
    }

    /// Then fails.
    #[must_use]
    pub fn fail(self, kind: ErrorKind) -> Self {
        self.then(Step::Fail(kind))
    }

    /// Then panics, as a broken service would.
    #[must_use]
    pub fn panic(self) -> Self {
        self.then(Step::Panic)
    }

    fn then(mut self, step: Step<T>) -> Self {
        self.0.push_back(step);
        self
    }
}

impl<T> Default for Script<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The scripts still to be played, the requests seen, and how far the answers were read.
pub(super) struct Stage<T, R> {
    scripts: Mutex<VecDeque<Script<T>>>,
    requests: Mutex<Vec<R>>,
    given: Arc<AtomicUsize>,
    running: Arc<AtomicUsize>,
}

impl<T: Send + 'static, R> Stage<T, R> {
    pub(super) fn new() -> Self {
        Self { scripts: Mutex::default(), requests: Mutex::default(), given: Arc::default(), running: Arc::default() }
    }

    pub(super) fn add(&self, script: Script<T>) {
        lock(&self.scripts).push_back(script);
    }

    /// Takes the next script away.
    pub(super) fn skip(&self) {
        lock(&self.scripts).pop_front();
    }

    /// Takes over the scripts of another stage, behind its own.
    pub(super) fn append(&self, other: &Self) {
        let mut scripts = std::mem::take(&mut *lock(&other.scripts));
        lock(&self.scripts).append(&mut scripts);
    }

    pub(super) fn note(&self, request: R) {
        lock(&self.requests).push(request);
    }

    /// Begins the next script. What goes beyond the last script is a failure, so that a test notices it.
    pub(super) fn play(&self) -> ResultStream<T> {
        let script = lock(&self.scripts).pop_front().unwrap_or_else(|| Script::new().fail(ErrorKind::Internal));
        let running = Running::enter(&self.running);
        let given = Arc::clone(&self.given);
        let steps = (script.0, given, running);
        stream::unfold(steps, |(mut script, given, running)| async move {
            loop {
                match script.pop_front()? {
                    Step::Item(item) => {
                        given.fetch_add(1, Ordering::SeqCst);
                        return Some((Ok(item), (script, given, running)));
                    }
                    Step::Pause(duration) => tokio::time::sleep(duration).await,
                    Step::Stall => std::future::pending().await,
                    Step::Fail(kind) => {
                        let error = Error::new(kind, "play script").with_provider("scripted");
                        return Some((Err(error), (VecDeque::new(), given, running)));
                    }
                    Step::Panic => std::panic::panic_any("the script panics"),
                }
            }
        })
        .boxed()
    }
}

impl<T, R: Clone> Stage<T, R> {
    pub(super) fn requests(&self) -> Vec<R> {
        lock(&self.requests).clone()
    }
}

impl<T, R> Debug for Stage<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("left", &lock(&self.scripts).len()).finish_non_exhaustive()
    }
}

/// A lock that survives a panicking script.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts the answers that are neither read to their end nor dropped.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn enter(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

macro_rules! observations {
    () => {
        /// How many items all answers together have given so far.
        #[must_use]
        pub fn given(&self) -> usize {
            self.stage.given.load(Ordering::SeqCst)
        }

        /// How many answers are neither complete nor dropped.
        #[must_use]
        pub fn running(&self) -> usize {
            self.stage.running.load(Ordering::SeqCst)
        }
    };
}

/// A transcriber that listens to the end of the turn and then follows its script.
#[derive(Debug)]
pub struct ScriptedTranscriber {
    stage: Arc<Stage<Transcript, TranscriptionOptions>>,
    turns: Arc<Mutex<Vec<Vec<Frame>>>>,
}

impl ScriptedTranscriber {
    /// A transcriber without scripts.
    #[must_use]
    pub fn new() -> Self {
        Self { stage: Arc::new(Stage::new()), turns: Arc::default() }
    }

    /// Adds the script of one more turn.
    #[must_use]
    pub fn with_script(self, script: Script<Transcript>) -> Self {
        self.stage.add(script);
        self
    }

    /// Adds a turn in which `text` is understood.
    #[must_use]
    pub fn with_text(self, text: &str) -> Self {
        let transcript = Transcript { text: text.to_owned(), confidence: None, language: None, is_final: true };
        self.with_script(Script::new().item(transcript))
    }

    /// The options of all turns so far.
    #[must_use]
    pub fn requests(&self) -> Vec<TranscriptionOptions> {
        self.stage.requests()
    }

    /// The audio of all turns that were heard to their end.
    #[must_use]
    pub fn turns(&self) -> Vec<Vec<Frame>> {
        lock(&self.turns).clone()
    }

    observations!();
}

impl Default for ScriptedTranscriber {
    fn default() -> Self {
        Self::new()
    }
}

impl SpeechToText for ScriptedTranscriber {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn transcribe(&self, audio: BoxStream<'static, Frame>, options: &TranscriptionOptions) -> ResultStream<Transcript> {
        self.stage.note(options.clone());
        let turns = Arc::clone(&self.turns);
        let listen = async move {
            let frames = audio.collect().await;
            lock(&turns).push(frames);
        };
        let script = self.stage.play();
        stream::once(listen).map(|()| None).chain(script.map(Some)).filter_map(std::future::ready).boxed()
    }
}

/// A chat model that follows its scripts.
#[derive(Debug)]
pub struct ScriptedModel {
    stage: Stage<ChatDelta, ChatRequest>,
}

impl ScriptedModel {
    /// A model without scripts.
    #[must_use]
    pub fn new() -> Self {
        Self { stage: Stage::new() }
    }

    /// Adds the script of one more answer.
    #[must_use]
    pub fn with_script(self, script: Script<ChatDelta>) -> Self {
        self.stage.add(script);
        self
    }

    /// Adds an answer of these pieces.
    #[must_use]
    pub fn with_answer<'a>(self, pieces: impl IntoIterator<Item = &'a str>) -> Self {
        let texts = pieces.into_iter().map(|text| ChatDelta::Text(text.to_owned()));
        self.with_script(texts.fold(Script::new(), Script::item))
    }

    /// All requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.stage.requests()
    }

    observations!();
}

impl Default for ScriptedModel {
    fn default() -> Self {
        Self::new()
    }
}

impl LanguageModel for ScriptedModel {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn chat(&self, request: ChatRequest) -> ResultStream<ChatDelta> {
        self.stage.note(request);
        self.stage.play()
    }
}

/// A synthesiser that follows its scripts.
#[derive(Debug)]
pub struct ScriptedVoice {
    stage: Stage<SpeechChunk, (String, SpeechOptions)>,
}

impl ScriptedVoice {
    /// A voice without scripts.
    #[must_use]
    pub fn new() -> Self {
        Self { stage: Stage::new() }
    }

    /// Adds the script of one more utterance.
    #[must_use]
    pub fn with_script(self, script: Script<SpeechChunk>) -> Self {
        self.stage.add(script);
        self
    }

    /// Adds an utterance of silence, in `chunks` pieces of `duration` each.
    #[must_use]
    pub fn with_silence(self, chunks: usize, duration: Duration) -> Self {
        let samples = usize::try_from(duration.as_micros() / 125).unwrap_or(usize::MAX);
        let chunk = SpeechChunk { audio: Bytes::from(vec![mulaw::SILENCE; samples]), words: Vec::new() };
        self.with_script(std::iter::repeat_n(chunk, chunks).fold(Script::new(), Script::item))
    }

    /// All texts so far and how they were to be spoken.
    #[must_use]
    pub fn requests(&self) -> Vec<(String, SpeechOptions)> {
        self.stage.requests()
    }

    observations!();
}

impl Default for ScriptedVoice {
    fn default() -> Self {
        Self::new()
    }
}

impl TextToSpeech for ScriptedVoice {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn synthesize(&self, text: String, options: &SpeechOptions) -> ResultStream<SpeechChunk> {
        self.stage.note((text, options.clone()));
        self.stage.play()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ChatRequest {
        ChatRequest::new(Vec::new(), 10)
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_plays_the_next_script_to_its_end() {
        let model = ScriptedModel::new().with_answer(["a", "b"]).with_script(Script::new().fail(ErrorKind::Timeout));

        let first: Vec<_> = model.chat(request()).map(Result::unwrap).collect().await;
        let second = model.chat(request()).next().await.unwrap().unwrap_err();

        assert_eq!(first, [ChatDelta::Text("a".into()), ChatDelta::Text("b".into())]);
        assert_eq!(second.kind(), ErrorKind::Timeout);
        assert_eq!((model.requests().len(), model.given(), model.running()), (2, 2, 0));
    }

    #[tokio::test]
    async fn a_request_without_a_script_fails() {
        let error = ScriptedModel::new().chat(request()).next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
    }

    #[tokio::test]
    async fn a_transcriber_answers_after_the_turn_and_keeps_its_audio() {
        let ear = ScriptedTranscriber::new().with_text("yes");
        let audio = stream::iter([Frame::SILENCE; 3]).boxed();
        let transcripts: Vec<_> = ear.transcribe(audio, &TranscriptionOptions::default()).collect().await;
        assert_eq!(transcripts.len(), 1);
        assert_eq!(ear.turns(), [vec![Frame::SILENCE; 3]]);
    }
}
