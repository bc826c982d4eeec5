//! From a configuration to a server: what is missing or wrong is found here.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use url::Url;
use voicecall_core::call::Keep;
use voicecall_core::store::MemoryStore;
use voicecall_core::{Error, Result, TenantId, Vault};
use voicecall_engine::{CallEngine, CallHandler, EngineConfig, Registry};

use super::handler::App;
use super::jobs::Jobs;
use super::{Calls, Server, ServerBuilder, process};

/// What the engine asks, and the same if it is ours.
type Handlers = (Arc<dyn CallHandler>, Option<Arc<App>>);

/// How long calls may go on once the server is to stop, unless it is said.
const DRAIN: Duration = Duration::from_secs(60);

impl ServerBuilder {
    /// Checks the configuration and puts the parts together. Sets a provider of cryptography for TLS if the process has
    /// none yet.
    ///
    /// # Errors
    /// `Config` naming what is missing or wrong.
    pub fn build(mut self) -> Result<Server> {
        process::install_crypto_provider();
        if (self.accounts.is_empty() && self.accounts_file.is_none()) || self.number_without_carrier {
            return Err(Error::config("carrier", "a carrier: .carrier(…) before its .number(…) or .converse(…)"));
        }
        let vault = match (self.vault.take(), &self.store) {
            (Some(vault), _) => vault,
            (None, None) => Arc::new(Vault::generate()?),
            (None, Some(_)) => return Err(Error::config("vault", "the key of what the store holds: .vault(…)")),
        };
        let tenant = self.tenant.unwrap_or_else(|| TenantId::from_uuid(uuid::Uuid::nil()));
        let (handler, app) = self.take_handler(tenant, &vault)?;
        let public_url = public_url(self.public_url.take())?;
        let accounts = self.registry(&public_url)?;
        let mut config = EngineConfig::new(public_url);
        config.services =
            app.as_ref().and_then(|app| app.agent.as_ref()).map(|agent| agent.services()).unwrap_or_default();
        if let Some(configure) = self.configure {
            configure(&mut config);
        }
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let engine = CallEngine::new(config, store, accounts, handler, Arc::clone(&vault))?;
        // A handler of the application's own may take calls.
        let takes_calls = app.as_ref().is_none_or(|app| app.on_incoming.is_some());
        if let Some(app) = &app {
            engine.add_observer(Arc::<App>::clone(app));
        }
        Ok(Server {
            calls: Calls::new(Arc::clone(&engine), app, vault, tenant),
            engine,
            routes: self.routes,
            map_router: self.map_router,
            jobs: Jobs::default(),
            options: self.options,
            checks_credentials: !self.trusts_credentials,
            takes_calls,
            configures_numbers: self.configures_numbers,
            #[cfg(feature = "messaging")]
            messengers: Vec::new(),
            drain: self.drain.unwrap_or(DRAIN),
            #[cfg(feature = "workflow")]
            workflows: super::workflows::ServedWorkflows::default(),
        })
    }

    fn registry(&mut self, public_url: &Url) -> Result<Registry> {
        let mut accounts = std::mem::take(&mut self.accounts).into_iter();
        let registry = accounts.try_fold(crate::registry(), |all, account| Ok::<_, Error>(all.with(account?)))?;
        match &self.accounts_file {
            Some(path) => registry.with_file(path, public_url),
            None => Ok(registry),
        }
    }

    /// The application's handler, or ours of what it said.
    fn take_handler(&mut self, tenant: TenantId, vault: &Arc<Vault>) -> Result<Handlers> {
        let is_own = self.agent.is_some()
            || self.keep != Keep::Nothing
            || self.on_incoming.is_some()
            || self.on_outgoing.is_some()
            || self.on_finished.is_some();
        if let Some(handler) = self.handler.take() {
            let expected = "either .handler(…), or .agent(…), .keep(…) and what is done .on_…(…)";
            return if is_own { Err(Error::config("handler", expected)) } else { Ok((handler, None)) };
        }
        if self.agent.is_none() {
            return Err(Error::config("agent", "an agent: .agent(…)"));
        }
        let app = Arc::new(App {
            agent: self.agent.take(),
            keep: self.keep.clone(),
            tenant,
            vault: Arc::clone(vault),
            on_incoming: self.on_incoming.take(),
            on_outgoing: self.on_outgoing.take(),
            on_finished: self.on_finished.take(),
            waiting: Mutex::default(),
        });
        Ok((Arc::<App>::clone(&app), Some(app)))
    }
}

fn public_url(given: Option<String>) -> Result<Url> {
    let how = "the https address by which carriers reach this server";
    let text = given.or_else(|| std::env::var("PUBLIC_URL").ok()).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Error::config("PUBLIC_URL", how))?;
    Url::parse(&text).map_err(|error| Error::config("PUBLIC_URL", how).with_source(error))
}
