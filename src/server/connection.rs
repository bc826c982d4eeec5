//! One connection: its requests with their deadlines, and whose they are.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};
use tracing::debug;

use super::client::{Client, TrustedProxies};
use super::options::ServeOptions;
use super::slots::Slot;
use super::stream::Stream;

/// The connection a request came on. Every request that [`serve`](super::serve) serves has one among its extensions.
#[derive(Debug, Clone)]
pub struct ClientConnection {
    address: Option<IpAddr>,
    /// Weak, because whoever keeps this does not keep the connection open.
    slot: Weak<Slot>,
}

impl ClientConnection {
    /// The client's address: the connection's own, or the one a trusted proxy forwards; `None` if that proxy asks for
    /// itself or does not say for whom.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Says that the request, or the socket that it becomes, is from somebody who proved who they are. Until the next
    /// request the connection does not count against its client and does not give way to others.
    ///
    /// For responses and sockets that go on for long; requests that are being handled are safe anyway.
    pub fn authenticated(&self) {
        if let Some(slot) = self.slot.upgrade() {
            slot.authenticated();
        }
    }
}

/// What all connections of a server have in common.
#[derive(Debug)]
pub(super) struct Connections {
    router: TowerToHyperService<Router>,
    http: http1::Builder,
    proxies: TrustedProxies,
    body_timeout: Duration,
    write_timeout: Duration,
}

impl Connections {
    pub(super) fn new(router: Router, options: &ServeOptions) -> Self {
        let mut http = http1::Builder::new();
        // Without a timer the header timeout would silently be none at all.
        http.timer(TokioTimer::new()).header_read_timeout(options.header_timeout).max_buf_size(16 * 1024);
        Self {
            router: TowerToHyperService::new(router),
            http,
            proxies: options.trusted_proxies.clone(),
            body_timeout: options.body_timeout,
            write_timeout: options.write_timeout,
        }
    }

    /// As whose a connection from there is counted before a request says more; a trusted proxy's is nobody's.
    pub(super) fn client(&self, peer: SocketAddr) -> Option<Client> {
        (!self.proxies.contains(peer.ip())).then(|| Client::new(peer.ip()))
    }

    /// Serves the requests of a connection until it ends, becomes a socket, or has to give way. Once `stopping`, the
    /// request it is in is its last.
    pub(super) async fn serve(
        self: Arc<Self>,
        socket: TcpStream,
        peer: SocketAddr,
        slot: Slot,
        mut stopping: watch::Receiver<bool>,
    ) {
        let slot = Arc::new(slot);
        let stream = Stream::new(socket, Arc::clone(&slot), self.write_timeout);
        let gives_way = slot.gives_way().clone();
        let service = service_fn(|request| self.respond(request, peer, &slot));
        let connection = self.http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let served = async {
            tokio::select! {
                served = connection.as_mut() => return served,
                _ = stopping.wait_for(|stopping| *stopping) => connection.as_mut().graceful_shutdown(),
            }
            connection.await
        };
        match gives_way.run_until_cancelled(served).await {
            Some(Ok(())) => {}
            Some(Err(error)) => debug!(%error, "a connection failed"),
            None => debug!(%peer, "a connection gave way to another"),
        }
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        slot: &Arc<Slot>,
    ) -> Result<Response, Infallible> {
        let address = self.proxies.client(peer, request.headers());
        slot.begin(address.map(Client::new));
        let is_late = Arc::new(AtomicBool::new(false));
        let mut request = request.map(|body| {
            Body::new(RequestBody {
                body,
                deadline: Box::pin(sleep(self.body_timeout)),
                is_late: Arc::clone(&is_late),
                slot: Arc::clone(slot),
            })
        });
        if request.body().is_end_stream() {
            slot.busy();
        }
        request.extensions_mut().insert(ClientConnection { address, slot: Arc::downgrade(slot) });
        let response = self.router.call(request).await?;
        slot.answered(self.client(peer));
        if is_late.load(Ordering::Relaxed) {
            return Ok((StatusCode::REQUEST_TIMEOUT, [(CONNECTION, HeaderValue::from_static("close"))]).into_response());
        }
        Ok(response)
    }
}

/// A request's body, which must be complete in time.
struct RequestBody {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
    /// Told to whoever sees the response, because a handler makes of it whatever it makes of a broken body.
    is_late: Arc<AtomicBool>,
    slot: Arc<Slot>,
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // First: a body of which a little comes all the time is late as well.
        if self.deadline.as_mut().poll(context).is_ready() {
            self.is_late.store(true, Ordering::Relaxed);
            let late = io::Error::new(io::ErrorKind::TimedOut, "the body of the request took too long");
            return Poll::Ready(Some(Err(axum::Error::new(late))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.slot.busy();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
