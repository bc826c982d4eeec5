//! From the start of a server to its end, in the order that loses no call.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};
use tracing::{info, warn};
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_engine::CallEngine;

use super::jobs::RunningJobs;
use super::{Calls, Server};
use crate::server;

impl Server {
    /// Serves on `address` (`host:port`) until the process is told to end (SIGTERM or Ctrl-C): then takes no more calls,
    /// lets those there are end, and stops.
    ///
    /// # Errors
    /// As [`serve_on`](Self::serve_on); `Config` if the address cannot be listened on.
    pub async fn serve(self, address: &str) -> Result<()> {
        // Asked for before the first call can come.
        let stop = server::told_to_end();
        let listener = server::listen("address", address).await?;
        self.serve_on(listener, stop).await
    }

    /// Serves on `listener` until `stop` is done, as [`serve`](Self::serve) does.
    ///
    /// # Errors
    /// As [`start_on`](Self::start_on), and as [`RunningServer::stop`].
    pub async fn serve_on(self, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<()> {
        self.begin(listener).await?.run(stop).await
    }

    /// Starts serving on `address` (`host:port`; port 0 for any that is free), and returns once calls are taken.
    ///
    /// # Errors
    /// As [`start_on`](Self::start_on); `Config` if the address cannot be listened on.
    pub async fn start(self, address: &str) -> Result<RunningServer> {
        self.start_on(server::listen("address", address).await?).await
    }

    /// Starts serving on `listener`, and returns once calls are taken.
    ///
    /// # Errors
    /// `Config` if the vault lacks a key that the store was written with, or naming an option that is out of its range;
    /// `Unauthenticated` if a carrier does not know the credentials;
    /// `NotFound` naming a number that shall be [configured](super::ServerBuilder::configure_numbers) and does not belong to
    /// its account; when the store cannot be read.
    pub async fn start_on(self, listener: TcpListener) -> Result<RunningServer> {
        let address = listener.local_addr();
        let address = address.map_err(|error| Error::config("address", "a listener").with_source(error))?;
        let (calls, engine) = (self.calls(), Arc::clone(self.engine()));
        let started = self.begin(listener).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(started.run(async {
            // Dropped as well when the handle is.
            let _ = stopped.await;
        }));
        Ok(RunningServer { address, calls, engine, stop, task })
    }

    /// What calls need beside the routes, until `stop` is done and they have ended: recovery first, then dialling,
    /// supervision and leases, and background jobs. For those who serve [`router`](Self::router) themselves.
    ///
    /// # Errors
    /// `Config` if the vault lacks a key that the store was written with; `Unauthenticated` if a carrier does not know the
    /// credentials; when the store cannot be read.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<()> {
        self.prepare().await?;
        let jobs = std::mem::take(&mut self.jobs).start();
        self.run_calls(stop).await;
        jobs.stop().await;
        Ok(())
    }

    /// Everything up to the first call.
    async fn begin(mut self, listener: TcpListener) -> Result<Started> {
        let address = listener.local_addr().ok();
        let (close, closed) = oneshot::channel::<()>();
        let closed = async {
            // Dropped as well when the server is.
            let _ = closed.await;
        };
        // First the options: a wrong one is an error before anything has begun.
        let served = server::serve(listener, self.router(), self.options.clone(), closed)?;
        self.prepare().await?;
        if let Some(address) = address {
            info!(%address, public_url = %self.engine.config().public_url, "serving");
        }
        let jobs = std::mem::take(&mut self.jobs).start();
        let served = tokio::spawn(served);
        Ok(Started { server: self, jobs, served, close })
    }

    async fn prepare(&self) -> Result<()> {
        self.engine.check_keys().await?;
        #[cfg(feature = "workflow")]
        self.workflows.check().await?;
        if self.checks_credentials {
            self.check_credentials().await?;
        }
        self.engine.recover().await?;
        self.announce_numbers().await
    }

    async fn check_credentials(&self) -> Result<()> {
        for account in self.engine.accounts() {
            match self.engine.check_account(account.name()).await {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Config) => {
                    return Err(error);
                }
                Err(error) => warn!(account = %account.name(), %error, "the carrier could not be asked"),
            }
        }
        Ok(())
    }

    /// Places calls and watches over them until `stop` is done and they have ended.
    async fn run_calls(&self, stop: impl Future<Output = ()>) {
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

/// A server that takes calls.
struct Started {
    server: Server,
    jobs: RunningJobs,
    served: JoinHandle<Result<()>>,
    close: oneshot::Sender<()>,
}

impl Started {
    /// Runs until `stop` is done: then the calls end first, after them the jobs, which may have to do with the last of the
    /// calls, and then the routes, which calls and jobs may need.
    async fn run(self, stop: impl Future<Output = ()>) -> Result<()> {
        let Self { server, jobs, mut served, close } = self;
        let mut broke = None;
        // A listener that is of no use any more is a reason to stop as well.
        let stop = async {
            tokio::select! {
                () = stop => {}
                ended = &mut served => broke = Some(ended),
            }
        };
        server.run_calls(stop).await;
        jobs.stop().await;
        let _ = close.send(());
        let ended = match broke {
            Some(ended) => ended,
            None => served.await,
        };
        info!("stopped");
        ended.map_err(failed)?
    }
}

/// A server that runs, in a task of its own. If this is dropped, it stops as well, and nobody learns how.
#[derive(Debug)]
pub struct RunningServer {
    address: SocketAddr,
    calls: Calls,
    engine: Arc<CallEngine>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl RunningServer {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
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

    /// Takes no more calls, lets those there are end, then the background jobs, and stops serving.
    ///
    /// # Errors
    /// `Unavailable` if the listener could not be used any more; `Internal` if the server panicked.
    pub async fn stop(self) -> Result<()> {
        self.run_until(ready(())).await
    }

    /// Goes on until `stop` is done, then [stops](Self::stop). A server whose listener breaks stops by itself.
    ///
    /// # Errors
    /// As [`stop`](Self::stop).
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<()> {
        let ended = tokio::select! {
            ended = &mut self.task => ended,
            () = stop => {
                // It may have ended just now.
                let _ = self.stop.send(());
                self.task.await
            }
        };
        ended.map_err(failed)?
    }
}

fn failed(error: JoinError) -> Error {
    Error::new(ErrorKind::Internal, "serve").with_source(error)
}
