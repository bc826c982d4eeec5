//! The HTTP interface of the feedback service: JSON in camel case, bearer tokens, one shape of error.

mod ai;
mod analytics;
mod bounds;
mod businesses;
mod call;
mod calls;
mod complete;
mod customers;
mod document;
mod error;
mod etag;
mod events;
mod idempotency;
mod initiate;
mod input;
mod limit;
mod live;
mod page;
mod problem;
mod questions;
mod recording;
mod request_id;
mod revoked;
mod schema;
mod scope;
mod search;
mod select;
mod service;
mod session;
mod shapes;
mod signature;
mod telephony;
mod token;
mod verifications;
mod webhook;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{Mutex, broadcast};
use tracing::warn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use voicecall::engine::{CallEngine, CarrierAccount};
use voicecall::store::{EngineStore, Session};
use voicecall::{AccountName, Error, ErrorKind, PhoneNumber, SealedAddress, SealedRow, SessionId, TenantId, Vault};

use crate::choice::Chooser;
use crate::recordings::Recordings;
use crate::settings::Settings;
use crate::store::{BusinessStore, OperatorStore};
use crate::verification::VerificationSource;
use document::Access;
pub(crate) use error::ApiError;
use error::ErrorBody;
use idempotency::Answers;
use limit::Limits;
pub(crate) use limit::Rates;
pub(crate) use request_id::name_request;
pub(crate) use revoked::Revoked;
pub(crate) use scope::Scope;
pub(crate) use service::SimulatedVoice;
pub(crate) use session::SummaryBody;
pub(crate) use signature::WebhookSecret;
pub(crate) use token::{Claims, Tokens};
pub(crate) use words::EndReason;

/// What every route needs.
#[derive(Debug, Clone)]
pub(crate) struct State {
    store: Arc<dyn BusinessStore>,
    /// For webhooks, whose senders know no businesses.
    across: Arc<dyn EngineStore>,
    engine: Arc<CallEngine>,
    verifications: Arc<dyn VerificationSource>,
    vault: Arc<Vault>,
    chooser: Arc<Chooser>,
    recordings: Recordings,
    /// Absent where calls are real.
    simulated_voice: Option<SimulatedVoice>,
    tokens: Tokens,
    webhook_secret: WebhookSecret,
    limits: Limits,
    answers: Answers,
    /// Whoever changes a shop that must not have changed meanwhile has this.
    changing: Arc<Mutex<()>>,
    /// Sessions that routes changed. The engine tells of what it does itself.
    changes: broadcast::Sender<(TenantId, SessionId)>,
}

/// Changes kept for a reader that is behind; one that is further behind is cut off.
const CHANGES: usize = 1024;

impl State {
    /// What routes need of a server with these settings.
    pub(crate) fn new(
        settings: &Settings,
        store: Arc<dyn OperatorStore>,
        engine: Arc<CallEngine>,
        verifications: Arc<dyn VerificationSource>,
        vault: Arc<Vault>,
        chooser: Arc<Chooser>,
        simulated_voice: Option<SimulatedVoice>,
    ) -> Self {
        let recordings = Recordings::new(&settings.recordings, settings.content_seal(&vault));
        Self {
            store: Arc::<dyn OperatorStore>::clone(&store),
            across: store,
            engine,
            verifications,
            vault,
            chooser,
            recordings,
            simulated_voice,
            tokens: settings.tokens(),
            webhook_secret: settings.webhook_secret(),
            limits: Limits::new(settings.rates),
            answers: Answers::default(),
            changing: Arc::default(),
            changes: broadcast::channel(CHANGES).0,
        }
    }

    /// Tells those who watch that a route changed a session.
    fn tell(&self, session: &Session) {
        // Nobody watching is the normal case.
        let _ = self.changes.send((session.tenant, session.id));
    }

    /// The account whose reports come without the name of an attempt.
    fn account(&self) -> voicecall::Result<AccountName> {
        let account = self.engine.accounts().first().map(CarrierAccount::name);
        account.ok_or_else(|| Error::new(ErrorKind::NotFound, "find account"))
    }

    fn store(&self) -> &dyn BusinessStore {
        &*self.store
    }

    /// A customer's number as clients see it; `None` if it cannot be read, so that one such row hides no other.
    fn masked(&self, row: SealedRow, customer: &SealedAddress) -> Option<String> {
        match self.vault.open_address(row, customer) {
            Ok(address) => address.as_phone().map(PhoneNumber::masked),
            Err(error) => {
                warn!(%row, %error, "a number cannot be read");
                None
            }
        }
    }
}

/// The routes, under `/api` and, the same, under `/v1`, each with its document.
///
/// # Errors
/// When the document cannot be written as JSON.
pub(crate) fn routes(state: &State) -> Result<Router, serde_json::Error> {
    let mut all = OpenApiRouter::with_openapi(document::empty()).merge(group(Access::Signature, signed()));
    let guarded = [
        (Scope::Read, reading()),
        (Scope::Operate, operating()),
        (Scope::Privacy, of_one_person()),
        (Scope::Admin, managing()),
    ];
    for (scope, routes) in guarded {
        let check = from_fn_with_state((state.clone(), scope), token::authenticate);
        let once = from_fn_with_state(state.clone(), idempotency::once);
        all = all.merge(group(Access::Token(scope), routes).route_layer(once).route_layer(check));
    }
    let (routes, document) = all.split_for_parts();
    let document = Bytes::from(serde_json::to_vec(&document::complete(document))?);
    let routes = routes
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "not_found", "no such route"))
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "not a method of this route")
        })
        .layer(DefaultBodyLimit::max(input::LONGEST_BODY))
        .layer(from_fn(problem::as_asked))
        .layer(map_response(keep_nothing))
        .with_state(state.clone());
    let mut router = Router::new();
    for prefix in ["/api", "/v1"] {
        router = router.nest(prefix, routes.clone()).merge(document::routes(prefix, &document));
    }
    Ok(router)
}

/// Nobody between us and the business keeps what an answer says, or takes it for something else.
async fn keep_nothing(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What needs a token that may read.
fn reading() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(calls::list))
        .routes(routes!(search::search))
        .routes(routes!(live::live))
        .routes(routes!(call::one))
        .routes(routes!(recording::recording))
        .routes(routes!(session::status))
        .routes(routes!(events::list))
        .routes(routes!(select::preview))
        .routes(routes!(select::selections))
        .routes(routes!(questions::list))
        .routes(routes!(businesses::list))
        .routes(routes!(businesses::one))
        .routes(routes!(analytics::summary))
        .routes(routes!(analytics::table))
        .routes(routes!(verifications::list))
        .routes(routes!(verifications::one))
        .routes(routes!(service::service))
}

/// What needs a token that may place calls and change what they ask.
fn operating() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(initiate::initiate))
        .routes(routes!(calls::cancel))
        .routes(routes!(complete::complete))
        .routes(routes!(events::log))
        .routes(routes!(select::select))
        .routes(routes!(questions::create))
        .routes(routes!(questions::replace, questions::switch_off))
        .routes(routes!(verifications::create))
        .routes(routes!(verifications::decide))
        .routes(routes!(customers::forbid_calls))
        .routes(routes!(customers::allow_calls))
}

/// What needs a token that may see and erase everything of one person.
fn of_one_person() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(customers::export)).routes(routes!(customers::erase))
}

/// What needs a token that may say how the business calls.
fn managing() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(businesses::replace, businesses::change))
}

/// What needs a signature.
fn signed() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(telephony::report)).routes(routes!(ai::report))
}

/// A group of routes whose document says how it is guarded.
fn group(access: Access, mut routes: OpenApiRouter<State>) -> OpenApiRouter<State> {
    document::guard(routes.get_openapi_mut(), access);
    routes
}

/// Refuses an instant that has not come yet: a timeline cannot go back behind it. Clocks may differ by a minute.
///
/// # Errors
/// 422 naming `field`.
fn not_in_the_future(field: &str, at: Option<Timestamp>, now: Timestamp) -> Result<(), ApiError> {
    let latest = now.checked_add(jiff::SignedDuration::from_mins(1)).unwrap_or(Timestamp::MAX);
    match at {
        Some(at) if at > latest => Err(ApiError::unprocessable("in_the_future", field, "lies in the future")),
        _ => Ok(()),
    }
}
