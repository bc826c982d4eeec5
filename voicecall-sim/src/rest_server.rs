//! The REST API of an emulated carrier over HTTP: what every carrier's has in common.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The largest form, and the largest file, that is read.
const LARGEST_FORM: usize = 64 * 1024;
const LARGEST_FILE: usize = 20 * 1024 * 1024;

/// A request to the REST API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestRequest {
    /// `GET`, `POST` or `DELETE`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The decoded fields of the query.
    pub query: Vec<(String, String)>,
    /// The decoded fields of the body.
    pub form: Vec<(String, String)>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The other headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, if it is no form.
    pub file: Vec<u8>,
}

impl RestRequest {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
    /// How much later it arrives.
    pub(crate) delay: Duration,
}

/// The reply was lost: hyper closes the connection when a service fails.
#[derive(Debug)]
struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reply was lost by a planned fault")
    }
}

impl std::error::Error for Lost {}

/// Accepts connections, and owns their tasks. Each request is answered by `answer`, whose `None` loses the reply; with
/// `too_many` if so many others as `most` are being answered.
pub(crate) async fn serve<A>(listener: TcpListener, most: usize, too_many: HttpReply, answer: A)
where
    A: Fn(&RestRequest) -> Option<HttpReply> + Send + Sync + 'static,
{
    let server = Arc::new(Server { answer, most, too_many, active: AtomicUsize::new(0) });
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
        let server = Arc::clone(&server);
        connections.spawn(async move {
            let service = service_fn(|request| answered(Arc::clone(&server), request));
            // A connection that breaks concerns nobody but its client.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

struct Server<A> {
    answer: A,
    most: usize,
    too_many: HttpReply,
    /// Requests that are being answered.
    active: AtomicUsize,
}

/// Counts a request while it is being answered.
struct Active<'a>(&'a AtomicUsize);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn answered<A>(server: Arc<Server<A>>, request: Request<Incoming>) -> Result<Response<Body>, Lost>
where
    A: Fn(&RestRequest) -> Option<HttpReply> + Send + Sync,
{
    let others = server.active.fetch_add(1, Ordering::Relaxed);
    let _active = Active(&server.active);
    if others >= server.most {
        return response(server.too_many.clone());
    }
    let request = read(request).await?;
    let reply = (server.answer)(&request).ok_or(Lost)?;
    sleep(reply.delay).await;
    response(reply)
}

async fn read(request: Request<Incoming>) -> Result<RestRequest, Lost> {
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let kind = header(CONTENT_TYPE).unwrap_or_default();
    let is_form = kind.is_empty() || kind.starts_with("application/x-www-form-urlencoded");
    let largest = if is_form { LARGEST_FORM } else { LARGEST_FILE };
    let body = to_bytes(Body::new(body), largest).await.map_err(|_| Lost)?;
    let decode = |encoded: &[u8]| url::form_urlencoded::parse(encoded).into_owned().collect();
    let readable =
        |(name, value): (&HeaderName, &HeaderValue)| Some((name.to_string(), value.to_str().ok()?.to_owned()));
    Ok(RestRequest {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: decode(parts.uri.query().unwrap_or_default().as_bytes()),
        form: if kind.is_empty() || !is_form { Vec::new() } else { decode(&body) },
        authorization: header(AUTHORIZATION).map(str::to_owned),
        headers: parts.headers.iter().filter(|(name, _)| *name != AUTHORIZATION).filter_map(readable).collect(),
        file: if is_form { Vec::new() } else { body.to_vec() },
    })
}

fn response(reply: HttpReply) -> Result<Response<Body>, Lost> {
    let mut builder = Response::builder().status(reply.status).header(CONTENT_TYPE, reply.content_type);
    if let Some(wait) = reply.retry_after {
        builder = builder.header(RETRY_AFTER, wait.as_secs());
    }
    // Only a status outside 100..=999 can fail here, and plans allow 400..=599.
    builder.body(Body::from(reply.body)).map_err(|_| Lost)
}
