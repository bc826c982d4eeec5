//! Serves a router on a listener, each connection in a task that ends with the server.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Accepts connections, tells of each, and owns their tasks: when this ends, they end.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut accepted: impl FnMut()) {
    let mut connections = JoinSet::new();
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::task::yield_now().await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        // Without it small pieces of an answer wait for each other.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::warn!(%error, "cannot set TCP_NODELAY");
        }
        accepted();
        let service = TowerToHyperService::new(router.clone());
        connections.spawn(async move {
            // A connection that breaks, planned or not, concerns nobody but its client.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).with_upgrades().await;
        });
    }
}
