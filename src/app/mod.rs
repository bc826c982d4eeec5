//! A whole server in a few lines: the parts put together, in the order in which they must start and stop.

mod build;
mod builder;
mod calls;
mod handler;
mod jobs;
#[cfg(feature = "messaging")]
mod messages;
mod numbers;
mod options;
mod process;
mod running;
#[cfg(feature = "sim")]
mod simulated;
#[cfg(feature = "workflow")]
mod workflows;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio_util::sync::CancellationToken;
use voicecall_engine::CallEngine;

pub use builder::ServerBuilder;
pub use calls::{Call, Calls, PlacedCall};
pub use options::CallOptions;
pub use running::RunningServer;

use builder::MapRouter;
use jobs::Jobs;

use crate::server::{self, ServeOptions};

/// What becomes of a call that came in to a [`Server`].
pub type IncomingDecision = voicecall_engine::IncomingDecision<CallOptions>;

/// An engine with its routes, ready to serve. Everything it does can also be put together by hand, from [`CallEngine`],
/// [`server::routes`] and [`server::serve`].
///
/// ```no_run
/// use std::sync::Arc;
/// use voicecall::agent::VoiceAgent;
/// use voicecall::carrier::VoiceBackend;
/// use voicecall::dialogue::Scripted;
/// use voicecall::{IncomingDecision, Server};
///
/// // Such as `TwilioVoice::from_env()?` and `voicecall::openai::cascade_from_env()?`.
/// async fn run(carrier: impl VoiceBackend + 'static, agent: Arc<dyn VoiceAgent>) -> voicecall::Result<()> {
///     Server::builder()
///         .carrier(carrier)
///         .agent(agent)
///         .on_incoming(async |_call| Ok(IncomingDecision::connect(Scripted::new(["Hello, we are open until six."]))))
///         .serve("0.0.0.0:8080")
///         .await
/// }
/// ```
///
/// What is said in calls is kept only if it is said so ([`ServerBuilder::keep`], [`CallOptions::keep`]): by default nothing
/// but that a call took place, when, how it ended and what it cost.
#[derive(Debug)]
pub struct Server {
    engine: Arc<CallEngine>,
    calls: Calls,
    routes: Router,
    map_router: Option<MapRouter>,
    jobs: Jobs,
    options: ServeOptions,
    checks_credentials: bool,
    takes_calls: bool,
    configures_numbers: bool,
    #[cfg(feature = "messaging")]
    messengers: Vec<Arc<voicecall_messaging::Messenger>>,
    drain: Duration,
    #[cfg(feature = "workflow")]
    workflows: workflows::ServedWorkflows,
}

impl Server {
    /// Starts a configuration.
    #[must_use]
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Arc<CallEngine> {
        &self.engine
    }

    /// Places calls.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// Adds routes of the application that need what there is only now, such as the [engine](Self::engine); others can as
    /// well be [the builder's](ServerBuilder::routes).
    #[must_use]
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Adds a job that runs beside the calls, in a task of its own: from after the recovery until it is done, or the last
    /// call has ended and it is told to stop by its token. It then has ten seconds to end; the routes are served until it
    /// has.
    #[must_use]
    pub fn background<F, Fut>(mut self, job: F) -> Self
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.jobs.add(job);
        self
    }

    /// Takes in, answers and sends messages beside the calls, until the server stops. What somebody writes who is in a call
    /// reaches that call's next turn. Carriers are told where messages go if they are told about calls
    /// ([`configure_numbers`](ServerBuilder::configure_numbers)).
    #[cfg(feature = "messaging")]
    #[must_use]
    pub fn messages(mut self, messenger: Arc<voicecall_messaging::Messenger>) -> Self {
        messenger.hand_to_calls(Arc::new(messages::EngineCalls(Arc::clone(&self.engine))));
        self.routes = self.routes.merge(server::message_routes(Arc::clone(&messenger)));
        #[cfg(feature = "workflow")]
        {
            let job = self.workflows.follow(messenger.watch());
            self.jobs.add(job);
        }
        self.messengers.push(Arc::clone(&messenger));
        self.background(move |stop| async move { messenger.run_background(stop.cancelled_owned()).await })
    }

    /// Runs workflows on what happens with calls and messages, and tells webhooks of it, until the server stops. They are made
    /// over the server's store. What is under way at the end goes on in the next process.
    #[cfg(feature = "workflow")]
    #[must_use]
    pub fn workflows(mut self, workflows: Arc<voicecall_workflow::Workflows>) -> Self {
        self.engine.add_observer(self.workflows.observer());
        let job = self.workflows.serve(workflows);
        self.background(job)
    }

    /// All routes: those of carriers, `/health`, and the application's, with what [`map_router`](ServerBuilder::map_router)
    /// puts around them. To be nested into another router; the calls need [`run`](Self::run) beside it.
    pub fn router(&self) -> Router {
        let routes = server::routes(Arc::clone(&self.engine)).merge(self.routes.clone());
        match &self.map_router {
            Some(map_router) => map_router.0(routes),
            None => routes,
        }
    }
}
