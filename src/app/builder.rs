//! The configuration of a server.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use voicecall_core::agent::VoiceAgent;
use voicecall_core::call::Keep;
use voicecall_core::carrier::{ConverseSettings, IncomingCall, VoiceBackend};
use voicecall_core::store::{EngineStore, Session};
use voicecall_core::{Error, Result, TenantId, Vault};
use voicecall_engine::{CallHandler, CallOutcome, CarrierAccount, EngineConfig, Registry};

use super::handler::{OnFinished, OnIncoming, OnOutgoing};
use super::{CallOptions, IncomingDecision};
use crate::server::ServeOptions;

type Configure = Box<dyn FnOnce(&mut EngineConfig) + Send>;

/// What an application puts around all routes.
pub(super) struct MapRouter(pub(super) Box<dyn Fn(Router) -> Router + Send + Sync>);

impl fmt::Debug for MapRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MapRouter")
    }
}

/// The configuration of a [`Server`](super::Server). Whatever is missing or wrong is an error of [`build`](Self::build) that names it.
#[derive(Default)]
pub struct ServerBuilder {
    pub(super) accounts: Vec<Result<CarrierAccount>>,
    pub(super) accounts_file: Option<PathBuf>,
    pub(super) number_without_carrier: bool,
    pub(super) configures_numbers: bool,
    pub(super) agent: Option<Arc<dyn VoiceAgent>>,
    pub(super) store: Option<Arc<dyn EngineStore>>,
    pub(super) vault: Option<Arc<Vault>>,
    pub(super) tenant: Option<TenantId>,
    pub(super) public_url: Option<String>,
    pub(super) keep: Keep,
    pub(super) on_incoming: Option<OnIncoming>,
    pub(super) on_outgoing: Option<OnOutgoing>,
    pub(super) on_finished: Option<OnFinished>,
    pub(super) handler: Option<Arc<dyn CallHandler>>,
    pub(super) configure: Option<Configure>,
    pub(super) routes: Router,
    pub(super) map_router: Option<MapRouter>,
    pub(super) options: ServeOptions,
    pub(super) trusts_credentials: bool,
    pub(super) drain: Option<Duration>,
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("accounts", &self.accounts)
            .field("agent", &self.agent)
            .finish_non_exhaustive()
    }
}

impl ServerBuilder {
    /// Adds a carrier, as an account that is named like it.
    #[must_use]
    pub fn carrier(mut self, carrier: impl VoiceBackend + 'static) -> Self {
        self.accounts.push(CarrierAccount::of(Arc::new(carrier)));
        self
    }

    /// Adds a carrier account: for its own name, pace or several numbers.
    #[must_use]
    pub fn account(mut self, account: CarrierAccount) -> Self {
        self.accounts.push(Ok(account));
        self
    }

    /// Adds the accounts of a registry, in its order: such as one that was read by carriers of the application's own.
    #[must_use]
    pub fn accounts(mut self, registry: Registry) -> Self {
        self.accounts.extend(registry.accounts().iter().cloned().map(Ok));
        self
    }

    /// Adds the accounts of a TOML file, behind all others: see [`Registry::with_toml`], and [`registry`](crate::registry) for
    /// what their carriers read.
    #[must_use]
    pub fn accounts_from(mut self, path: impl Into<PathBuf>) -> Self {
        self.accounts_file = Some(path.into());
        self
    }

    /// A number of the carrier that was added last, in E.164. Calls that are placed come from the first one.
    #[must_use]
    pub fn number(mut self, number: &str) -> Self {
        match self.accounts.pop() {
            Some(account) => {
                let number = number.parse().map_err(|error: Error| error.with_field("number"));
                self.accounts.push(account.and_then(|account| Ok(account.number(number?))));
            }
            None => self.number_without_carrier = true,
        }
        self
    }

    /// Conducts the calls of the carrier that was added last in text: the carrier hears and speaks like this, and the agent
    /// only thinks ([`Cascade::of_model`](crate::agent::Cascade::of_model) needs no more). Dialogues are the same;
    /// [`CarrierAccount::converse`](voicecall_engine::CarrierAccount::converse) says what differs.
    #[must_use]
    pub fn converse(mut self, how: ConverseSettings) -> Self {
        match self.accounts.pop() {
            Some(account) => self.accounts.push(account.map(|account| account.converse(how))),
            None => self.number_without_carrier = true,
        }
        self
    }

    /// Whether the carriers are told at the start that calls to our numbers are asked about here, and messages to those of a
    /// [messenger](super::Server::messages) taken in: they are set to this server, whatever they were set to before. Otherwise it is only looked, and the log says which numbers lead elsewhere.
    #[must_use]
    pub const fn configure_numbers(mut self, configures: bool) -> Self {
        self.configures_numbers = configures;
        self
    }

    /// Who listens, thinks and speaks in calls that bring nobody of their own.
    #[must_use]
    pub fn agent(mut self, agent: Arc<dyn VoiceAgent>) -> Self {
        self.agent = Some(agent);
        self
    }

    /// Where sessions are kept, such as a `SqliteStore` or an `Arc<dyn EngineStore>`; in memory otherwise. One that outlives
    /// the process needs a [`vault`](Self::vault).
    #[must_use]
    pub fn store(mut self, store: impl EngineStore + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// What seals personal data before a store sees it: with the key under which the store's data was sealed before.
    #[must_use]
    pub fn vault(mut self, vault: impl Into<Arc<Vault>>) -> Self {
        self.vault = Some(vault.into());
        self
    }

    /// Whose sessions they are, in a store that several applications use; one tenant's, always the same, otherwise.
    #[must_use]
    pub const fn tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// The address by which carriers reach this server; the variable `PUBLIC_URL` otherwise.
    #[must_use]
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// What is kept of calls that do not say it themselves: nothing, unless told otherwise.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// What becomes of calls that come in. Asked before a call is answered, and once more if the call breaks off and goes
    /// on, then with what is [kept](IncomingCall) of it; it has [`decision_timeout`](voicecall_engine::CallRules::decision_timeout).
    /// Without it, numbers are not in service.
    #[must_use]
    pub fn on_incoming<F, Fut>(mut self, decide: F) -> Self
    where
        F: Fn(IncomingCall) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<IncomingDecision>> + Send + 'static,
    {
        self.on_incoming = Some(Box::new(move |call| Box::pin(decide(call))));
        self
    }

    /// Who conducts calls of ours that did not bring their dialogue, or whose dialogue is gone: further attempts, calls that
    /// broke off, and those that waited when the process ended.
    #[must_use]
    pub fn on_outgoing<F, Fut>(mut self, conduct: F) -> Self
    where
        F: Fn(Session) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<CallOptions>> + Send + 'static,
    {
        self.on_outgoing = Some(Box::new(move |session| Box::pin(conduct(session))));
        self
    }

    /// Told of every call that is over, once everything of it is stored.
    #[must_use]
    pub fn on_finished<F, Fut>(mut self, told: F) -> Self
    where
        F: Fn(CallOutcome) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.on_finished = Some(Box::new(move |outcome| Box::pin(told(outcome))));
        self
    }

    /// The application's own handler, in the place of the agent, of what is kept and of what is done `on_…`.
    #[must_use]
    pub fn handler(mut self, handler: Arc<dyn CallHandler>) -> Self {
        self.handler = Some(handler);
        self
    }

    /// Changes the engine's settings.
    #[must_use]
    pub fn configure(mut self, configure: impl FnOnce(&mut EngineConfig) + Send + 'static) -> Self {
        self.configure = Some(Box::new(configure));
        self
    }

    /// The application's own routes, beside those of carriers. Routes that need the engine are added to the
    /// [server](super::Server::routes).
    #[must_use]
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// What is put around all routes, those of carriers too, such as a layer. Carriers sign the whole address: a router
    /// that is nested here below a path belongs behind a [`public_url`](Self::public_url) with that path.
    #[must_use]
    pub fn map_router(mut self, map: impl Fn(Router) -> Router + Send + Sync + 'static) -> Self {
        self.map_router = Some(MapRouter(Box::new(map)));
        self
    }

    /// How connections are treated.
    #[must_use]
    pub fn options(mut self, options: ServeOptions) -> Self {
        self.options = options;
        self
    }

    /// Logs to standard error, from now on, what `RUST_LOG` says: `info` unless it is set. Does nothing if the application
    /// has a log of its own.
    #[cfg(feature = "log")]
    #[must_use]
    pub fn log(self) -> Self {
        super::process::start_log();
        self
    }

    /// Starts without asking carriers whether they know the credentials.
    #[must_use]
    pub const fn trust_credentials(mut self) -> Self {
        self.trusts_credentials = true;
        self
    }

    /// How long calls may go on once the server is to stop; a minute otherwise.
    #[must_use]
    pub const fn drain(mut self, limit: Duration) -> Self {
        self.drain = Some(limit);
        self
    }

    /// Builds the server and [serves](super::Server::serve).
    ///
    /// # Errors
    /// As [`build`](Self::build) and [`Server::serve`](super::Server::serve).
    pub async fn serve(self, address: &str) -> Result<()> {
        self.build()?.serve(address).await
    }
}
