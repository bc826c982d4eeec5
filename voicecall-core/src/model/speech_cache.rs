//! Speech made before it is needed.

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;
use futures_util::{StreamExt, stream};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tracing::{Instrument, info_span};

use super::{ResultStream, SpeechChunk, SpeechOptions, TextToSpeech};
use crate::call::PreparedSpeech;
use crate::error::{Error, ErrorKind, Result};

/// Sentences that many calls say, synthesised once and kept in memory: by text, voice and language.
///
/// It is a synthesiser itself: what is ready is played at once and costs nothing, everything else is passed on and not
/// kept, because what is said to one caller is nobody else's. Share one among all calls of a process.
///
/// ```
/// # async fn example(tts: std::sync::Arc<dyn voicecall_core::model::TextToSpeech>) -> voicecall_core::Result<()> {
/// use voicecall_core::model::{SpeechCache, SpeechOptions};
///
/// let speech = SpeechCache::new(tts);
/// let apology = speech.prepare("Sorry, something went wrong.", &SpeechOptions::default()).await?;
/// assert!(!apology.audio.is_empty());
/// # Ok(())
/// # }
/// ```
pub struct SpeechCache {
    tts: Arc<dyn TextToSpeech>,
    ready: Cache<Key, PreparedSpeech, ByBytes>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    text: String,
    options: SpeechOptions,
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Key, PreparedSpeech> for ByBytes {
    fn weight(&self, key: &Key, speech: &PreparedSpeech) -> u64 {
        (key.text.len() + speech.audio.len()) as u64
    }
}

/// About how long a sentence is, in bytes: 3 s. For the size of the table only.
const SENTENCE: u64 = 24_000;

impl SpeechCache {
    /// How much is kept unless told otherwise: 64 MiB, more than two hours of speech.
    pub const CAPACITY: u64 = 64 << 20;

    /// Keeps speech of `tts`, up to [`CAPACITY`](Self::CAPACITY).
    #[must_use]
    pub fn new(tts: Arc<dyn TextToSpeech>) -> Self {
        Self::with_capacity(tts, Self::CAPACITY)
    }

    /// The same, with another limit in bytes: a second of speech is 8,000. What is seldom used gives way.
    #[must_use]
    pub fn with_capacity(tts: Arc<dyn TextToSpeech>, bytes: u64) -> Self {
        let sentences = usize::try_from(bytes / SENTENCE).unwrap_or(usize::MAX).clamp(16, 1 << 16);
        Self { tts, ready: Cache::with_weighter(sentences, bytes, ByBytes) }
    }

    /// What is ready of `text` in this voice and language.
    #[must_use]
    pub fn get(&self, text: &str, options: &SpeechOptions) -> Option<PreparedSpeech> {
        self.ready.get(&Key::of(text, options))
    }

    /// Makes `text` ready, unless it is. Who asks while it is being made waits for the same speech.
    ///
    /// # Errors
    /// What the synthesiser reports; `Protocol` if it has no sound for it. Nothing is kept then.
    pub async fn prepare(&self, text: &str, options: &SpeechOptions) -> Result<PreparedSpeech> {
        let span = info_span!("prepare_speech", provider = self.tts.name());
        let made = async { self.synthesize_whole(text, options).instrument(span).await };
        self.ready.get_or_insert_async(&Key::of(text, options), made).await
    }

    async fn synthesize_whole(&self, text: &str, options: &SpeechOptions) -> Result<PreparedSpeech> {
        let mut chunks = self.tts.synthesize(text.to_owned(), options);
        let (mut audio, mut words) = (BytesMut::new(), Vec::new());
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            audio.extend_from_slice(&chunk.audio);
            words.extend(chunk.words);
        }
        if audio.is_empty() {
            let error = Error::new(ErrorKind::Protocol, "prepare speech").with_provider(self.tts.name());
            return Err(error.with_message("the speech is empty"));
        }
        Ok(PreparedSpeech { text: text.to_owned(), audio: audio.freeze(), words })
    }
}

impl Key {
    fn of(text: &str, options: &SpeechOptions) -> Self {
        Self { text: text.to_owned(), options: options.clone() }
    }
}

impl TextToSpeech for SpeechCache {
    fn name(&self) -> &'static str {
        self.tts.name()
    }

    fn synthesize(&self, text: String, options: &SpeechOptions) -> ResultStream<SpeechChunk> {
        match self.get(&text, options) {
            Some(speech) => stream::iter([Ok(SpeechChunk { audio: speech.audio, words: speech.words })]).boxed(),
            None => self.tts.synthesize(text, options),
        }
    }
}

impl fmt::Debug for SpeechCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sentences, bytes) = (self.ready.len(), self.ready.weight());
        f.debug_struct("SpeechCache")
            .field("tts", &self.tts)
            .field("sentences", &sentences)
            .field("bytes", &bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::testing::{Script, ScriptedVoice};

    fn options(voice: &str) -> SpeechOptions {
        SpeechOptions { voice: Some(voice.to_owned()), language: Some("sv".to_owned()) }
    }

    fn chunk(codes: &'static [u8]) -> SpeechChunk {
        SpeechChunk { audio: Bytes::from_static(codes), words: Vec::new() }
    }

    #[tokio::test]
    async fn a_sentence_is_made_once_for_each_voice_and_language() {
        let tts = ScriptedVoice::new().with_script(Script::new().item(chunk(&[1, 2])).item(chunk(&[3])));
        let tts = Arc::new(tts.with_script(Script::new().item(chunk(&[4]))));
        let cache = SpeechCache::new(Arc::<ScriptedVoice>::clone(&tts));
        let (alloy, nova) = (options("alloy"), options("nova"));
        let (first, second) = tokio::join!(cache.prepare("Hej.", &alloy), cache.prepare("Hej.", &alloy));
        assert_eq!(first.unwrap().audio[..], [1, 2, 3]);
        assert_eq!(second.unwrap().audio[..], [1, 2, 3]);
        assert_eq!(cache.prepare("Hej.", &nova).await.unwrap().audio[..], [4]);
        let english = SpeechOptions { language: Some("en".to_owned()), ..alloy.clone() };
        assert_eq!(cache.get("Hej.", &english), None);
        let played: Vec<_> = cache.synthesize("Hej.".to_owned(), &alloy).collect().await;
        assert_eq!(played.len(), 1);
        assert_eq!(played[0].as_ref().unwrap().audio[..], [1, 2, 3]);
        assert_eq!(tts.requests().len(), 2);
    }

    #[tokio::test]
    async fn a_failure_is_told_and_not_kept_and_what_was_not_prepared_is_passed_on() {
        let tts = ScriptedVoice::new().with_script(Script::new().item(chunk(&[1])).fail(ErrorKind::Unavailable));
        let tts = Arc::new(tts.with_script(Script::new()).with_script(Script::new().item(chunk(&[2]))));
        let cache = SpeechCache::new(Arc::<ScriptedVoice>::clone(&tts));
        let alloy = options("alloy");
        assert_eq!(cache.prepare("Hej.", &alloy).await.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(cache.prepare("Hej.", &alloy).await.unwrap_err().kind(), ErrorKind::Protocol);
        let passed: Vec<_> = cache.synthesize("Hej.".to_owned(), &alloy).collect().await;
        assert_eq!(passed[0].as_ref().unwrap().audio[..], [2]);
        assert_eq!(cache.get("Hej.", &alloy), None);
    }

    #[tokio::test]
    async fn no_more_is_kept_than_there_is_room_for() {
        let second = || Script::new().item(chunk(&[0x10; 8_000]));
        let tts = (0..50).fold(ScriptedVoice::new(), |tts, _| tts.with_script(second()));
        let cache = SpeechCache::with_capacity(Arc::new(tts), 80_000);
        for sentence in 0..50 {
            cache.prepare(&format!("Mening {sentence}."), &options("alloy")).await.unwrap();
        }
        let ready = (0..50).filter(|sentence| cache.get(&format!("Mening {sentence}."), &options("alloy")).is_some());
        assert!((1..=9).contains(&ready.count()));
    }
}
