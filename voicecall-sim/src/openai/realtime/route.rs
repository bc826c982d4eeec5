//! `GET /v1/realtime`: who may open a socket, and what a fault does to that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use tokio::time::{Instant, sleep};

use super::super::ApiError;
use super::super::json::check_model;
use super::super::server::Services;
use super::connection::Connection;
use super::options::Options;
use super::session::Session;
use super::sockets::Sockets;
use crate::delivery::{Delivery, Ending};
use crate::fault::{Fault, Rng, Site};

/// The longest message: 15 MiB of audio in base64, and what is around it.
const LONGEST_MESSAGE: usize = 24 << 20;

/// What all sockets share.
pub(in super::super) struct Realtime {
    services: Arc<Services>,
    sockets: Arc<Sockets>,
    options: Options,
    ids: Mutex<Rng>,
}

impl Realtime {
    /// Sockets with these services, which are entered in `sockets` and whose names come from `ids`.
    pub(in super::super) fn new(
        services: Arc<Services>,
        sockets: Arc<Sockets>,
        options: Options,
        ids: Rng,
    ) -> Arc<Self> {
        Arc::new(Self { services, sockets, options, ids: Mutex::new(ids) })
    }

    /// The route, behind the check of the key that is the same for all.
    pub(in super::super) fn routes<S: Clone + Send + Sync + 'static>(self: Arc<Self>) -> Router<S> {
        Router::new().route("/v1/realtime", get(upgrade)).with_state(self)
    }

    /// Numbers for the names of the next session.
    fn fork(&self) -> Rng {
        Rng::new(self.ids.lock().unwrap_or_else(PoisonError::into_inner).next())
    }
}

async fn upgrade(
    State(realtime): State<Arc<Realtime>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    web: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let fault = realtime.services.draw(Site::OpenaiRealtime);
    if let Some(Fault::Latency { delay, .. }) = &fault {
        sleep(*delay).await;
    }
    let granted = grant(fault.as_ref(), &query);
    let granted = granted.and_then(|model| Ok((model, web.map_err(|error| ApiError::malformed(error.body_text()))?)));
    let (model, web) = granted.inspect_err(|_| realtime.sockets.refuse())?;
    if matches!(fault, Some(Fault::DropBefore)) {
        return Ok(dropped().await);
    }
    let asks_for_beta = headers.get("openai-beta").is_some_and(|value| value.as_bytes() == b"realtime=v1");
    let serving = Arc::clone(&realtime);
    let web = web.max_message_size(LONGEST_MESSAGE).max_frame_size(LONGEST_MESSAGE);
    Ok(web.on_upgrade(async move |web| {
        let Realtime { services, sockets, options, .. } = &*serving;
        let mut session = Session::new(Arc::clone(services), &model, options.session_limit, serving.fork());
        session.open(asks_for_beta);
        let socket = sockets.enter(session);
        if matches!(fault, Some(Fault::AcceptThenDrop)) {
            return socket.close();
        }
        let interjections = options.interjections.clone();
        let connection = Connection { web, socket, interjections, fault, opened: Instant::now() };
        sockets.spawn(connection.serve());
    }))
}

fn grant(fault: Option<&Fault>, query: &HashMap<String, String>) -> Result<String, ApiError> {
    match fault {
        Some(Fault::Error { status: 401, .. }) => return Err(ApiError::unauthorized("Incorrect API key provided.")),
        Some(Fault::Error { status, .. }) => return Err(ApiError::planned(*status)),
        Some(Fault::RateLimit { retry_after }) => return Err(ApiError::rate_limited(*retry_after)),
        _ => {}
    }
    if query.contains_key("call_id") {
        return Err(ApiError::invalid("call_id", "the simulated service has no calls of its own to attach to"));
    }
    let model = query.get("model").ok_or_else(|| ApiError::missing("model"))?;
    check_model(model).map(str::to_owned)
}

/// Closes the connection without an answer.
async fn dropped() -> Response {
    let nothing = Delivery { ending: Ending::Closed(std::time::Duration::ZERO), ..Delivery::default() };
    Response::new(nothing.into_body(Instant::now()).await)
}
