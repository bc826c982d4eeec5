//! A whole server in a few lines: the parts put together, in the order in which they must start and stop.

mod builder;
mod calls;
mod handler;
mod options;
mod signal;
#[cfg(feature = "sim")]
mod simulated;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tracing::{info, warn};
use voicecall_core::{ErrorKind, Result};
use voicecall_engine::CallEngine;

pub use builder::ServerBuilder;
pub use calls::{Call, Calls, PlacedCall};
pub use options::CallOptions;

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
    options: ServeOptions,
    checks_credentials: bool,
    drain: Duration,
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

    /// All routes: those of carriers, `/health`, and the application's. To be nested into another router; the calls need
    /// [`run`](Self::run) beside it.
    pub fn router(&self) -> Router {
        server::routes(Arc::clone(&self.engine)).merge(self.routes.clone())
    }

    /// Serves on `address` (`host:port`) until the process is told to end (SIGTERM or Ctrl-C): then takes no more calls,
    /// lets those there are end, and stops.
    ///
    /// # Errors
    /// As [`serve_on`](Self::serve_on); `Config` if the address cannot be listened on.
    pub async fn serve(self, address: &str) -> Result<()> {
        let listener = server::listen("address", address).await?;
        self.serve_on(listener, signal::told_to_end()).await
    }

    /// Serves on `listener` until `stop` is done, as [`serve`](Self::serve) does.
    ///
    /// # Errors
    /// `Unauthenticated` if a carrier does not know the credentials; `Config` naming an option that is out of its range;
    /// when the store cannot be read; `Unavailable` if the listener cannot be used any more.
    pub async fn serve_on(self, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<()> {
        let address = listener.local_addr().ok();
        let (close, closed) = oneshot::channel::<()>();
        let closed = async {
            // Dropped as well when this future is.
            let _ = closed.await;
        };
        // First the options: a wrong one is an error before anything has begun.
        let served = server::serve(listener, self.router(), self.options.clone(), closed)?;
        self.start(address).await?;
        let mut served = tokio::spawn(served);
        let mut broke = None;
        // A listener that is of no use any more is a reason to stop as well.
        let stop = async {
            tokio::select! {
                () = stop => {}
                ended = &mut served => broke = Some(ended),
            }
        };
        self.run_started(stop).await;
        let _ = close.send(());
        let ended = match broke {
            Some(ended) => ended,
            None => served.await,
        };
        match ended {
            Ok(served) => served,
            Err(error) => Err(voicecall_core::Error::new(ErrorKind::Internal, "serve").with_source(error)),
        }
    }

    /// What calls need beside the routes, until `stop` is done and they have ended: recovery first, then dialling,
    /// supervision and leases. For those who serve [`router`](Self::router) themselves.
    ///
    /// # Errors
    /// `Unauthenticated` if a carrier does not know the credentials; when the store cannot be read.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Result<()> {
        self.start(None).await?;
        self.run_started(stop).await;
        Ok(())
    }

    async fn start(&self, address: Option<SocketAddr>) -> Result<()> {
        if self.checks_credentials {
            self.check_credentials().await?;
        }
        self.engine.recover().await?;
        let config = self.engine.config();
        if let Some(address) = address {
            info!(%address, public_url = %config.public_url, "serving");
        }
        for account in self.engine.accounts() {
            let url = config.incoming_url(account.name())?;
            info!(account = %account.name(), %url, "calls to this account's numbers are asked about here");
        }
        Ok(())
    }

    async fn check_credentials(&self) -> Result<()> {
        for account in self.engine.accounts() {
            match account.backend().health().await {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Config) => {
                    return Err(error);
                }
                Err(error) => warn!(account = %account.name(), %error, "the carrier could not be asked"),
            }
        }
        Ok(())
    }

    async fn run_started(&self, stop: impl Future<Output = ()>) {
        let background = self.engine.run_background();
        let shut_down = async {
            stop.await;
            let ended = self.engine.shutdown(self.drain).await;
            if ended > 0 {
                warn!(ended, "calls were ended because the time to drain was over");
            }
        };
        tokio::join!(background, shut_down);
    }
}
