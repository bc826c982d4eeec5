//! A server that keeps what it was asked and answers what the test tells it to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use voicecall_core::model::Timeouts;
use voicecall_openai::Endpoint;

/// Short enough not to be waited for, long enough that a busy machine keeps it.
pub(crate) const MOMENT: Duration = Duration::from_millis(300);

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

type Reply = Arc<dyn Fn() -> Response + Send + Sync>;

/// The server; it ends with its test.
pub(crate) struct Server {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers every request with what `reply` makes.
    pub(crate) async fn start(reply: impl Fn() -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let state: (Reply, Arc<Mutex<Vec<Seen>>>) = (Arc::new(reply), Arc::clone(&seen));
        let app = Router::new().fallback(answer).with_state(state);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, seen, task }
    }

    /// An endpoint behind a path prefix, whose limits no test reaches by accident.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let patient = Duration::from_secs(60);
        let timeouts = Timeouts::default().with_first(patient).with_stall(patient).with_total(patient);
        Endpoint::new(&format!("http://{}/prefix/v1", self.address), "test-model")
            .unwrap()
            .with_api_key("sk-test")
            .with_timeouts(timeouts)
    }

    /// The one request there was.
    pub(crate) fn only_request(&self) -> Seen {
        let seen = self.seen.lock().unwrap();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State((reply, seen)): State<(Reply, Arc<Mutex<Vec<Seen>>>)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    seen.lock().unwrap().push(Seen { path: parts.uri.path().to_owned(), headers: parts.headers, body });
    reply()
}

/// An answer with a status and a body.
pub(crate) fn status(status: u16, body: impl Into<Body>) -> Response {
    Response::builder().status(status).header("content-type", "application/json").body(body.into()).unwrap()
}

/// What happens at the end of a streamed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It ends.
    Close,
    /// The connection breaks.
    Cut,
    /// Nothing more comes, and the connection stays.
    Stall,
}

/// An answer that arrives in these pieces.
pub(crate) fn streamed<B>(content_type: &str, chunks: Vec<B>, end: End) -> Response
where
    B: Into<Bytes> + Send + 'static,
{
    let chunks = stream::iter(chunks.into_iter().map(|chunk| Ok::<Bytes, std::io::Error>(chunk.into())));
    // Each piece gets its own write, and the break comes after the last has been read.
    let chunks = chunks.then(|chunk| async {
        tokio::task::yield_now().await;
        chunk
    });
    let body = match end {
        End::Close => Body::from_stream(chunks),
        End::Cut => Body::from_stream(chunks.chain(stream::once(async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err(std::io::Error::other("cut"))
        }))),
        End::Stall => Body::from_stream(chunks.chain(stream::pending())),
    };
    Response::builder().header("content-type", content_type).body(body).unwrap()
}
