//! Speech made before it is needed: the sentences every call says, synthesised once and kept in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use futures_util::StreamExt;
use tracing::warn;
use voicecall::call::PreparedSpeech;
use voicecall::model::{SpeechOptions, TextToSpeech};
use voicecall::{Result, TenantId};

/// Sentences of all businesses, ready to be played.
#[derive(Debug)]
pub(crate) struct Voices {
    voice: Arc<dyn TextToSpeech>,
    ready: Mutex<BTreeMap<(TenantId, String), PreparedSpeech>>,
}

impl Voices {
    pub(crate) fn new(voice: Arc<dyn TextToSpeech>) -> Self {
        Self { voice, ready: Mutex::new(BTreeMap::new()) }
    }

    /// What is ready of `texts`.
    pub(crate) fn ready(&self, tenant: TenantId, texts: &[String]) -> Vec<PreparedSpeech> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        texts.iter().filter_map(|text| ready.get(&(tenant, text.clone())).cloned()).collect()
    }

    /// Makes what is missing of `texts`, one after the other. What fails is made when it is needed.
    pub(crate) async fn prepare(&self, tenant: TenantId, texts: &[String], options: &SpeechOptions) {
        for text in texts {
            if !self.ready(tenant, std::slice::from_ref(text)).is_empty() {
                continue;
            }
            match self.synthesize(text, options).await {
                Ok(speech) => {
                    let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
                    ready.insert((tenant, text.clone()), speech);
                }
                Err(error) => warn!(%error, "a sentence could not be prepared"),
            }
        }
    }

    async fn synthesize(&self, text: &str, options: &SpeechOptions) -> Result<PreparedSpeech> {
        let mut stream = self.voice.synthesize(text.to_owned(), options);
        let (mut audio, mut words) = (BytesMut::new(), Vec::new());
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            audio.extend_from_slice(&chunk.audio);
            words.extend(chunk.words);
        }
        Ok(PreparedSpeech { text: text.to_owned(), audio: audio.freeze(), words })
    }
}
