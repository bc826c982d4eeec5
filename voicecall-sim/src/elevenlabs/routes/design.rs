//! Voices made of a description: previews, and the one that is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::super::ApiError;
use super::super::server::Account;
use super::super::shelf::Voice;
use super::{members, text, within};

/// How many voices there are to choose from.
const PREVIEWS: usize = 3;

pub(crate) async fn design(State(account): State<Arc<Account>>, body: Bytes) -> Result<Json<Value>, ApiError> {
    let members = members(&body)?;
    text(&members, "voice_description", 20, 1000)?;
    let said = match members.get("text") {
        None | Some(Value::Null) if members.get("auto_generate_text") == Some(&json!(true)) => "",
        _ => text(&members, "text", 100, 1000)?,
    };
    within(&members, &["body", "loudness"], -1.0, 1.0)?;
    within(&members, &["body", "guidance_scale"], 0.0, 100.0)?;
    // No clip says the text, so the previews hold silence: mu-law of 20 ms.
    let silence = STANDARD.encode([0xFF; 160]);
    let mut state = account.state();
    let previews = (0..PREVIEWS).map(|_| state.shelf.preview()).map(|id| {
        json!({ "audio_base_64": silence, "generated_voice_id": id, "media_type": "audio/basic",
            "duration_secs": 0.02, "language": null })
    });
    let previews = previews.collect::<Vec<_>>();
    Ok(Json(json!({ "previews": previews, "text": said })))
}

pub(crate) async fn keep(State(account): State<Arc<Account>>, body: Bytes) -> Result<Json<Value>, ApiError> {
    let members = members(&body)?;
    let name = text(&members, "voice_name", 1, 100)?;
    let description = text(&members, "voice_description", 20, 1000)?;
    let preview = text(&members, "generated_voice_id", 1, 128)?;
    let labels: Option<BTreeMap<String, String>> = match members.get("labels") {
        None => None,
        Some(labels) => serde_json::from_value(labels.clone())
            .map_err(|_| ApiError::unprocessable(&["body", "labels"], "dict_type", "Not an object of texts"))?,
    };
    let mut state = account.state();
    if !state.shelf.take_preview(preview) {
        return Err(ApiError::voice_not_found());
    }
    let mut voice = Voice::new(name.to_owned(), "generated");
    voice.description = Some(description.to_owned());
    voice.labels = labels.unwrap_or_default();
    let shown = voice.clone();
    let id = state.shelf.add(voice);
    Ok(Json(shown.json(&id)))
}
