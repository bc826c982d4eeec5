//! The endpoints, one file each.

mod chat;
mod models;
mod speech;
mod transcription;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::time::Instant;

use super::server::Services;
use crate::delivery::Delivery;

/// The largest upload OpenAI takes: 25 MB.
const UPLOAD_LIMIT: usize = 25 * 1024 * 1024;

pub(super) fn all() -> Router<Arc<Services>> {
    Router::new()
        .route("/v1/chat/completions", post(chat::complete))
        .route("/v1/audio/speech", post(speech::speak))
        .route("/v1/audio/transcriptions", post(transcription::transcribe))
        .route("/v1/models", get(models::list))
        .layer(DefaultBodyLimit::max(UPLOAD_LIMIT))
}

/// Sends an answer of the given content type in its time.
async fn send(content_type: &'static str, delivery: Delivery, asked: Instant) -> Response {
    let body = delivery.into_body(asked).await;
    ([(axum::http::header::CONTENT_TYPE, content_type)], body).into_response()
}

/// Seconds since 1970, as answers carry them.
fn unix_now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests;
