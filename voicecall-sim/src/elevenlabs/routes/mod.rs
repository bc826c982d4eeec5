//! The endpoints.

mod design;
mod speech;
mod voices;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use serde_json::{Map, Value};

use super::ApiError;
use super::server::Account;

/// The largest upload: 25 recordings of 10 MiB and a little around them.
const UPLOAD_LIMIT: usize = 251 * 1024 * 1024;

pub(super) fn all() -> Router<Arc<Account>> {
    Router::new()
        .route("/v1/text-to-speech/{voice_id}/stream/with-timestamps", post(speech::speak))
        .route("/v2/voices", get(voices::search))
        .route("/v1/voices/add", post(voices::add))
        .route("/v1/voices/settings/default", get(voices::default_settings))
        .route("/v1/voices/{voice_id}", get(voices::get).delete(voices::delete))
        .route("/v1/voices/{voice_id}/edit", post(voices::edit))
        .route("/v1/voices/{voice_id}/settings", get(voices::settings))
        .route("/v1/voices/{voice_id}/settings/edit", post(voices::set_settings))
        .route("/v1/text-to-voice/design", post(design::design))
        .route("/v1/text-to-voice", post(design::keep))
        .layer(DefaultBodyLimit::max(UPLOAD_LIMIT))
}

/// The members of a JSON body.
fn members(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(ApiError::unprocessable(&["body"], "json_invalid", "JSON decode error")),
    }
}

/// A text of so many characters.
fn text<'a>(members: &'a Map<String, Value>, name: &str, least: usize, most: usize) -> Result<&'a str, ApiError> {
    let wrong = |kind, message| Err(ApiError::unprocessable(&["body", name], kind, message));
    match members.get(name) {
        None | Some(Value::Null) => wrong("missing", "Field required"),
        Some(Value::String(text)) if (least..=most).contains(&text.chars().count()) => Ok(text),
        Some(Value::String(_)) => wrong("string_length", "String is too short or too long"),
        Some(_) => wrong("string_type", "Input should be a valid string"),
    }
}

/// Checks that a number, if there is one, is within its range.
fn within(members: &Map<String, Value>, place: &[&str], least: f64, most: f64) -> Result<(), ApiError> {
    let name = place.last().copied().unwrap_or_default();
    match members.get(name) {
        None | Some(Value::Null) => Ok(()),
        Some(number) if number.as_f64().is_some_and(|number| (least..=most).contains(&number)) => Ok(()),
        Some(_) => Err(ApiError::unprocessable(place, "out_of_range", "Input is out of range")),
    }
}

/// Checks voice settings, at `place` in the body.
fn check_settings(settings: &Map<String, Value>, place: &[&str]) -> Result<(), ApiError> {
    for (name, least, most) in
        [("stability", 0.0, 1.0), ("similarity_boost", 0.0, 1.0), ("style", 0.0, 1.0), ("speed", 0.7, 1.2)]
    {
        within(settings, &[place, &[name]].concat(), least, most)?;
    }
    Ok(())
}
