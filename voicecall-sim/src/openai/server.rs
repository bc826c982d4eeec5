//! The emulator as a server on the loopback interface.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use voicecall_core::{Error, ErrorKind, Result};

use super::realtime::{self, Realtime, Sockets};
use super::{ApiError, EarService, ScriptedLlm, Voice, routes};
use crate::clips::{Fallback, Library};
use crate::delivery::Delivery;
use crate::fault::{Fault, Faults, Site};
use crate::http_server::serve;
use crate::matcher::ClipMatcher;
use crate::scenario::{Part, Scenario};

/// What the services speak and hear with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServiceOptions {
    /// The clips; the bundled ones by default.
    pub library: Library,
    /// What understands them; ears for the bundled ones by default.
    pub ears: ClipMatcher,
    /// Who says what no clip says; nobody by default.
    pub fallback: Fallback,
    /// How sockets of the Realtime API behave.
    pub realtime: realtime::Options,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            library: Library::bundled().clone(),
            ears: ClipMatcher::bundled().clone(),
            fallback: Fallback::default(),
            realtime: realtime::Options::default(),
        }
    }
}

/// The emulator, listening on a free port of the loopback interface until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    sockets: Arc<Sockets>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts the services of `scenario` with the bundled clips; clients must present `api_key`.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if no port can be opened.
    pub async fn start(scenario: &Scenario, api_key: &str) -> Result<Self> {
        Self::start_with(scenario, api_key, ServiceOptions::default()).await
    }

    /// The same with other clips, ears, or somebody who says what no clip says.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if no port can be opened.
    pub async fn start_with(scenario: &Scenario, api_key: &str, options: ServiceOptions) -> Result<Self> {
        let unavailable = |error| Error::new(ErrorKind::Unavailable, "start emulator").with_source(error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(unavailable)?;
        let address = listener.local_addr().map_err(unavailable)?;
        let (router, sockets) = routed(scenario, api_key, options);
        let task = tokio::spawn(serve(listener, router, || ()));
        Ok(Self { address, sockets, task })
    }

    /// The address clients are configured with, such as `http://127.0.0.1:40123/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The sockets of the Realtime API.
    #[must_use]
    pub fn realtime(&self) -> &Sockets {
        &self.sockets
    }

    /// Stops listening, closes all connections and waits until that is done.
    pub async fn stop(mut self) {
        self.task.abort();
        // It ends by being aborted, which is what was asked for.
        let _ = (&mut self.task).await;
        if let Some(mut tasks) = self.sockets.close() {
            tasks.shutdown().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        drop(self.sockets.close());
    }
}

/// What all requests share. Each lock is held for one synchronous step only.
pub(super) struct Services {
    authorization: String,
    llm: Mutex<ScriptedLlm>,
    voice: Mutex<Voice>,
    pub(super) ear: EarService,
    faults: Mutex<Faults>,
}

impl Services {
    pub(super) fn new(scenario: &Scenario, api_key: &str, options: ServiceOptions) -> Arc<Self> {
        let ServiceOptions { library, ears, fallback, .. } = options;
        Arc::new(Self {
            authorization: format!("Bearer {api_key}"),
            llm: Mutex::new(ScriptedLlm::of(scenario)),
            ear: EarService::new(scenario, ears),
            voice: Mutex::new(Voice::new(scenario, library).with_fallback(fallback)),
            faults: Mutex::new(scenario.fault_plan().start()),
        })
    }

    pub(super) fn llm(&self) -> MutexGuard<'_, ScriptedLlm> {
        lock(&self.llm)
    }

    pub(super) fn voice(&self) -> MutexGuard<'_, Voice> {
        lock(&self.voice)
    }

    /// An answer as the fault plan lets it through. Counts as a visit of `site`.
    pub(super) fn deliver(&self, site: Site, delivery: Delivery) -> Result<Delivery, ApiError> {
        match self.draw(site) {
            Some(fault) => delivery.strike(&fault),
            None => Ok(delivery),
        }
    }

    /// What goes wrong with this visit of `site`.
    pub(super) fn draw(&self, site: Site) -> Option<Fault> {
        lock(&self.faults).draw(site)
    }
}

/// A panic while a lock was held leaves no half-made state behind: each step replaces single values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The services of `scenario` behind their routes, and the sockets of theirs that stay.
pub(super) fn routed(scenario: &Scenario, api_key: &str, options: ServiceOptions) -> (Router, Arc<Sockets>) {
    let sockets = Arc::new(Sockets::new());
    let realtime = options.realtime.clone();
    let services = Services::new(scenario, api_key, options);
    let ids = scenario.rng(Part::Realtime);
    let realtime = Realtime::new(Arc::clone(&services), Arc::clone(&sockets), realtime, ids);
    (router(services, realtime), sockets)
}

/// All routes, behind the check of the key.
fn router(services: Arc<Services>, realtime: Arc<Realtime>) -> Router {
    routes::all()
        .merge(realtime.routes())
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_route)
        .layer(middleware::from_fn_with_state(Arc::clone(&services), authenticate))
        .layer(middleware::map_response(name_request))
        .with_state(services)
}

async fn authenticate(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    match request.headers().get(header::AUTHORIZATION) {
        Some(value) if value.as_bytes() == services.authorization.as_bytes() => next.run(request).await,
        Some(_) => ApiError::unauthorized("Incorrect API key provided.").into_response(),
        None => ApiError::unauthorized(
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth.",
        )
        .into_response(),
    }
}

async fn name_request(mut response: Response) -> Response {
    let id = format!("req_{}", uuid::Uuid::new_v4().simple());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

async fn unknown_route(request: Request) -> ApiError {
    ApiError::not_found(format!("Invalid URL ({} {})", request.method(), request.uri().path()))
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // Statuses are constants of this module or checked by the fault plan.
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.body())).into_response();
        if let Some(wait) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        response
    }
}

/// Rounded up: who waits that long has waited long enough.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
