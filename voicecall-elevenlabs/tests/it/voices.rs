//! Voices: each request against the emulated account.

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::{get, post};
use futures_util::TryStreamExt;
use tokio::net::TcpListener;
use voicecall_core::ErrorKind;
use voicecall_core::model::SpeechOptions;
use voicecall_elevenlabs::voices::{
    MAX_SAMPLE_BYTES, MAX_SAMPLES, NewClone, NewDesignedVoice, Sample, VoiceChange, VoiceDesign, VoiceQuery,
};
use voicecall_elevenlabs::{ElevenLabsVoices, Endpoint, VoiceSettings};
use voicecall_sim::elevenlabs::VOICE;

use crate::service::{MOMENT, TEXT, patient, server, speak, speech, voices};

fn sample() -> Sample {
    Sample::new("anna.mp3", vec![1; 1000])
}

async fn names(voices: &ElevenLabsVoices, query: VoiceQuery) -> Vec<String> {
    voices.search(query).map_ok(|voice| voice.name).try_collect().await.unwrap()
}

#[tokio::test]
async fn a_voice_is_cloned_found_changed_spoken_with_and_deleted() {
    let server = server().await;
    let voices = voices(&server);
    let clone = NewClone::new("Anna", vec![sample()]).with_description("warm").with_label("language", "sv");
    let made = voices.clone_voice(clone.without_background_noise()).await.unwrap();
    assert!(!made.requires_verification);
    let anna = voices.get(&made.id).await.unwrap();
    assert_eq!((anna.name.as_str(), anna.category.as_deref()), ("Anna", Some("cloned")));
    assert_eq!(anna.labels, BTreeMap::from([("language".to_owned(), "sv".to_owned())]));
    assert_eq!(names(&voices, VoiceQuery::default().with_language("sv")).await, ["Anna"]);
    let change = VoiceChange::new("Åsa").with_labels(BTreeMap::new()).with_sample(sample());
    voices.edit(&made.id, change).await.unwrap();
    let asa = voices.get(&made.id).await.unwrap();
    assert_eq!((asa.name.as_str(), asa.description.as_deref(), asa.labels.len()), ("Åsa", Some("warm"), 0));
    let options = SpeechOptions { voice: Some(made.id.clone()), language: None };
    assert!(speak(&speech(&server), TEXT, &options).await.error.is_none());
    voices.delete(&made.id).await.unwrap();
    for error in [voices.get(&made.id).await.unwrap_err(), voices.delete(&made.id).await.unwrap_err()] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, Some("voice_not_found")));
    }
}

#[tokio::test]
async fn a_search_turns_its_pages() {
    let server = server().await;
    let voices = voices(&server);
    for nth in 0..6 {
        voices.clone_voice(NewClone::new(format!("Anna {nth}"), vec![sample()])).await.unwrap();
    }
    let all = names(&voices, VoiceQuery::default().with_page_size(2)).await;
    assert_eq!(all.len(), 7);
    assert_eq!((all[0].as_str(), all[6].as_str()), ("Vera", "Anna 5"));
    assert_eq!(names(&voices, VoiceQuery::default().with_text("anna 3").with_category("cloned")).await, ["Anna 3"]);
    assert!(names(&voices, VoiceQuery::default().with_category("professional")).await.is_empty());
    for page_size in [0, 101] {
        let query = VoiceQuery::default().with_page_size(page_size);
        let error = voices.search(query).try_next().await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("page_size")));
    }
}

#[tokio::test]
async fn settings_are_read_and_set() {
    let server = server().await;
    let voices = voices(&server);
    assert_eq!(voices.settings(VOICE).await.unwrap(), voices.default_settings().await.unwrap());
    voices.set_settings(VOICE, VoiceSettings::default().with_speed(0.9)).await.unwrap();
    assert_eq!(voices.settings(VOICE).await.unwrap().speed, Some(0.9));
    assert_eq!(voices.get(VOICE).await.unwrap().settings.unwrap().speed, Some(0.9));
    let error = voices.set_settings(VOICE, VoiceSettings::default().with_speed(2.0)).await.unwrap_err();
    assert_eq!(error.field(), Some("speed"));
    assert_eq!(voices.settings("Nobody").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_designed_voice_is_kept_once() {
    let server = server().await;
    let voices = voices(&server);
    let design = VoiceDesign::new("A calm voice that is not in a hurry").with_loudness(0.5).with_seed(7);
    let previews = voices.design(&design).await.unwrap().previews;
    assert_eq!((previews.len(), previews[0].audio.len(), previews[0].duration.as_millis()), (3, 160, 20));
    let kept =
        NewDesignedVoice::new("Lugn", &design.description, &previews[1].generated_id).with_label("language", "sv");
    let voice = voices.keep_designed(&kept).await.unwrap();
    assert_eq!((voice.name.as_str(), voice.category.as_deref()), ("Lugn", Some("generated")));
    assert_eq!(voices.get(&voice.id).await.unwrap(), voice);
    assert_eq!(voices.keep_designed(&kept).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_is_wrong_is_named_before_anything_is_sent() {
    let server = server().await;
    let voices = voices(&server);
    let clone = |name: &str, samples| voices.clone_voice(NewClone::new(name, samples));
    let design = async |design: VoiceDesign| voices.design(&design).await.map(drop);
    let good = || VoiceDesign::new("A calm voice that is not in a hurry");
    let keep = async |name, description, id| {
        voices.keep_designed(&NewDesignedVoice::new(name, description, id)).await.map(drop)
    };
    for (result, field) in [
        (clone("", vec![sample()]).await.map(drop), "name"),
        (clone("Anna", vec![]).await.map(drop), "samples"),
        (clone("Anna", vec![sample(); MAX_SAMPLES + 1]).await.map(drop), "samples"),
        (clone("Anna", vec![Sample::new("a.mp3", vec![])]).await.map(drop), "samples"),
        (clone("Anna", vec![Sample::new("a.mp3", vec![0; MAX_SAMPLE_BYTES + 1])]).await.map(drop), "samples"),
        (voices.get("a/b").await.map(drop), "voice"),
        (voices.delete("..").await, "voice"),
        (voices.edit("å", VoiceChange::new("Anna")).await, "voice"),
        (design(VoiceDesign::new("short")).await, "description"),
        (design(good().with_text("short")).await, "text"),
        (design(good().with_loudness(2.0)).await, "loudness"),
        (design(good().with_guidance_scale(f64::NAN)).await, "guidance_scale"),
        (keep("", "A calm voice that is not in a hurry", "id").await, "name"),
        (keep("Lugn", "short", "id").await, "description"),
        (keep("Lugn", "A calm voice that is not in a hurry", "a/b").await, "generated_id"),
    ] {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some(field)));
    }
    assert_eq!(server.connections(), 0);
}

/// Voices of a server that answers everything with this.
async fn voices_of(app: Router) -> ElevenLabsVoices {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let endpoint = Endpoint::new("key").unwrap().with_base_url(&url).unwrap();
    ElevenLabsVoices::new(endpoint.with_timeouts(patient().with_total(MOMENT))).unwrap()
}

#[tokio::test]
async fn a_voice_of_which_nobody_knows_whether_it_was_made_has_an_unknown_outcome() {
    let app = Router::new().route("/v1/voices/add", post(std::future::pending::<()>));
    let app = app.route("/v1/text-to-voice", post(|| async { "not json" }));
    let voices = voices_of(app.route("/v1/voices/{id}", get(std::future::pending::<()>))).await;
    let error = voices.clone_voice(NewClone::new("Anna", vec![sample()])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    let kept = NewDesignedVoice::new("Lugn", "A calm voice that is not in a hurry", "id");
    assert_eq!(voices.keep_designed(&kept).await.unwrap_err().kind(), ErrorKind::UnknownOutcome);
    assert_eq!(voices.get("id").await.unwrap_err().kind(), ErrorKind::Timeout, "reading changes nothing");
}

#[tokio::test]
async fn pages_that_go_round_in_a_circle_and_answers_of_another_kind_are_errors() {
    let page = r#"{"voices":[{"voice_id":"v"}],"has_more":true,"next_page_token":"again"}"#;
    let voices = voices_of(Router::new().route("/v2/voices", get(move || async move { page }))).await;
    let error = voices.search(VoiceQuery::default()).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    for body in ["", "[]", "null", r#"{"name":"canary"}"#, r#"{"voice_id":7}"#] {
        let voices = voices_of(Router::new().fallback(get(move || async move { body }))).await;
        let error = voices.get("v").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
        assert!(!format!("{error:?}").contains("canary"));
    }
}
