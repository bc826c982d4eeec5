//! The server of a few lines, over real sockets: calls that come in and calls that are placed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

mod emulated;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use voicecall::call::Keep;
use voicecall::dialogue::Scripted;
use voicecall::engine::{CallHandler, CallOutcome, CallPlan, PlanRequest};
use voicecall::store::{EndReason, PageRequest, SessionFilter, SessionStatus};
use voicecall::{Call, CallOptions, ErrorKind, IncomingDecision, Server, ServerBuilder};
use voicecall_core::testing::ScriptedCarrier;
use voicecall_sim::twilio::server::TwilioServer;
use voicecall_sim::twilio::{Account, LogEvent, Number};

use emulated::{ACCOUNT, OURS, PUBLIC, THEIRS, TOKEN, agent, party};

/// A handler of the application's own.
#[derive(Debug)]
struct Nobody;

#[voicecall::async_trait]
impl CallHandler for Nobody {
    async fn plan(&self, _: &PlanRequest) -> voicecall::Result<CallPlan> {
        Err(voicecall::Error::new(ErrorKind::NotFound, "plan call"))
    }

    async fn finished(&self, _: &CallOutcome) {}
}

async fn twilio(app: SocketAddr) -> TwilioServer {
    let number = Number::answered_by(OURS, format!("{PUBLIC}/voice/twilio/incoming"));
    emulated::twilio(app, vec![Account::new(ACCOUNT, TOKEN, vec![number])]).await
}

/// A server that serves, and the carrier at the other end.
struct Served {
    calls: voicecall::Calls,
    engine: Arc<voicecall::engine::CallEngine>,
    twilio: TwilioServer,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<voicecall::Result<()>>,
}

impl Served {
    async fn start(with: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let twilio = twilio(listener.local_addr().unwrap()).await;
        let carrier = emulated::carrier(&twilio, TOKEN);
        let builder = Server::builder().carrier(carrier).number(OURS).agent(agent()).public_url(PUBLIC);
        let server = with(builder).build().unwrap();
        let (calls, engine) = (server.calls(), Arc::clone(server.engine()));
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let served = tokio::spawn(server.serve_on(listener, stopped));
        Self { calls, engine, twilio, stop, served }
    }

    /// How many calls the carrier was asked for.
    fn created(&self) -> usize {
        self.twilio.log().iter().filter(|entry| matches!(entry.event, LogEvent::Created { .. })).count()
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        self.served.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_call_that_comes_in_is_answered_by_the_application() {
    let app = Served::start(|app| {
        app.on_incoming(async |call| {
            assert_eq!(call.from.unwrap().canonical(), THEIRS);
            Ok(IncomingDecision::connect(Scripted::new(["Hello."])))
        })
    })
    .await;
    let mut events = app.engine.subscribe();
    let call = app.twilio.call_in(THEIRS, OURS, party()).unwrap();
    let ended = loop {
        let event = events.recv().await.unwrap();
        if let voicecall::engine::LiveEventKind::Ended { reason, connected, .. } = event.kind {
            break (reason, connected);
        }
    };
    assert!(call.starts_with("CA"));
    assert_eq!(ended, (EndReason::Completed, true));
    app.stop().await;
}

#[tokio::test]
async fn a_call_is_placed_watched_and_never_twice_for_one_reference() {
    let app = Served::start(|app| app).await;
    let calls = app.calls.clone();
    let order = || Call::to(THEIRS).dialogue(Scripted::new(["Your order is ready."])).reference("order-17");
    let (first, second) = (calls.place(order()).await.unwrap(), calls.place(order()).await.unwrap());
    assert_eq!(first.id(), second.id());
    let session = first.ended().await.unwrap();
    assert_eq!((session.status, session.end_reason), (SessionStatus::Completed, Some(EndReason::Completed)));
    assert_eq!(calls.place(order()).await.unwrap().id(), first.id(), "also once it is over");
    assert!(first.end().await.is_err(), "it is over");
    assert_eq!(calls.find("order-17").await.unwrap().map(|call| call.id()), Some(first.id()));
    assert!(calls.find("order-18").await.unwrap().is_none());
    let page = calls.list(&SessionFilter::default(), PageRequest { page: 1, per_page: 10 }).await.unwrap();
    assert_eq!(
        (page.items.iter().map(|session| session.id).collect::<Vec<_>>(), calls.count()),
        (vec![first.id()], (0, 0))
    );
    assert_eq!(app.created(), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_call_that_is_told_to_end_ends() {
    let app = Served::start(|app| app.on_outgoing(async |_| Ok(CallOptions::new(Scripted::new(["Hello."; 40]))))).await;
    let call = app.calls.clone().place(Call::to(THEIRS)).await.unwrap();
    while call.session().await.unwrap().connected_at.is_none() {
        tokio::task::yield_now().await;
    }
    call.end().await.unwrap();
    assert_eq!(call.ended().await.unwrap().end_reason, Some(EndReason::Canceled));
    app.stop().await;
}

#[test]
fn calls_of_more_than_some_minutes_are_not_cut_off_by_the_engine() {
    let server = Server::builder().carrier(ScriptedCarrier::new()).agent(agent()).public_url(PUBLIC).build().unwrap();
    let longest = voicecall::call::CallSettings::new(voicecall::SessionId::new()).max_duration;
    assert!(server.engine().rules().time_limit > 2 * longest);
}

#[tokio::test]
async fn whom_nobody_would_talk_to_is_not_called() {
    let app = Served::start(|app| app).await;
    let calls = app.calls.clone();
    assert_eq!(calls.place(Call::to(THEIRS)).await.unwrap_err().field(), Some("dialogue"));
    let nobody = Call::to("07-123").dialogue(Scripted::new(["Hello."]));
    assert_eq!(calls.place(nobody).await.unwrap_err().field(), Some("to"));
    app.stop().await;
}

#[tokio::test]
async fn wrong_credentials_are_an_error_at_the_start_unless_they_are_trusted() {
    for trusts in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let twilio = twilio(listener.local_addr().unwrap()).await;
        let carrier = emulated::carrier(&twilio, "wrong");
        let builder = Server::builder().carrier(carrier).agent(agent()).public_url(PUBLIC);
        let server = if trusts { builder.trust_credentials() } else { builder }.build().unwrap();
        let served = server.serve_on(listener, std::future::ready(())).await;
        assert_eq!(served.map_err(|error| error.kind()), if trusts { Ok(()) } else { Err(ErrorKind::Unauthenticated) });
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_whose_listener_breaks_stops_and_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap().into_std().unwrap();
    // The same socket once more: what happens to it happens to both.
    let socket = std::net::TcpStream::from(std::os::fd::OwnedFd::from(listener.try_clone().unwrap()));
    let server = Server::builder().carrier(ScriptedCarrier::new()).agent(agent()).public_url(PUBLIC).build().unwrap();
    let engine = Arc::clone(server.engine());
    let serving = tokio::spawn(server.serve_on(TcpListener::from_std(listener).unwrap(), std::future::pending()));
    socket.shutdown(std::net::Shutdown::Both).unwrap();
    let stopped = serving.await.unwrap().unwrap_err();
    assert_eq!((stopped.kind(), stopped.operation()), (ErrorKind::Unavailable, "accept connections"));
    assert!(engine.is_draining(), "calls are not taken any more either");
}

#[test]
fn whatever_is_missing_or_wrong_is_named() {
    let whole = || Server::builder().carrier(ScriptedCarrier::new()).agent(agent()).public_url(PUBLIC);
    assert!(whole().build().is_ok());
    let field = |builder: ServerBuilder| {
        let error = builder.build().unwrap_err();
        (error.kind(), error.field().map(str::to_owned).unwrap_or_default(), error.to_string())
    };
    for (builder, named) in [
        (Server::builder().agent(agent()).public_url(PUBLIC), "carrier"),
        (Server::builder().number(OURS).carrier(ScriptedCarrier::new()), "carrier"),
        (Server::builder().carrier(ScriptedCarrier::new()).public_url(PUBLIC), "agent"),
        (whole().public_url("calls.example"), "PUBLIC_URL"),
        (whole().public_url("ftp://calls.example"), "PUBLIC_URL"),
        (whole().store(voicecall::store::MemoryStore::new()), "vault"),
        (whole().configure(|config| config.rules.decision_timeout = Duration::from_secs(60)), "decision timeout"),
    ] {
        let (kind, name, text) = field(builder);
        assert_eq!((kind, &*name), (ErrorKind::Config, named), "{text}");
    }
    let handler = Arc::new(Nobody);
    let own =
        || Server::builder().carrier(ScriptedCarrier::new()).public_url(PUBLIC).handler(Arc::<Nobody>::clone(&handler));
    assert!(own().build().is_ok());
    // What a handler decides by itself is not silently left out.
    for builder in [own().agent(agent()), own().keep(Keep::AfterConsent), own().on_finished(async |_| {})] {
        assert_eq!(builder.build().unwrap_err().field(), Some("handler"));
    }
    assert_eq!(whole().number("0701").build().unwrap_err().field(), Some("number"));
}

#[tokio::test]
async fn a_call_is_kept_after_consent_only_if_its_dialogue_can_ask() {
    let app = Served::start(|app| app.keep(Keep::AfterConsent)).await;
    let call = app.calls.clone().place(Call::to(THEIRS).dialogue(Scripted::new(["Hello."]))).await.unwrap();
    assert_eq!(call.ended().await.unwrap().end_reason, Some(EndReason::TechnicalFailure));
    assert_eq!(app.created(), 0, "before the phone rings");
    app.stop().await;
}
