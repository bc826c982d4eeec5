//! Sentences as sound files, for carriers that cannot say them.

use std::io::Cursor;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hound::{SampleFormat, WavSpec, WavWriter};
use tracing::warn;
use voicecall_core::audio::g711::mulaw;
use voicecall_core::model::{SpeechCache, SpeechOptions};
use voicecall_core::{Error, ErrorKind, Result};

use super::status_of;

/// A telephone's samples.
const FORMAT: WavSpec =
    WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: SampleFormat::Int };

/// A route that gives `text` as a sound file (WAV, 8 kHz, 16 bit, mono), in the voice of `speech`: for the
/// [audio of an announcement](voicecall_core::carrier::Announcement::audio). It is made once, at the latest when it is first asked
/// for; [prepare](SpeechCache::prepare) it at the start, so that it is there when nothing else is.
///
/// Anybody may ask for it: it is said to strangers.
pub fn announcement_route(path: &str, text: String, options: SpeechOptions, speech: Arc<SpeechCache>) -> Router {
    let file = move || async move {
        match spoken(&speech, &text, &options).await {
            Ok(file) => ([(CONTENT_TYPE, "audio/wav")], file).into_response(),
            Err(error) => refused(&error),
        }
    };
    Router::new().route(path, get(file))
}

async fn spoken(speech: &SpeechCache, text: &str, options: &SpeechOptions) -> Result<Vec<u8>> {
    let speech = speech.prepare(text, options).await?;
    let written = || -> hound::Result<Vec<u8>> {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, FORMAT)?;
        speech.audio.iter().try_for_each(|&code| writer.write_sample(mulaw::decode(code)))?;
        writer.finalize()?;
        Ok(file.into_inner())
    };
    written().map_err(|error| Error::new(ErrorKind::Internal, "write sound file").with_source(error))
}

fn refused(error: &Error) -> Response {
    warn!(%error, "an announcement could not be spoken");
    status_of(error).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    use voicecall_core::testing::ScriptedVoice;

    use super::*;

    #[tokio::test]
    async fn a_sentence_is_given_as_a_sound_file_that_is_made_once() {
        let voice = ScriptedVoice::new().with_silence(5, Duration::from_millis(100));
        let speech = Arc::new(SpeechCache::new(Arc::new(voice)));
        let route = announcement_route("/sorry.wav", "Hej då.".to_owned(), SpeechOptions::default(), speech);
        for _ in 0..2 {
            let request = Request::get("/sorry.wav").body(Body::empty()).unwrap();
            let response = route.clone().oneshot(request).await.unwrap();
            assert_eq!(
                (response.status().as_u16(), &response.headers()[CONTENT_TYPE]),
                (200, &"audio/wav".parse().unwrap())
            );
            let file = response.into_body().collect().await.unwrap().to_bytes();
            let reader = hound::WavReader::new(&file[..]).unwrap();
            assert_eq!((reader.spec(), reader.duration()), (FORMAT, 4000), "half a second");
        }
    }

    #[tokio::test]
    async fn a_voice_that_fails_is_an_error_and_not_silence() {
        let speech = Arc::new(SpeechCache::new(Arc::new(ScriptedVoice::new())));
        let route = announcement_route("/sorry.wav", "Hej då.".to_owned(), SpeechOptions::default(), speech);
        let request = Request::get("/sorry.wav").body(Body::empty()).unwrap();
        assert!(route.oneshot(request).await.unwrap().status().is_server_error());
    }
}
