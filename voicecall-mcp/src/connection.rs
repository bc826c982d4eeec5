//! One connection to a server, from the handshake to its end.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{ClientCapabilities, Implementation, InitializeRequestParams, ProtocolVersion};
use rmcp::service::{ClientCacheConfig, Peer, RunningService, ServiceError, ServiceExt};
use rmcp::transport::Transport;
use tokio_util::sync::CancellationToken;
use voicecall_core::Result;

use crate::failure;
use crate::watched::Watched;

/// How long a server may take to end: MCP has it told, then asked (3 s), then killed (3 s).
const CLOSING: Duration = Duration::from_secs(10);

/// A connection. Dropping the last of it closes it, and ends the program it leads to, in the background.
pub(crate) struct Connection {
    peer: Peer<RoleClient>,
    service: Mutex<Option<RunningService<RoleClient, InitializeRequestParams>>>,
    over: CancellationToken,
    broken: AtomicBool,
}

impl Connection {
    /// Greets the server behind a transport.
    pub(crate) async fn open<T: Transport<RoleClient> + 'static>(transport: T) -> Result<Self> {
        let over = CancellationToken::new();
        // Nothing of what a server may ask of a client is offered: no sampling, no questions, no files.
        let client = InitializeRequestParams::new(
            ClientCapabilities::default(),
            Implementation::new("voicecall", env!("CARGO_PKG_VERSION")),
        )
        .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE);
        let service = client.serve(Watched::new(transport, over.clone())).await.map_err(failure::of_start)?;
        service.set_response_cache_config(ClientCacheConfig::disabled()).await;
        let peer = service.peer().clone();
        Ok(Self { peer, service: Mutex::new(Some(service)), over, broken: AtomicBool::new(false) })
    }

    /// Sends a request and waits for its answer, or for the end of the connection. Dropping the future tells the server
    /// that the request is cancelled.
    pub(crate) async fn ask<'a, R, F>(
        &'a self,
        request: impl FnOnce(&'a Peer<RoleClient>) -> F,
    ) -> Result<R, ServiceError>
    where
        F: Future<Output = Result<R, ServiceError>> + Send + 'a,
    {
        tokio::select! {
            biased;
            answer = request(&self.peer) => answer,
            () = self.over.cancelled() => Err(ServiceError::TransportClosed),
        }
    }

    /// Whether nothing can be asked over it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.broken.load(Ordering::Relaxed) || self.over.is_cancelled() || self.peer.is_transport_closed()
    }

    /// Has the next request use another connection. What is under way goes on.
    pub(crate) fn give_up(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Ends it, and the program it leads to, and waits until that has ended.
    pub(crate) async fn close(&self) {
        self.over.cancel();
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut service) = service {
            // An error is a panic in the library, after which there is nothing left to close.
            let _ = service.close_with_timeout(CLOSING).await;
        }
    }
}

#[cfg(test)]
mod tests;
