//! What customers hear whose call cannot go on: the carrier says it, because nobody else can.

use std::sync::Arc;

use axum::Router;
use tracing::warn;
use url::Url;
use voicecall::carrier::Announcement;
use voicecall::model::{SpeechCache, SpeechOptions};
use voicecall::server::announcement_route;

const TEXT: &str = "Förlåt, vi har tekniska problem. Vi hör av oss igen.";
const LANGUAGE: &str = "sv";
const PATH: &str = "/announcements/farewell.wav";

/// The carrier's own voice says it where that speaks Swedish, and plays our file elsewhere.
pub(crate) fn farewell(public_url: &Url) -> Announcement {
    let announcement = Announcement::new(TEXT, "sv-SE");
    let address = format!("{}{PATH}", public_url.as_str().trim_end_matches('/'));
    match address.parse() {
        Ok(audio) => announcement.with_audio(audio),
        Err(_) => announcement,
    }
}

/// Where the file is. It is made at once, so that it is there when the voice is not.
pub(crate) fn route(speech: Arc<SpeechCache>) -> Router {
    let options = SpeechOptions { voice: None, language: Some(LANGUAGE.to_owned()) };
    let (early, wanted) = (Arc::clone(&speech), options.clone());
    tokio::spawn(async move {
        if let Err(error) = early.prepare(TEXT, &wanted).await {
            warn!(%error, "the announcement of technical problems is not ready yet");
        }
    });
    announcement_route(PATH, TEXT.to_owned(), options, speech)
}
