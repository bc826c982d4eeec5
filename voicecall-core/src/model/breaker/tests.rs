//! Services that fail, behind a breaker.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;

use super::*;
use crate::error::ErrorKind;
use crate::model::{ChatRequest, LanguageModel, SpeechOptions, SpeechToText, TextToSpeech, TranscriptionOptions};
use crate::testing::{Script, ScriptedModel, ScriptedTranscriber, ScriptedVoice};

fn model(failures: usize) -> ScriptedModel {
    let model = (0..failures)
        .fold(ScriptedModel::new(), |model, _| model.with_script(Script::new().fail(ErrorKind::Unavailable)));
    model.with_answer(["Hello."]).with_answer(["Again."])
}

/// Asks, and reads the answer to its end. Returns how many pieces came, or the error.
async fn ask(model: &dyn LanguageModel) -> Result<usize> {
    let pieces: Vec<_> = model.chat(ChatRequest::new(Vec::new(), 9)).collect().await;
    pieces.into_iter().collect::<Result<Vec<_>>>().map(|pieces| pieces.len())
}

#[tokio::test(start_paused = true)]
async fn all_calls_of_a_process_share_what_one_of_them_finds_out() {
    let (service, health) = (Arc::new(model(5)), ServiceHealth::new("chat"));
    let calls: Vec<_> = (0..5).map(|_| Breaker::new(Arc::clone(&service), health.clone())).collect();
    for call in &calls {
        assert_eq!(ask(call).await.unwrap_err().code(), None);
    }
    assert_eq!(health.trust(), Trust::Failing);
    for call in &calls {
        let refused = ask(call).await.unwrap_err();
        assert_eq!((refused.code(), refused.is_retryable()), (Some(SERVICE_FAILING), true));
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(2)));
    }
    assert_eq!(service.requests().len(), 5, "nothing is asked meanwhile");

    tokio::time::advance(Duration::from_secs(2)).await;
    let mut trial = calls[0].chat(ChatRequest::new(Vec::new(), 9));
    assert_eq!(health.trust(), Trust::Tried);
    for call in &calls {
        assert_eq!(ask(call).await.unwrap_err().code(), Some(SERVICE_FAILING), "one request shows it");
    }
    assert!(trial.next().await.unwrap().is_ok());
    assert_eq!(health.trust(), Trust::Trusted, "as soon as anything comes");
    assert_eq!(ask(&calls[1]).await.unwrap(), 1);
    assert_eq!(service.requests().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_nobody_waits_for_leaves_it_to_the_next() {
    let (service, health) = (Arc::new(model(5)), ServiceHealth::new("chat"));
    let call = Breaker::new(service, health.clone());
    for _ in 0..5 {
        ask(&call).await.unwrap_err();
    }
    tokio::time::advance(Duration::from_secs(2)).await;
    drop(call.chat(ChatRequest::new(Vec::new(), 9)));
    assert_eq!(health.trust(), Trust::Failing);
    assert_eq!(ask(&call).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_enough_of_an_answer_has_had_one() {
    let health = ServiceHealth::new("chat");
    let scripts = (0..20).fold(ScriptedModel::new(), |model, at| {
        if at % 2 == 0 {
            model.with_script(Script::new().fail(ErrorKind::Timeout))
        } else {
            model.with_answer(["a", "b"])
        }
    });
    let call = Breaker::new(Arc::new(scripts), health.clone());
    for _ in 0..20 {
        let _ = call.chat(ChatRequest::new(Vec::new(), 9)).next().await;
    }
    assert_eq!(health.trust(), Trust::Trusted);
}

#[tokio::test(start_paused = true)]
async fn ears_and_voices_have_breakers_as_well() {
    let fails = || Script::new().fail(ErrorKind::Unavailable);
    let ear = (0..5).fold(ScriptedTranscriber::new(), |ear, _| ear.with_script(fails()));
    let voice = (0..5).fold(ScriptedVoice::new(), |voice, _| voice.with_script(Script::new().fail(ErrorKind::Timeout)));
    let (ear, voice) = (
        Breaker::new(Arc::new(ear) as Arc<dyn SpeechToText>, ServiceHealth::new("transcription")),
        Breaker::new(Arc::new(voice) as Arc<dyn TextToSpeech>, ServiceHealth::new("speech")),
    );
    for asked in 0..6 {
        let heard =
            ear.transcribe(futures_util::stream::empty().boxed(), &TranscriptionOptions::default()).next().await;
        let spoken = voice.synthesize("Hello.".to_owned(), &SpeechOptions::default()).next().await;
        let code = (asked == 5).then_some(SERVICE_FAILING);
        assert_eq!(heard.unwrap().unwrap_err().code(), code);
        assert_eq!(spoken.unwrap().unwrap_err().code(), code);
    }
}
