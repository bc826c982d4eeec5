//! What an interview says, made ready before the phone rings.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{sleep, timeout};
use tracing::warn;
use voicecall::call::PreparedSpeech;
use voicecall::model::{SpeechCache, SpeechOptions};
use voicecall::survey::interview::InterviewPlan;
use voicecall::{Error, ErrorKind, Result};

/// How many sentences are made at a time.
const AT_A_TIME: usize = 8;

/// How long sentences are waited for before a phone rings. It is well below a lease.
const BEFORE_THE_CALL: Duration = Duration::from_secs(10);

/// How long they are waited for while somebody waits on the line.
const ON_THE_LINE: Duration = Duration::from_secs(1);

/// Makes everything that `plan` says ready, in the voice of `options`. What fails is made when it is needed, but nobody
/// is called before the sentences are there that excuse a broken service.
///
/// # Errors
/// What the synthesiser reports of those; `Timeout` if it takes too long.
pub(crate) async fn prepare(
    cache: &Arc<SpeechCache>,
    plan: &InterviewPlan,
    options: &SpeechOptions,
) -> Result<Vec<PreparedSpeech>> {
    let excuses = plan.phrases.technical.iter().chain(&plan.phrases.fillers).chain([&plan.phrases.apology]);
    let made = stream::iter(excuses.cloned().collect::<Vec<_>>())
        .map(|text| make(Arc::clone(cache), text, options.clone()))
        .buffered(AT_A_TIME)
        .collect::<Vec<_>>();
    let late = |_| Error::new(ErrorKind::Timeout, "prepare speech");
    for excuse in timeout(BEFORE_THE_CALL, made).await.map_err(late)? {
        excuse?;
    }
    Ok(ready(cache, plan, options, BEFORE_THE_CALL).await)
}

/// The same for a call that goes on: what is not ready by now is made when it is needed.
pub(crate) async fn prepare_resumed(
    cache: &Arc<SpeechCache>,
    plan: &InterviewPlan,
    options: &SpeechOptions,
) -> Vec<PreparedSpeech> {
    ready(cache, plan, options, ON_THE_LINE).await
}

async fn ready(
    cache: &Arc<SpeechCache>,
    plan: &InterviewPlan,
    options: &SpeechOptions,
    limit: Duration,
) -> Vec<PreparedSpeech> {
    let (mut ready, mut missing) = (Vec::new(), Vec::new());
    for text in sentences(plan) {
        match cache.get(&text, options) {
            Some(speech) => ready.push(speech),
            None => missing.push(text),
        }
    }
    let made = stream::iter(missing)
        .map(|text| make(Arc::clone(cache), text, options.clone()))
        .buffer_unordered(AT_A_TIME)
        .take_until(sleep(limit));
    let mut made = pin!(made);
    while let Some(made) = made.next().await {
        match made {
            Ok(speech) => ready.push(speech),
            Err(error) => warn!(%error, "a sentence could not be prepared"),
        }
    }
    ready
}

async fn make(cache: Arc<SpeechCache>, text: String, options: SpeechOptions) -> Result<PreparedSpeech> {
    cache.prepare(&text, &options).await
}

/// Everything an interview can say.
fn sentences(plan: &InterviewPlan) -> Vec<String> {
    let questions =
        plan.questions.iter().flat_map(|question| std::iter::once(&question.text).chain(&question.follow_up_prompts));
    plan.phrases.texts().map(str::to_owned).chain(questions.cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use voicecall::model::SpeechChunk;
    use voicecall_core::testing::{Script, ScriptedVoice};

    fn plan() -> InterviewPlan {
        InterviewPlan::swedish("Tebutiken", "Vera", Vec::new())
    }

    fn speaking(works: usize, then: &Script<SpeechChunk>) -> Arc<SpeechCache> {
        let chunk = SpeechChunk { audio: [0x10; 160].to_vec().into(), words: Vec::new() };
        let voice =
            (0..works).fold(ScriptedVoice::new(), |voice, _| voice.with_script(Script::new().item(chunk.clone())));
        let voice = (0..200).fold(voice, |voice, _| voice.with_script(then.clone()));
        Arc::new(SpeechCache::new(Arc::new(voice)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_shop_nobody_has_called_for_has_its_fillers_apology_and_farewell_in_its_own_voice() {
        let (plan, cache) = (plan(), speaking(200, &Script::new()));
        let options = SpeechOptions { voice: Some("nova".to_owned()), language: Some("sv".to_owned()) };
        let prepared = prepare(&cache, &plan, &options).await.unwrap();
        let phrases = &plan.phrases;
        for text in phrases.fillers.iter().chain(&phrases.technical).chain([&phrases.apology]) {
            assert!(prepared.iter().any(|speech| speech.text == *text), "{text}");
        }
        assert_eq!(prepared.len(), sentences(&plan).len());
        assert_eq!(cache.get(&phrases.apology, &SpeechOptions::default()), None, "only in this voice");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_called_with_a_voice_that_cannot_excuse_itself() {
        let broken = speaking(0, &Script::new().fail(ErrorKind::Unavailable));
        let error = prepare(&broken, &plan(), &SpeechOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let stuck = speaking(1, &Script::new().stall());
        let error = prepare(&stuck, &plan(), &SpeechOptions::default()).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Timeout && error.is_retryable());
        assert_eq!(prepare_resumed(&stuck, &plan(), &SpeechOptions::default()).await.len(), 1);
    }
}
