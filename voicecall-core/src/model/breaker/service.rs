//! Services behind a breaker.

use std::fmt::Debug;
use std::sync::Arc;

use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};

use super::{Request, ServiceHealth};
use crate::audio::Frame;
use crate::model::{
    ChatDelta, ChatRequest, LanguageModel, ResultStream, SpeechChunk, SpeechOptions, SpeechToText, TextToSpeech,
    Transcript, TranscriptionOptions,
};

/// A service that is asked only while it answers. While it does not, requests fail at once with a
/// [retryable](crate::Error::is_retryable) error that says [when](crate::Error::retry_after) to come again.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use std::sync::Arc;
/// use voicecall_core::model::{Breaker, LanguageModel, ServiceHealth, Trust};
/// use voicecall_core::testing::ScriptedModel;
///
/// let health = ServiceHealth::new("chat");
/// let model = Breaker::new(Arc::new(ScriptedModel::new().with_answer(["Hello."])), health.clone());
/// assert_eq!((model.name(), health.trust()), ("scripted", Trust::Trusted));
/// # }
/// ```
#[derive(Debug)]
pub struct Breaker<T: ?Sized> {
    health: ServiceHealth,
    service: Arc<T>,
}

impl<T: ?Sized> Breaker<T> {
    /// Puts a breaker before a service. All breakers with this health open and close together.
    #[must_use]
    pub const fn new(service: Arc<T>, health: ServiceHealth) -> Self {
        Self { health, service }
    }

    /// What `ask` answers, if the service is asked.
    fn ask<R: Send + 'static>(&self, ask: impl FnOnce(&T) -> ResultStream<R>) -> ResultStream<R> {
        match self.health.begin() {
            Ok(request) => watched(ask(&self.service), request),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }
}

/// Follows an answer to its end.
fn watched<R: Send + 'static>(answer: ResultStream<R>, request: Request) -> ResultStream<R> {
    stream::unfold((answer, request), |(mut answer, mut request)| async {
        match answer.next().await {
            Some(piece) => {
                request.piece(&piece);
                Some((piece, (answer, request)))
            }
            None => {
                request.end();
                None
            }
        }
    })
    .boxed()
}

#[deny(clippy::missing_trait_methods)]
impl<T: LanguageModel + ?Sized> LanguageModel for Breaker<T> {
    fn name(&self) -> &'static str {
        self.service.name()
    }

    fn chat(&self, request: ChatRequest) -> ResultStream<ChatDelta> {
        self.ask(|service| service.chat(request))
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: SpeechToText + ?Sized> SpeechToText for Breaker<T> {
    fn name(&self) -> &'static str {
        self.service.name()
    }

    fn transcribe(&self, audio: BoxStream<'static, Frame>, options: &TranscriptionOptions) -> ResultStream<Transcript> {
        self.ask(|service| service.transcribe(audio, options))
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: TextToSpeech + ?Sized> TextToSpeech for Breaker<T> {
    fn name(&self) -> &'static str {
        self.service.name()
    }

    fn synthesize(&self, text: String, options: &SpeechOptions) -> ResultStream<SpeechChunk> {
        self.ask(|service| service.synthesize(text, options))
    }
}
