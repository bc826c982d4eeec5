//! The REST API over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Shared;
use crate::twilio::{Delivery, RestReply, RestRequest};

/// The largest form that is read.
const LARGEST_FORM: usize = 64 * 1024;

/// The reply was lost: hyper closes the connection when a service fails.
#[derive(Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the reply was lost by a planned fault")
    }
}

impl std::error::Error for Lost {}

/// Accepts connections; owns their tasks.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let active = Arc::new(AtomicUsize::new(0));
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    tokio::task::yield_now().await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        let _ = stream.set_nodelay(true);
        let (shared, active) = (Arc::clone(&shared), Arc::clone(&active));
        connections.spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&shared), Arc::clone(&active)));
            // A connection that breaks concerns nobody but its client.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Counts a request while it is being answered.
struct Active(Arc<AtomicUsize>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    active: Arc<AtomicUsize>,
) -> Result<Response<Body>, Lost> {
    let others = active.fetch_add(1, Ordering::Relaxed);
    let _active = Active(active);
    if others >= shared.options.concurrent_requests {
        return response(RestReply::too_many());
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), LARGEST_FORM).await.map_err(|_| Lost)?;
    let decode = |encoded: &[u8]| url::form_urlencoded::parse(encoded).into_owned().collect();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let is_form = header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let request = RestRequest {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: decode(parts.uri.query().unwrap_or_default().as_bytes()),
        form: if is_form { decode(&body) } else { Vec::new() },
        authorization: header(AUTHORIZATION).map(str::to_owned),
    };
    let reply = shared.with(|exchange, now| exchange.rest(now, &request));
    match reply.delivery {
        Delivery::Now => {}
        Delivery::After(delay) => tokio::time::sleep(delay).await,
        Delivery::Lost => return Err(Lost),
    }
    response(reply)
}

fn response(reply: RestReply) -> Result<Response<Body>, Lost> {
    let mut builder = Response::builder().status(reply.status).header(CONTENT_TYPE, reply.content_type);
    if let Some(delay) = reply.retry_after {
        builder = builder.header(RETRY_AFTER, delay.as_secs());
    }
    // Only a status outside 100..=999 can fail here, and plans allow 400..=599.
    builder.body(Body::from(reply.body)).map_err(|_| Lost)
}
