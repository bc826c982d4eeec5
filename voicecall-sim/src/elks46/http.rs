//! The REST API over HTTP.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::rest::{RestReply, RestRequest};
use super::server::Shared;

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
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&shared)));
            // A connection that breaks concerns nobody but its client.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Lost> {
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
    let RestReply { status, content_type, body, retry_after, delay } = request.carry_out(&shared).ok_or(Lost)?;
    tokio::time::sleep(delay).await;
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, content_type);
    if let Some(wait) = retry_after {
        response = response.header(RETRY_AFTER, wait.as_secs());
    }
    // Only a status outside 100..=999 can fail here, and plans allow 400..=599.
    response.body(Body::from(body)).map_err(|_| Lost)
}
