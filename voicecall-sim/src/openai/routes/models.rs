//! `GET /v1/models`: one model of each kind. Any other name is served just as well.

use axum::Json;
use serde_json::{Value, json};

const MODELS: [&str; 3] = ["simulated-chat", "simulated-speech", "simulated-transcription"];

pub(super) async fn list() -> Json<Value> {
    let model = |id| json!({ "id": id, "object": "model", "created": 0, "owned_by": "voicecall-sim" });
    Json(json!({ "object": "list", "data": MODELS.map(model) }))
}
