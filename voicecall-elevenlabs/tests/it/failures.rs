//! Everything that goes wrong with speech, each as one typed error.

use std::time::Duration;

use voicecall_core::model::{CONNECTION_LOST, SpeechOptions};
use voicecall_core::{Error, ErrorKind};
use voicecall_elevenlabs::{ElevenLabsSpeech, Endpoint};
use voicecall_sim::clips::Library;
use voicecall_sim::elevenlabs::{Refusal, Server, SpeechFault, VOICE};

use crate::service::{MOMENT, Said, TEXT, endpoint, patient, server, speak, speech};

async fn struck(server: &Server, fault: SpeechFault) -> Said {
    server.strike_next(fault);
    let said = speak(&speech(server), TEXT, &SpeechOptions::default()).await;
    assert!(said.error.is_none() || !format!("{:?}", said.error).contains("canary"));
    said
}

async fn refused(server: &Server, refusal: Refusal) -> Error {
    let said = struck(server, SpeechFault::Refuse(refusal)).await;
    assert!(said.audio.is_empty());
    said.error.unwrap()
}

#[tokio::test]
async fn every_refusal_has_its_kind_and_code() {
    let server = server().await;
    for (refusal, kind, code, field) in [
        (Refusal::InvalidKey, ErrorKind::Unauthenticated, "invalid_api_key", None),
        (Refusal::QuotaExceeded, ErrorKind::Rejected, "quota_exceeded", None),
        (Refusal::InsufficientCredits, ErrorKind::Rejected, "insufficient_credits", None),
        (Refusal::Unprocessable, ErrorKind::Rejected, "missing", Some("text")),
        (Refusal::RateLimit, ErrorKind::RateLimited, "rate_limit_exceeded", None),
        (Refusal::ConcurrencyLimit, ErrorKind::RateLimited, "concurrent_limit_exceeded", None),
        (Refusal::TooManyConcurrent, ErrorKind::RateLimited, "too_many_concurrent_requests", None),
        (Refusal::SystemBusy, ErrorKind::Unavailable, "system_busy", None),
        (Refusal::Internal, ErrorKind::Unavailable, "internal_error", None),
        (Refusal::Unavailable, ErrorKind::Unavailable, "service_unavailable", None),
    ] {
        let error = refused(&server, refusal).await;
        assert_eq!((error.kind(), error.code(), error.field()), (kind, Some(code), field), "{refusal:?}");
        assert_eq!(error.provider(), Some("elevenlabs"));
    }
    assert_eq!(server.seen().len(), 10, "each request is sent once");
    assert_eq!(refused(&server, Refusal::RateLimit).await.retry_after(), Some(Duration::from_secs(2)));
    let message = refused(&server, Refusal::ConcurrencyLimit).await.to_string();
    assert!(message.contains("11 of 10"), "{message}");
}

#[tokio::test]
async fn a_wrong_key_and_an_unknown_voice_are_told_apart() {
    let server = server().await;
    let wrong = Endpoint::new("canary-wrong").unwrap().with_base_url(&server.base_url()).unwrap();
    let wrong = ElevenLabsSpeech::new(wrong.with_timeouts(patient()), VOICE).unwrap();
    let error = speak(&wrong, TEXT, &SpeechOptions::default()).await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(!format!("{error:?} {wrong:?}").contains("canary"));
    let options = SpeechOptions { voice: Some("Nobody".into()), language: None };
    let error = speak(&speech(&server), TEXT, &options).await.error.unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, Some("voice_not_found")));
}

#[tokio::test]
async fn what_goes_wrong_in_the_middle_comes_after_what_was_said() {
    let server = server().await;
    let whole = Library::bundled().voice("agent", TEXT).unwrap().audio;
    for (fault, kind) in [(SpeechFault::Cut, ErrorKind::Unavailable), (SpeechFault::Garbage, ErrorKind::Protocol)] {
        let said = struck(&server, fault).await;
        let error = said.error.unwrap();
        assert_eq!(error.kind(), kind, "{fault:?}");
        assert_eq!(error.code() == Some(CONNECTION_LOST), fault == SpeechFault::Cut);
        assert!(!said.audio.is_empty() && said.audio.len() < whole.len());
        assert!(whole.starts_with(&said.audio));
    }
    let said = struck(&server, SpeechFault::Empty).await;
    let error = said.error.unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some("empty")));
}

#[tokio::test]
async fn a_line_without_alignment_costs_no_audio_and_no_later_word() {
    let server = server().await;
    let clip = Library::bundled().voice("agent", TEXT).unwrap();
    for line in 0..4 {
        let said = struck(&server, SpeechFault::NoAlignment(line)).await;
        assert!(said.error.is_none() && said.audio == clip.audio);
        let texts: Vec<_> = said.words.iter().map(|word| word.text.as_str()).collect();
        let expected: Vec<_> = TEXT.split_whitespace().take(texts.len()).collect();
        assert_eq!(texts, expected, "line {line}");
        let exact = said.words.iter().zip(&clip.words).filter(|(told, word)| told.end == word.end as u64).count();
        assert!(exact + 3 >= clip.words.len(), "line {line}: {:?}", said.words);
    }
}

#[tokio::test]
async fn slow_and_stalled_answers_are_given_up_in_time() {
    let server = server().await;
    let impatient = |first, stall| {
        let timeouts = patient().with_first(first).with_stall(stall);
        ElevenLabsSpeech::new(endpoint(&server).with_timeouts(timeouts), VOICE).unwrap()
    };
    server.strike_next(SpeechFault::Slow(Duration::from_secs(60)));
    let said = speak(&impatient(MOMENT, Duration::from_secs(60)), TEXT, &SpeechOptions::default()).await;
    assert_eq!((said.audio.len(), said.error.unwrap().kind()), (0, ErrorKind::Timeout));
    server.strike_next(SpeechFault::Stall);
    let said = speak(&impatient(Duration::from_secs(60), MOMENT), TEXT, &SpeechOptions::default()).await;
    assert!(!said.audio.is_empty());
    assert_eq!(said.error.unwrap().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn nobody_at_the_address_is_a_lost_connection() {
    let server = server().await;
    let speech = speech(&server);
    server.stop().await;
    let error = speak(&speech, TEXT, &SpeechOptions::default()).await.error.unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some(CONNECTION_LOST)));
}
