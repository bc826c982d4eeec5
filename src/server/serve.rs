//! An accept loop that strangers cannot stop: slots, deadlines for every wait, and a stop that ends.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};
use voicecall_core::{Error, ErrorKind, Result};

use super::connection::Connections;
use super::options::{ServeOptions, open_files};
use super::slots::{Pressure, Slot, Slots};

/// How long the loop rests when it cannot take a connection.
const REST: Duration = Duration::from_millis(100);

/// How often it is said that connections have to give way.
const SAY_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// How many connections the kernel keeps until they are accepted, if its own limit allows. Beyond that it drops them
/// silently, and whoever is dropped tries again a second later: with the usual 1,024, a burst of strangers delays a carrier.
const BACKLOG: u32 = 4096;

/// Listens on an address (`host:port`) that the setting of this name holds, with room for a burst of connections.
///
/// # Errors
/// `Config` naming the setting and the address if it cannot be listened on.
pub async fn listen(setting: &'static str, address: &str) -> Result<TcpListener> {
    let listening = async {
        let mut failed = None;
        for candidate in lookup_host(address).await? {
            match listen_on(candidate) {
                Ok(listener) => return Ok(listener),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| io::Error::other("a name without address")))
    };
    listening.await.map_err(|error| Error::config(setting, format!("an address to listen on; {address}: {error}")))
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Otherwise a server that starts again waits until the connections of the last one are forgotten.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves `router` on `listener` until `stop` is done, then lets open requests finish.
///
/// Everything in `router` is protected as [`ServeOptions`] say, the routes of others as well as [`routes`](super::routes),
/// nested or merged. Under another server (`axum::serve` has none of it) nothing but webhooks' bodies and the sizes of
/// media messages is bounded.
///
/// Media sockets are not waited for after the stop: drain them by the engine.
///
/// # Errors
/// `Config` at once, naming the option that is out of its range. When it runs: `Unavailable` if the listener cannot be
/// used any more; failures of single connections are logged.
pub fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    stop: impl Future<Output = ()>,
) -> Result<impl Future<Output = Result<()>>> {
    let slots = Slots::new(options.connections(open_files())?, options.max_connections_per_client);
    let connections = Arc::new(Connections::new(router, &options));
    Ok(async move {
        let (stopping, stops) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut door = Door { listener, slots, said: None };
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = door.accept(&connections) => accepted?,
            };
            // Those that have ended.
            while tasks.try_join_next().is_some() {}
            let Some((socket, peer, slot)) = accepted else { continue };
            tasks.spawn(Arc::clone(&connections).serve(socket, peer, slot, stops.clone()));
            // Whoever was accepted shows what it has sent before others can take its place, however many come at once.
            yield_now().await;
        }
        // Nobody is to queue for a server that takes no more.
        drop(door);
        stopping.send_replace(true);
        let ended = async { while tasks.join_next().await.is_some() {} };
        if timeout(options.drain, ended).await.is_err() {
            warn!(open = tasks.len(), "connections were still open when the time to drain was over");
        }
        Ok(())
    })
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    slots: Arc<Slots>,
    said: Option<Instant>,
}

impl Door {
    /// The next connection, with its slot; `None` if it was gone or there was none for it.
    async fn accept(&mut self, connections: &Connections) -> Result<Option<(TcpStream, SocketAddr, Slot)>> {
        // Whoever gave way closes as soon as it is polled. One that nobody polls shall not stop the others.
        let _ = timeout(REST, self.slots.settled()).await;
        let (socket, peer) = match self.listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => {
                debug!(%error, "a connection was gone before it was accepted");
                return Ok(None);
            }
            Err(error) if is_of_the_listener(&error) => {
                return Err(Error::new(ErrorKind::Unavailable, "accept connections").with_source(error));
            }
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                sleep(REST).await;
                return Ok(None);
            }
        };
        // Otherwise the kernel waits for more to send, and a call is stuck a frame late.
        if let Err(error) = socket.set_nodelay(true) {
            debug!(%error, "a connection was gone when it was accepted");
            return Ok(None);
        }
        let opened = self.slots.open(connections.client(peer));
        if !matches!(opened, Some((_, Pressure::None))) {
            self.say_that_it_is_crowded(peer);
        }
        let Some((slot, _)) = opened else { return Ok(None) };
        Ok(Some((socket, peer, slot)))
    }

    fn say_that_it_is_crowded(&mut self, peer: SocketAddr) {
        if self.said.is_none_or(|said| said.elapsed() >= SAY_AGAIN_AFTER) {
            self.said = Some(Instant::now());
            warn!(%peer, "too many clients are waited for: the oldest of their connections are closed");
        }
    }
}

/// The client gave up, or the network did, before the connection was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// It is no listener any more. Anything else, like too many open files, passes.
fn is_of_the_listener(error: &io::Error) -> bool {
    /// EBADF, ENOTSOCK on Linux.
    const NO_LISTENER: [i32; 2] = [9, 88];
    error.kind() == io::ErrorKind::InvalidInput || error.raw_os_error().is_some_and(|code| NO_LISTENER.contains(&code))
}
