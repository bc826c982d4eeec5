//! A server at the emulated 46elks, over real sockets: calls out and in, and everything that can befall them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

mod emulated;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use voicecall::agent::{Cascade, VoiceAgent};
use voicecall::carrier::Announcement;
use voicecall::dialogue::{LlmDialogue, Scripted};
use voicecall::elks46::ElksVoice;
use voicecall::engine::{CallEngine, DialPolicy, LiveEvent, LiveEventKind};
use voicecall::store::{EndReason, SessionStatus};
use voicecall::{Call, CallOptions, IncomingDecision, Server, ServerBuilder};
use voicecall_core::testing::{ScriptedModel, ScriptedTranscriber, ScriptedVoice};
use voicecall_sim::elks46::{ElksCall, ElksNumber, ElksOptions, ElksServer, ServerOptions, Unconfirmed};
use voicecall_sim::fault::{Fault, FaultPlan, FaultRule, Site};
use voicecall_sim::phone::{Answer, HangsUp, Silent};
use voicecall_sim::twilio::{Account, Number};

use emulated::{PUBLIC, THEIRS, party};

const USER: &str = "u00000000000000000000000000000001";
const PASSWORD: &str = "simulated-password";
const OURS: &str = "+46766861001";
const SOCKET: &str = "+4600700001";

fn account() -> ElksOptions {
    let mut options = ElksOptions::new(USER, PASSWORD, vec![ElksNumber::new(OURS), ElksNumber::websocket(SOCKET)]);
    options.reports_again = (Duration::from_millis(200), 20);
    options
}

fn otherwise() -> ElksOptions {
    let mut options = account();
    options.unconfirmed = Unconfirmed::otherwise();
    options
}

fn carrier(elks: &ElksServer) -> ElksVoice {
    ElksVoice::builder()
        .api_username(USER)
        .api_password(PASSWORD)
        .websocket_number(SOCKET)
        .public_url(PUBLIC)
        .api_base_url(elks.api())
        .build()
        .unwrap()
}

async fn elks(app: SocketAddr, options: ElksOptions) -> ElksServer {
    let network = ServerOptions::default().route(&PUBLIC.parse().unwrap(), app);
    ElksServer::start(options, network, |_| party()).await.unwrap()
}

/// A server that serves, and the carrier at the other end.
struct Served {
    calls: voicecall::Calls,
    engine: Arc<CallEngine>,
    elks: ElksServer,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<voicecall::Result<()>>,
}

impl Served {
    async fn start(options: ElksOptions, with: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let elks = elks(address, options).await;
        let builder = Server::builder()
            .carrier(carrier(&elks))
            .number(OURS)
            .configure_numbers(true)
            .agent(emulated::agent())
            .public_url(PUBLIC);
        let server = with(builder).build().unwrap();
        let (calls, engine) = (server.calls(), Arc::clone(server.engine()));
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(server.serve_on(listener, async {
            let _ = stopped.await;
        }));
        let this = Self { calls, engine, elks, address, stop, served };
        // The numbers are set before calls are taken.
        while this.elks.numbers()[0].voice_start.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        this
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        self.served.await.unwrap().unwrap();
    }
}

/// How the next session ends.
async fn next_end(events: &mut tokio::sync::broadcast::Receiver<LiveEvent>) -> EndReason {
    loop {
        if let LiveEventKind::Ended { reason, .. } = events.recv().await.unwrap().kind {
            return reason;
        }
    }
}

/// Has a model write what is said.
fn talking_agent(answer: &str) -> Arc<dyn VoiceAgent> {
    let voice = (0..8).fold(ScriptedVoice::new(), |voice, _| voice.with_silence(5, Duration::from_millis(100)));
    let model = ScriptedModel::new().with_answer([answer]);
    Arc::new(Cascade::new(Arc::new(ScriptedTranscriber::new()), Arc::new(model), Arc::new(voice)))
}

/// The call, once everything of it is over; nothing was refused.
async fn over(elks: &ElksServer, id: &str) -> ElksCall {
    let call = elks.ended(id).await;
    assert!(call.questions.iter().chain(&call.reports).all(|(_, status)| (200..300).contains(status)), "{call:?}");
    call
}

#[tokio::test]
async fn a_call_is_placed_talked_on_and_ended_by_us_whatever_the_protocol() {
    for options in [account(), otherwise()] {
        let goes_on = options.unconfirmed.next_after_socket;
        let lags = !options.unconfirmed.rest_lags.is_zero();
        let app = Served::start(options, |app| app).await;
        let placed = app.calls.place(Call::to(THEIRS).dialogue(Scripted::new(["Your order is ready."]))).await.unwrap();
        let session = placed.ended().await.unwrap();
        assert_eq!((session.status, session.end_reason), (SessionStatus::Completed, Some(EndReason::Completed)));
        let id = app.elks.calls()[0].id.clone();
        let call = over(&app.elks, &id).await;
        assert_eq!((call.state, call.rang, call.sockets), ("success", 1, 1));
        assert_eq!(call.byes, ["done"]);
        assert!(call.heard > 3000, "half a second was said, {} bytes were heard", call.heard);
        assert_eq!(call.questions.len(), if goes_on { 2 } else { 1 });
        assert_eq!(call.hangup.as_deref(), goes_on.then_some("reject"));
        assert!(call.reports.len() == 1 || lags, "the end is told once: {call:?}");
        app.stop().await;
    }
}

#[tokio::test]
async fn a_call_that_comes_in_is_answered_by_a_model_and_may_be_anonymous() {
    for options in [account(), otherwise()] {
        let app = Served::start(options, |app| {
            app.agent(talking_agent("We open at eight.")).on_incoming(async |call| {
                assert_eq!((call.from, call.to.canonical()), (None, OURS.into()));
                let dialogue = LlmDialogue::new("You answer the phone of a bakery.").greeting("Hello, how can I help?");
                Ok(IncomingDecision::connect(dialogue))
            })
        })
        .await;
        let mut events = app.engine.subscribe();
        let caller = Box::new(HangsUp { party: Silent(Answer::AT_ONCE), at: Duration::from_secs(2) });
        let id = app.elks.call_in(None, OURS, caller);
        assert_eq!(next_end(&mut events).await, EndReason::RemoteHangup);
        let call = over(&app.elks, &id).await;
        assert_eq!((call.state, call.byes), ("success", vec!["hangup".to_owned()]));
        assert!(call.heard > 3000, "the greeting was heard: {} bytes", call.heard);
        app.stop().await;
    }
}

#[tokio::test]
async fn a_call_that_is_not_taken_is_refused_before_it_is_answered() {
    for (decision, word) in
        [(IncomingDecision::busy as fn() -> IncomingDecision, "busy"), (IncomingDecision::reject, "404")]
    {
        let app = Served::start(account(), |app| app.on_incoming(move |_| async move { Ok(decision()) })).await;
        let id = app.elks.call_in(Some(THEIRS), OURS, party());
        let call = app.elks.ended(&id).await;
        assert_eq!((call.hangup.as_deref(), call.sockets, call.started), (Some(word), 0, None));
        app.stop().await;
    }
}

#[tokio::test]
async fn a_broken_socket_comes_back_if_the_carrier_asks_what_follows_and_ends_the_call_if_not() {
    for returns in [true, false] {
        let mut options = account();
        options.unconfirmed.next_after_loss = returns;
        let broken = FaultRule::nth(Site::MediaSocket, 1, Fault::Reset { at_frame: 15 });
        options.faults = FaultPlan::new(1, vec![broken]).unwrap();
        let again = async |_| Ok(CallOptions::new(Scripted::new(["Where were we?"])));
        let app = Served::start(options, |app| app.on_outgoing(again)).await;
        let dialogue = Scripted::new(["One.", "Two.", "Three."]);
        let placed = app.calls.place(Call::to(THEIRS).dialogue(dialogue)).await.unwrap();
        let session = placed.ended().await.unwrap();
        let id = app.elks.calls()[0].id.clone();
        let call = app.elks.ended(&id).await;
        if returns {
            assert_eq!(call.byes, ["lost", "done"]);
            assert_eq!(session.status, SessionStatus::Completed);
        } else {
            assert_eq!(call.byes, ["lost"]);
            assert_eq!(session.end_reason, Some(EndReason::TechnicalFailure));
        }
        app.stop().await;
    }
}

#[tokio::test]
async fn what_nobody_but_the_carrier_may_say_is_refused() {
    let app = Served::start(account(), |app| {
        app.on_incoming(async |_| Ok(IncomingDecision::connect(Scripted::new(["Hello."; 20]))))
    })
    .await;
    let form = "callid=c1&from=%2B46701740605&to=%2B46766861001&direction=incoming";
    // Without the address that only the carrier knows nothing is even read.
    for target in ["/voice/46elks/incoming", "/voice/46elks/incoming?about=incoming&key=AAAA"] {
        assert_eq!(post(app.address, target, form).await, 401);
    }
    assert_eq!(app.engine.count(), (0, 0));
    // Who has learnt an address makes no other of it.
    let numbers = app.elks.numbers();
    let secret = query(numbers[0].voice_start.as_ref().unwrap());
    assert_eq!(post(app.address, &format!("/voice/status?account=46elks&{secret}"), "id=c1&state=success").await, 401);
    assert_eq!(opens(app.address, "/media/46elks").await, 401);
    assert_eq!(opens(app.address, &format!("/media/46elks?{secret}")).await, 401);
    let socket = query(numbers[1].websocket_url.as_ref().unwrap());
    assert_eq!(opens(app.address, &format!("/media/46elks?{socket}")).await, 101);
    // What is reported of a call is believed if the carrier says so itself.
    let id = app.elks.call_in(Some(THEIRS), OURS, party());
    let call = app.elks.until(|calls| calls.iter().find(|call| call.sockets == 1).cloned()).await;
    let target = format!("/voice/status?{}", query(call.whenhangup.as_ref().unwrap()));
    assert_eq!(post(app.address, &target, &format!("id={id}&state=success&duration=1")).await, 503, "not yet");
    assert_eq!(post(app.address, &target, "id=cffffffff&state=success&duration=1").await, 401);
    assert_eq!(app.engine.count().1, 1, "the call goes on");
    drop(app);
}

fn query(url: &str) -> String {
    url.split_once('?').unwrap().1.to_owned()
}

/// The status of an answer to a form.
async fn post(address: SocketAddr, target: &str, form: &str) -> u16 {
    let head = "content-type: application/x-www-form-urlencoded\r\nconnection: close";
    status(
        address,
        &format!(
            "POST {target} HTTP/1.1\r\nhost: calls.example\r\n{head}\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        ),
    )
    .await
}

/// The status of an answer to the handshake of a socket.
async fn opens(address: SocketAddr, target: &str) -> u16 {
    let head = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==";
    status(address, &format!("GET {target} HTTP/1.1\r\nhost: calls.example\r\n{head}\r\n\r\n")).await
}

async fn status(address: SocketAddr, request: &str) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn reports_that_come_twice_late_or_never_leave_one_outcome() {
    for fault in [
        Fault::Duplicate { times: 2 },
        Fault::Late { delay: Duration::from_millis(800) },
        Fault::DropBefore,
        Fault::OutOfOrder,
    ] {
        let mut options = account();
        options.faults = FaultPlan::new(1, vec![FaultRule::always(Site::WebhookStatus, fault.clone())]).unwrap();
        let app = Served::start(options, |app| app).await;
        let placed = app.calls.place(Call::to(THEIRS).dialogue(Scripted::new(["Hello."]))).await.unwrap();
        assert_eq!(placed.ended().await.unwrap().end_reason, Some(EndReason::Completed), "{fault:?}");
        let id = app.elks.calls()[0].id.clone();
        over(&app.elks, &id).await;
        assert_eq!(placed.session().await.unwrap().end_reason, Some(EndReason::Completed), "{fault:?}");
        app.stop().await;
    }
}

#[tokio::test]
async fn what_one_carrier_refuses_goes_through_the_other_with_its_dialogue() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut options = account();
    let refused = Fault::RateLimit { retry_after: None };
    options.faults = FaultPlan::new(1, vec![FaultRule::always(Site::RestCreate, refused)]).unwrap();
    let elks = elks(address, options).await;
    let numbers = vec![Number::new(emulated::OURS)];
    let twilio = emulated::twilio(address, vec![Account::new(emulated::ACCOUNT, emulated::TOKEN, numbers)]).await;
    let server = Server::builder()
        .carrier(carrier(&elks))
        .number(OURS)
        .carrier(emulated::carrier(&twilio, emulated::TOKEN))
        .number(emulated::OURS)
        .agent(emulated::agent())
        .public_url(PUBLIC)
        .build()
        .unwrap();
    let calls = server.calls();
    let running = server.start_on(listener).await.unwrap();
    let placed = calls.place(Call::to(THEIRS).dialogue(Scripted::new(["Your order is ready."]))).await.unwrap();
    assert_eq!(placed.ended().await.unwrap().end_reason, Some(EndReason::Completed));
    assert_eq!((elks.calls().len(), twilio.inspect(|exchange| exchange.rings(THEIRS))), (0, 1));
    running.stop().await.unwrap();
}

#[test]
fn a_file_of_accounts_names_what_is_wrong_with_one_and_prints_no_secret() {
    let public = PUBLIC.parse().unwrap();
    let text =
        |keys: &str| format!("[[account]]\nname = \"main\"\ncarrier = \"46elks\"\nnumbers = [\"{OURS}\"]\n{keys}");
    let whole = "api_username = \"u1\"\napi_password = \"canary\"\nwebsocket_number = \"+4600700001\"\n";
    let read = |keys: &str| voicecall::registry().with_toml(&text(keys), &public);
    assert_eq!(read(whole).unwrap().accounts()[0].backend().name(), "46elks");
    for (keys, wrong) in [
        (whole.replace("api_password = \"canary\"\n", ""), "account[0].api_password"),
        (whole.replace("+4600700001", "canary"), "account[0].websocket_number"),
        (format!("{whole}webhook_secret = \"canary\"\n"), "account[0].webhook_secret"),
        (format!("{whole}auth_token = \"canary\"\n"), "account[0].auth_token"),
    ] {
        let error = read(&keys).unwrap_err();
        assert_eq!(error.field(), Some(wrong));
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_farewell_that_the_carrier_cannot_say_is_refused_at_the_start() {
    let elks = elks("127.0.0.1:1".parse().unwrap(), account()).await;
    let builder = Server::builder().carrier(carrier(&elks)).agent(emulated::agent()).public_url(PUBLIC);
    let swedish = builder.configure(|config| config.rules.farewell = Announcement::new("Hej då.", "sv-SE"));
    assert_eq!(swedish.build().unwrap_err().field(), Some("farewell"));
    let farewell = Announcement::new("Hej då.", "sv-SE").with_audio(format!("{PUBLIC}/farewell.wav").parse().unwrap());
    let builder = Server::builder().carrier(carrier(&elks)).agent(emulated::agent()).public_url(PUBLIC);
    assert!(builder.configure(|config| config.rules.farewell = farewell).build().is_ok(), "it is played from a file");
}

#[tokio::test]
async fn both_carriers_work_side_by_side_in_one_process() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let elks = elks(address, account()).await;
    let number = Number::answered_by(emulated::OURS, format!("{PUBLIC}/voice/twilio/incoming"));
    let twilio = emulated::twilio(address, vec![Account::new(emulated::ACCOUNT, emulated::TOKEN, vec![number])]).await;
    let server = Server::builder()
        .carrier(carrier(&elks))
        .number(OURS)
        .carrier(emulated::carrier(&twilio, emulated::TOKEN))
        .number(emulated::OURS)
        .configure_numbers(true)
        .agent(emulated::agent())
        .public_url(PUBLIC)
        .on_incoming(async |_| Ok(IncomingDecision::connect(Scripted::new(["Hello."]))))
        .build()
        .unwrap();
    let (calls, engine) = (server.calls(), Arc::clone(server.engine()));
    let running = server.start_on(listener).await.unwrap();
    let mut events = engine.subscribe();
    let by_elks = elks.call_in(Some(THEIRS), OURS, party());
    let by_twilio = twilio.call_in(THEIRS, emulated::OURS, party()).unwrap();
    for _ in 0..2 {
        assert_eq!(next_end(&mut events).await, EndReason::Completed);
    }
    for account in ["46elks", "twilio"] {
        let mut policy = DialPolicy::once();
        policy.account = Some(account.parse().unwrap());
        let call = Call::to(THEIRS).dialogue(Scripted::new(["Your order is ready."])).policy(policy);
        assert_eq!(calls.place(call).await.unwrap().ended().await.unwrap().end_reason, Some(EndReason::Completed));
    }
    assert_eq!(over(&elks, &by_elks).await.byes, ["done"]);
    assert!(twilio.inspect(|exchange| exchange.status(&by_twilio).is_some_and(|status| status.is_final())));
    assert_eq!(elks.calls().len(), 2);
    running.stop().await.unwrap();
}
