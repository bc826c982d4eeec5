//! An accept loop with the limits that a framework's own leaves out: slow headers, silent connections, small packets.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

/// How a server treats connections.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ServeOptions {
    /// How long the headers of a request may take. Slow ones are cut off.
    pub header_timeout: Duration,
    /// How many connections are open at once; more wait to be accepted.
    pub max_connections: usize,
    /// How long open connections may go on after the stop.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self { header_timeout: Duration::from_secs(5), max_connections: 10_000, drain: Duration::from_secs(10) }
    }
}

/// Serves `router` on `listener` until `stop` is done, then lets open requests finish.
///
/// Media sockets are not connections any more once they are upgraded: drain them by the engine.
///
/// # Errors
/// When the listener's own address cannot be used any more. Failures of single connections are logged.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(options.max_connections));
    let mut http = auto::Builder::new(TokioExecutor::new()).http1_only();
    // Without a timer the header timeout would silently be none at all.
    http.http1().timer(TokioTimer::new()).header_read_timeout(options.header_timeout).max_buf_size(16 * 1024);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((stream, slot)) = accepted? else { continue };
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        // Owned by `graceful`, which is waited for below.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection failed");
            }
            drop(slot);
        });
    }
    if timeout(options.drain, graceful.shutdown()).await.is_err() {
        warn!("connections were still open when the time to drain was over");
    }
    Ok(())
}

/// The next connection, with its place among those allowed; `None` if it was gone before it could be used.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)>> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Otherwise the kernel waits for more to send, and a call is stuck a frame late.
            stream.set_nodelay(true)?;
            Ok(Some((stream, slot)))
        }
        Err(error) if is_passing(&error) => {
            warn!(%error, "a connection could not be accepted");
            sleep(Duration::from_millis(100)).await;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Faults of one connection, or of a moment in which there are too many of them.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    const TOO_MANY_FILES: [i32; 2] = [23, 24];
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
        || error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code))
}
