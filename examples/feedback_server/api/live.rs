//! `GET /calls/live`: the calls of a business as they happen, as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Extension, State as Extract};
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::stream::unfold;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::time::{Instant, sleep};
use tracing::warn;
use utoipa::IntoParams;
use voicecall::engine::{LiveEvent, LiveEventKind};
use voicecall::server::ClientConnection;
use voicecall::store::{PageRequest, SessionFilter};
use voicecall::survey::store::SurveyCall;
use voicecall::{SessionId, TenantId};

use super::calls::live_statuses;
use super::input::Parameters;
use super::limit::{TokenKey, Turn};
use super::session::SessionBody;
use super::{ApiError, Claims, State};

/// How often is looked whether the reader may still read.
const LOOK: Duration = Duration::from_secs(1);

/// How often a comment shows that the connection is alive.
const PING: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LiveQuery {
    #[param(value_type = Uuid)]
    business_id: TenantId,
}

/// Calls as they happen
///
/// `text/event-stream`: `call` (a session: all that are not over at the start, then each that changes), `said` (callId, atMs,
/// speaker, text, unheard), `cost` (callId, costEstimate), `ended` (a session); a comment every 15 s. What is said is in
/// memory only. Whoever reads too slowly, or whose token has expired or was taken back, is cut off.
#[utoipa::path(
    get, path = "/calls/live", operation_id = "followCalls", tag = "calls",
    params(LiveQuery),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
    ),
)]
pub(super) async fn live(
    Extract(state): Extract<State>,
    claims: Claims,
    Parameters(query): Parameters<LiveQuery>,
    Extension(token): Extension<TokenKey>,
    connection: Option<Extension<ClientConnection>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    claims.allow(query.business_id)?;
    let turn = state.limits.stream(&token)?;
    if let Some(Extension(connection)) = connection {
        // It waits for calls, and shall not be taken for somebody who keeps a connection for nothing.
        connection.authenticated();
    }
    // Before the snapshot: what happens in between comes twice and not never.
    let (events, changes) = (state.engine.subscribe(), state.changes.subscribe());
    let open = open_calls(&state, query.business_id).await?;
    let mut reader = Reader {
        business: query.business_id,
        claims,
        _turn: turn,
        pinged: Instant::now(),
        waiting: VecDeque::new(),
        events,
        changes,
        state,
    };
    for call in open {
        reader.tell_of(call).await?;
    }
    Ok(Sse::new(unfold(reader, async |mut reader| Some((Ok(reader.next().await?), reader)))))
}

/// The calls of a business that are not over, oldest first. Read from the last page to the first: one that ends meanwhile
/// moves others to pages that are still to come, so that they may come twice and none is missed.
async fn open_calls(state: &State, business: TenantId) -> Result<Vec<SurveyCall>, ApiError> {
    // What is asked for from now on is told as it happens, and would move others to pages that were read.
    let filter = SessionFilter { statuses: live_statuses(), until: Some(Timestamp::now()), ..SessionFilter::default() };
    let first = PageRequest { page: 1, per_page: PageRequest::MAX_PER_PAGE };
    let total = state.store().sessions(business, &filter, first).await?.total;
    let pages = u32::try_from(total.div_ceil(first.per_page.into())).unwrap_or(u32::MAX);
    let mut calls = Vec::new();
    for page in (1..=pages).rev() {
        let page = state.store().calls(business, &filter, PageRequest { page, ..first }).await?;
        calls.extend(page.items.into_iter().rev());
    }
    Ok(calls)
}

struct Reader {
    state: State,
    business: TenantId,
    claims: Claims,
    /// One of the token's streams.
    _turn: Turn,
    pinged: Instant,
    waiting: VecDeque<Event>,
    events: Receiver<LiveEvent>,
    changes: Receiver<(TenantId, SessionId)>,
}

impl Reader {
    /// The next event; `None` for the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            // A reader that is too slow misses something, and is cut off rather than misled.
            tokio::select! {
                event = self.events.recv() => match event {
                    Ok(event) if event.tenant == self.business => self.take_in(event).await,
                    Ok(_) => {}
                    Err(_) => return None,
                },
                change = self.changes.recv() => match change {
                    Ok((business, session)) if business == self.business => self.look_up(session).await,
                    Ok(_) => {}
                    Err(_) => return None,
                },
                () = sleep(LOOK) => {}
            }
            if self.pinged.elapsed() >= PING {
                self.pinged = Instant::now();
                self.waiting.push_back(Event::default().comment("ping"));
            }
            // Also among many events: an expired token reads nothing more, and nobody keeps the server from stopping.
            let stopping = self.state.engine.is_draining() && self.state.engine.count() == (0, 0);
            let is_revoked = self.state.tokens.is_revoked(&self.claims).unwrap_or(true);
            if stopping || is_revoked || Timestamp::now() > self.claims.expires() {
                return None;
            }
        }
    }

    async fn take_in(&mut self, event: LiveEvent) {
        let (id, at) = (event.session, event.at.as_millis());
        let said = |speaker: &str, text: &str, unheard: &str| {
            let said = json!({ "callId": id, "atMs": at, "speaker": speaker, "text": text, "unheard": unheard });
            named("said", &said)
        };
        match &event.kind {
            LiveEventKind::AgentSaid { heard, unheard } => self.waiting.extend(said("agent", heard, unheard)),
            LiveEventKind::CallerSaid { text: Some(text) } => self.waiting.extend(said("caller", text, "")),
            LiveEventKind::Cost { micros } => {
                let cost = json!({ "callId": id, "costEstimate": *micros as f64 / 1e6 });
                self.waiting.extend(named("cost", &cost));
            }
            LiveEventKind::Placed
            | LiveEventKind::Connected
            | LiveEventKind::ConsentGiven
            | LiveEventKind::Postponed { .. }
            | LiveEventKind::Ended { .. } => self.look_up(id).await,
            _ => {}
        }
    }

    async fn look_up(&mut self, id: SessionId) {
        let told = match self.state.store().call(self.business, id).await {
            Ok(call) => self.tell_of(call).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = told {
            warn!(session = %id, ?error, "a change could not be told");
        }
    }

    async fn tell_of(&mut self, call: SurveyCall) -> Result<(), ApiError> {
        let name = if call.session.status.is_final() { "ended" } else { "call" };
        let body = SessionBody::of(&self.state, call).await?;
        self.waiting.extend(named(name, &body));
        Ok(())
    }
}

fn named(name: &str, data: &impl Serialize) -> Option<Event> {
    // Plain data is always JSON.
    Event::default().event(name).json_data(data).ok()
}
