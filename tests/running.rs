//! A server's start and end: what begins after what, and what is served until when.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use voicecall::agent::{Cascade, VoiceAgent};
use voicecall::server::CancellationToken;
use voicecall::store::{Claim, EngineStore, MemoryStore, NewSession, QueueStore, SessionStore};
use voicecall::{Error, ErrorKind, Server, ServerBuilder, TenantId, Vault};
use voicecall_core::testing::{ScriptedCarrier, ScriptedModel, ScriptedTranscriber, ScriptedVoice};

fn agent() -> Arc<dyn VoiceAgent> {
    let voice = ScriptedVoice::new();
    Arc::new(Cascade::new(Arc::new(ScriptedTranscriber::new()), Arc::new(ScriptedModel::new()), Arc::new(voice)))
}

fn builder() -> ServerBuilder {
    Server::builder().carrier(ScriptedCarrier::new()).agent(agent()).public_url("https://calls.example")
}

/// The head and body of the answer.
async fn ask(server: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(server).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: calls.example\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_server_without_the_keys_of_its_store_does_not_start() {
    let (tenant, vault, store) = (TenantId::new(), Vault::generate().unwrap(), Arc::new(MemoryStore::new()));
    let waiting = NewSession::outbound_to(&vault, tenant, &"+46701740605".parse().unwrap(), Timestamp::now()).unwrap();
    store.create_session(&waiting).await.unwrap();
    let with = |vault: Vault| {
        let shared: Arc<dyn EngineStore> = Arc::<MemoryStore>::clone(&store);
        builder().store(shared).vault(vault).build().unwrap()
    };
    let refused = with(Vault::generate().unwrap()).start("127.0.0.1:0").await.unwrap_err();
    assert_eq!((refused.kind(), refused.field()), (ErrorKind::Config, Some("data keys")));
    with(vault).start("127.0.0.1:0").await.unwrap().stop().await.unwrap();
    let refused = with(Vault::generate().unwrap()).start("127.0.0.1:0").await.unwrap_err();
    assert_eq!(refused.field(), Some("index key"), "known by its canary now");
}

#[tokio::test]
async fn a_job_begins_after_the_recovery_and_ends_while_routes_are_still_served() {
    let (tenant, vault, store) = (TenantId::new(), Vault::generate().unwrap(), Arc::new(MemoryStore::new()));
    let now = Timestamp::now();
    let left = NewSession::outbound_to(&vault, tenant, &"+46701740605".parse().unwrap(), now).unwrap();
    store.create_session(&left).await.unwrap();
    // As a process leaves it that ended before it called.
    store.claim_session(tenant, left.id, &Claim::new(now, Duration::ZERO)).await.unwrap();
    assert_eq!(store.session(tenant, left.id).await.unwrap().due_at, None);

    let shared: Arc<dyn EngineStore> = Arc::<MemoryStore>::clone(&store);
    let server = builder().store(shared).vault(vault).build().unwrap();
    let (address, told) = oneshot::channel();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let job = async move |stop: CancellationToken| {
        let recovered = store.session(tenant, left.id).await.unwrap();
        noted.lock().unwrap().push(format!("recovered: {}", recovered.due_at.is_some() || recovered.status.is_final()));
        stop.cancelled().await;
        let health = ask(told.await.unwrap(), "/health").await.unwrap();
        noted.lock().unwrap().push(health.lines().next().unwrap().to_owned());
    };
    let running = server.background(|stop| Box::pin(job(stop))).start("127.0.0.1:0").await.unwrap();
    let at = running.address();
    address.send(at).unwrap();
    running.stop().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["recovered: true", "HTTP/1.1 503 Service Unavailable"]);
    assert!(ask(at, "/health").await.is_err(), "nobody listens any more");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_does_not_end_is_cut_off_and_one_that_panics_ends_nothing_else() {
    let server = builder().build().unwrap();
    let server = server.background(async |_| panic!("as jobs do")).background(async |_| std::future::pending().await);
    let running = server.start("127.0.0.1:0").await.unwrap();
    let begun = tokio::time::Instant::now();
    running.stop().await.unwrap();
    // Beside what else is waited for: the queue is looked at every second.
    assert!((10..15).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn routes_of_the_application_and_of_carriers_pass_through_what_is_put_around_them() {
    async fn name(mut response: Response) -> Response {
        response.headers_mut().insert("x-served-by", HeaderValue::from_static("us"));
        response
    }
    let server = builder()
        .routes(Router::new().route("/early", get(async || "early")))
        .map_router(|router| router.layer(map_response(name)))
        .build()
        .unwrap();
    let live = Arc::clone(server.engine());
    let late = Router::new().route("/late", get(async move || format!("live: {}", live.count().1)));
    let running = server.routes(late).start("127.0.0.1:0").await.unwrap();
    for (path, body) in [("/early", "early"), ("/late", "live: 0"), ("/health", "\"live\":0}")] {
        let answer = ask(running.address(), path).await.unwrap();
        assert!(answer.contains("x-served-by: us") && answer.ends_with(body), "{path}: {answer}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_whose_handle_is_dropped_stops_and_what_is_wrong_is_told_before_anything_begins() {
    let (begun, mut ended) = (Arc::new(Mutex::new(0)), None);
    let count = |begun: &Arc<Mutex<i32>>| {
        let begun = Arc::clone(begun);
        move |stop: CancellationToken| async move {
            *begun.lock().unwrap() += 1;
            stop.cancelled().await;
            *begun.lock().unwrap() += 10;
        }
    };
    for header_timeout in [Duration::ZERO, Duration::from_secs(1)] {
        let mut options = voicecall::server::ServeOptions::default();
        options.header_timeout = header_timeout;
        let server = builder().options(options).build().unwrap().background(count(&begun));
        ended = Some(server.start("127.0.0.1:0").await.map(drop));
        if header_timeout.is_zero() {
            let error = ended.take().unwrap().unwrap_err();
            assert_eq!((error.field(), *begun.lock().unwrap()), (Some("header_timeout"), 0));
        }
    }
    ended.unwrap().unwrap();
    while *begun.lock().unwrap() != 11 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_listened_on_is_named() {
    let error: Error = builder().build().unwrap().start("no address").await.unwrap_err();
    assert_eq!(error.field(), Some("address"));
}
