//! Applications over PostgreSQL, with the simulated Twilio at the other end: one by itself, and two that share a store.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets an unexpected result should stop there")]

#[path = "../voicecall-store-postgres/tests/support/mod.rs"]
mod database;
mod emulated;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use database::Database;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use voicecall::dialogue::Scripted;
use voicecall::engine::{LiveEvent, LiveEventKind};
use voicecall::postgres::PostgresStore;
use voicecall::store::{EndReason, Session, SessionStatus, SessionStore};
use voicecall::{Call, CallOptions, Calls, IncomingDecision, RunningServer, Server, SessionId, TenantId, Vault};
use voicecall_sim::twilio::server::TwilioServer;
use voicecall_sim::twilio::{Account, LogEvent, Number};

use emulated::{ACCOUNT, OURS, PUBLIC, THEIRS, TOKEN, agent, party};

/// Where what is sent to the public address goes: requests and media sockets, each to one of the applications.
#[derive(Debug, Clone)]
struct Balancer {
    address: SocketAddr,
    behind: Arc<Mutex<(SocketAddr, SocketAddr)>>,
}

impl Balancer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let balancer = Self { address, behind: Arc::new(Mutex::new((address, address))) };
        let behind = Arc::clone(&balancer.behind);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, Arc::clone(&behind)));
            }
        });
        balancer
    }

    fn lead(&self, requests: SocketAddr, sockets: SocketAddr) {
        *self.behind.lock().unwrap() = (requests, sockets);
    }
}

/// Passes one connection on, as its first request says.
async fn pass(mut client: TcpStream, behind: Arc<Mutex<(SocketAddr, SocketAddr)>>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if client.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let (requests, sockets) = *behind.lock().unwrap();
    let is_socket = String::from_utf8_lossy(&head).to_lowercase().contains("upgrade: websocket");
    // Nobody is there any more: the client sees its connection end.
    let Ok(mut server) = TcpStream::connect(if is_socket { sockets } else { requests }).await else { return };
    if server.write_all(&head).await.is_ok() {
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

/// What two processes have in common.
#[derive(Debug, Clone)]
struct Shared {
    url: String,
    vault: Arc<Vault>,
    api: String,
    tenant: TenantId,
}

struct App {
    running: RunningServer,
    calls: Calls,
    events: broadcast::Receiver<LiveEvent>,
    store: Arc<PostgresStore>,
}

impl App {
    async fn start(shared: &Shared, lines: usize) -> Self {
        let store = Arc::new(PostgresStore::connect(&shared.url).await.unwrap());
        let carrier = voicecall::twilio::TwilioVoice::builder()
            .account_sid(ACCOUNT)
            .auth_token(TOKEN.to_owned())
            .public_url(PUBLIC)
            .api_base_url(shared.api.clone())
            .build()
            .unwrap();
        let server = Server::builder()
            .carrier(carrier)
            .number(OURS)
            .agent(agent())
            .public_url(PUBLIC)
            .vault(Arc::clone(&shared.vault))
            .store(Arc::clone(&store))
            .tenant(shared.tenant)
            .on_incoming(move |_| async move { Ok(IncomingDecision::connect(Scripted::new(vec!["Hello."; lines]))) })
            .on_outgoing(move |_| async move { Ok(CallOptions::new(Scripted::new(vec!["Hello."; lines]))) })
            .build()
            .unwrap();
        let (calls, events) = (server.calls(), server.engine().subscribe());
        let running = server.start_on(TcpListener::bind("127.0.0.1:0").await.unwrap()).await.unwrap();
        Self { running, calls, events, store }
    }
}

/// A database, and the carrier with the way to whoever is behind it.
struct World {
    database: Database,
    balancer: Balancer,
    twilio: TwilioServer,
    shared: Shared,
}

impl World {
    async fn new() -> Self {
        let (database, balancer) = (Database::new().await, Balancer::start().await);
        let number = Number::answered_by(OURS, format!("{PUBLIC}/voice/twilio/incoming"));
        let twilio = emulated::twilio(balancer.address, vec![Account::new(ACCOUNT, TOKEN, vec![number])]).await;
        let shared = Shared {
            url: database.url("voicecall"),
            vault: Arc::new(Vault::generate().unwrap()),
            api: twilio.api().to_string(),
            tenant: TenantId::new(),
        };
        Self { database, balancer, twilio, shared }
    }

    /// How many calls the carrier was asked for.
    fn created(&self) -> usize {
        self.twilio.log().iter().filter(|entry| matches!(entry.event, LogEvent::Created { .. })).count()
    }
}

/// Waits for something to happen in an application, and says to which session.
async fn until(events: &mut broadcast::Receiver<LiveEvent>, is: impl Fn(&LiveEventKind) -> bool) -> SessionId {
    loop {
        let event = events.recv().await.unwrap();
        if is(&event.kind) {
            return event.session;
        }
    }
}

async fn over(store: &PostgresStore, tenant: TenantId, session: SessionId) -> Session {
    loop {
        let session = store.session(tenant, session).await.unwrap();
        if session.status.is_final() {
            return session;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_application_answers_and_places_calls_over_a_database() {
    let world = World::new().await;
    let mut app = App::start(&world.shared, 1).await;
    world.balancer.lead(app.running.address(), app.running.address());

    world.twilio.call_in(THEIRS, OURS, party()).unwrap();
    let came_in = until(&mut app.events, |kind| matches!(kind, LiveEventKind::Ended { .. })).await;
    let came_in = over(&app.store, world.shared.tenant, came_in).await;
    assert_eq!((came_in.status, came_in.end_reason), (SessionStatus::Completed, Some(EndReason::Completed)));

    let before = world.created();
    let order = || Call::to(THEIRS).dialogue(Scripted::new(["Your order is ready."])).reference("order-17");
    let placed = app.calls.place(order()).await.unwrap();
    assert_eq!(app.calls.place(order()).await.unwrap().id(), placed.id());
    assert_eq!(placed.ended().await.unwrap().end_reason, Some(EndReason::Completed));
    assert_eq!(world.created() - before, 1);
    app.running.stop().await.unwrap();
}

#[tokio::test]
async fn two_applications_share_a_calls_life() {
    let world = World::new().await;
    let (one, mut two) = (App::start(&world.shared, 1).await, App::start(&world.shared, 1).await);
    // One orders the call and is told of it; the audio comes to the other.
    world.balancer.lead(one.running.address(), two.running.address());
    let placed = one.calls.place(Call::to(THEIRS)).await.unwrap();
    let talked_to = until(&mut two.events, |kind| matches!(kind, LiveEventKind::AgentSaid { .. })).await;
    assert_eq!(talked_to, placed.id());
    let session = over(&one.store, world.shared.tenant, placed.id()).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Completed, Some(EndReason::Completed)));
    assert_eq!(world.created(), 1);
    one.running.stop().await.unwrap();
    two.running.stop().await.unwrap();
}

/// An application with a runtime of its own, which is dropped in the middle of a call as a process is that is killed.
#[tokio::test]
async fn the_call_of_a_process_that_vanishes_is_taken_up_by_another() {
    let world = World::new().await;
    let (doomed, shared) = (tokio::runtime::Runtime::new().unwrap(), world.shared.clone());
    let one = doomed.spawn(async move { App::start(&shared, 40).await }).await.unwrap();
    world.balancer.lead(one.running.address(), one.running.address());
    let calls = one.calls.clone();
    let placed = doomed.spawn(async move { calls.place(Call::to(THEIRS)).await.unwrap().id() }).await.unwrap();
    let mut events = one.events.resubscribe();
    until(&mut events, |kind| matches!(kind, LiveEventKind::AgentSaid { .. })).await;

    let mut two = App::start(&world.shared, 1).await;
    let before = two.store.session(world.shared.tenant, placed).await.unwrap();
    assert_eq!(before.status, SessionStatus::InProgress);
    world.balancer.lead(two.running.address(), two.running.address());
    doomed.shutdown_background();
    let taken_up = until(&mut two.events, |kind| matches!(kind, LiveEventKind::AgentSaid { .. })).await;
    assert_eq!(taken_up, placed);
    let session = over(&two.store, world.shared.tenant, placed).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Completed, Some(EndReason::Completed)));
    assert!(session.owner > before.owner, "it has another owner");
    assert_eq!(world.created(), 1, "nobody was called twice");
    two.running.stop().await.unwrap();
    drop(one);
    drop(world.database);
}
