//! `GET /service`: what whoever looks at calls must know of the server that makes them.

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::State;

/// How the agent of simulated calls says what nobody has recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SimulatedVoice {
    /// By a synthesiser on this machine.
    Synthesised,
    /// As a voice without words, because there is no synthesiser.
    StandIn,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Service)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceBody {
    /// Whether customers, carrier and AI services are simulated.
    simulated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    simulated_voice: Option<SimulatedVoice>,
}

/// What the server is
#[utoipa::path(get, path = "/service", operation_id = "getService", tag = "service", responses((status = 200, body = ServiceBody)))]
pub(super) async fn service(Extract(state): Extract<State>) -> Json<ServiceBody> {
    let simulated_voice = state.simulated_voice;
    Json(ServiceBody { simulated: simulated_voice.is_some(), simulated_voice })
}
