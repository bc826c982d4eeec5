//! P9: a call comes in, its caller has a table booked, and the process is killed at one step of it after the other.
//!
//! The carrier, the caller and the receiver of bookings live in the test's own process and survive.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;
use voicecall::audio::Frame;
use voicecall::dialogue::Phrases;
use voicecall::journal::Fact;
use voicecall::sqlite::SqliteStore;
use voicecall::store::{EndReason, JournalStore, PageRequest, Session, SessionFilter, SessionStore};
use voicecall::tool::{ToolEffect, ToolState};
use voicecall::{CallTime, TenantId};
use voicecall_core::testing::ReservedAddress;
use voicecall_sim::phone::{Answer, Party, PartyAction, Silent};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, Method, Number};

use super::bakery::{
    ACCOUNT, ASKS, AUTH_TOKEN, BOOKED, CALLS_BACK, GREETING, OURS, Order, PUBLIC, Step, TENANT, TOOL, line_of, serve,
};
use super::kills::LOUD;
use super::process::{Gate, Passing, Process, multi_threaded, order, relay_all};
use super::row::{Row, scaled};

const SEED: u64 = 0x99;
const THIS_TEST: &str = "tool_kills::a_tool_does_its_work_as_often_as_it_may_wherever_the_process_is_killed";
const CALLER: &str = "+46701740605";

/// No step takes longer, and no end of a call.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the caller waits for an answer before they say once more what they want, in frames.
const AGAIN: u32 = 1000;

/// Calls that are under way at once: most of their time they wait.
const AT_ONCE: usize = 6;

#[test]
fn a_tool_does_its_work_as_often_as_it_may_wherever_the_process_is_killed() {
    match order::<Order>() {
        Some(order) => multi_threaded().block_on(serve(order)),
        None => multi_threaded().block_on(async {
            for effect in [ToolEffect::Once, ToolEffect::Idempotent] {
                kill_at_every_step(effect).await;
            }
        }),
    }
}

async fn kill_at_every_step(effect: ToolEffect) {
    let what = match effect {
        ToolEffect::Once => "kills -9 at each of 9 steps of a call that comes in and has something done `Once`",
        _ => "kills -9 at each of 9 steps of a call that comes in and has something done with an idempotency key",
    };
    let mut row = Row::new("P9", what, SEED + effect as u64);
    let (mut calls, places) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
    for round in 0..scaled(10) {
        for step in Step::ALL {
            let places = Arc::clone(&places);
            calls.spawn(async move {
                let _place = places.acquire().await.unwrap();
                let call = timeout(PATIENCE, Call::of(effect, step, SEED + round)).await;
                call.unwrap_or_else(|_| panic!("a call that broke at {step:?} does not end"))
            });
        }
    }
    let calls = calls.join_all().await;
    row.did(calls.len() as u64);
    row.some("calls that went on in another process", calls.iter().filter(|call| call.goes_on()).count() as u64);
    let count = |is_it: &dyn Fn(&Call) -> bool| {
        calls.iter().filter(|call| is_it(call)).inspect(|call| eprintln!("{call:#?}")).count()
    };
    row.never("kills at another step than was meant", count(&|call| !call.was_killed_there()));
    row.never("calls with more sessions than one, or with none", count(&|call| call.sessions.len() != 1));
    row.never("calls that neither went on to their end nor ended with their reason", count(&|call| !call.ended_well()));
    if effect == ToolEffect::Once {
        row.never("handlers that began more than once", count(&|call| call.begun > 1));
        let unknown = calls.iter().filter(|call| call.is_unknown()).count() as u64;
        row.some("calls of which nobody knows whether the work was done", unknown);
        row.never(
            "of these, callers who were not told so, or told otherwise",
            count(&|call| call.is_unknown() && !call.told_unknown()),
        );
    } else {
        row.some("handlers that began again", calls.iter().filter(|call| call.begun > 1).count() as u64);
    }
    row.never(
        "calls that went on with another number of effects than one",
        count(&|call| call.goes_on() && !call.is_unknown() && call.effects != 1),
    );
    row.never(
        "callers who were told of an effect that is not there, or not told",
        count(&|call| !call.is_unknown() && call.goes_on() && !call.told_booked()),
    );
    row.finish();
}

/// A call that broke, and what there is of it in the end.
#[derive(Debug)]
struct Call {
    effect: ToolEffect,
    step: Step,
    /// How often handlers began, and how many keys the receiver has seen: before the kill, and in the end.
    before: (u64, u64),
    begun: u64,
    effects: u64,
    /// The states of the tool when the process was killed.
    tool: (usize, Vec<ToolState>),
    /// What the caller heard, in order.
    heard: Vec<String>,
    sessions: Vec<Session>,
}

impl Call {
    async fn of(effect: ToolEffect, step: Step, seed: u64) -> Self {
        let folder = std::env::temp_dir().join(format!("voicecall-tool-kills-{}", TenantId::new()));
        std::fs::create_dir_all(&folder).unwrap();
        let reserved = ReservedAddress::new();
        let listen = reserved.address();
        let gateway = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let entrance = gateway.local_addr().unwrap();
        let gate = Gate::new(if step == Step::Socket { Passing::AllButMedia } else { Passing::All });
        let mut around = JoinSet::new();
        around.spawn(relay_all(gateway, listen, Arc::clone(&gate)));
        let carrier = carrier(entrance, seed).await;
        let bookings = Arc::new(Bookings::default());
        let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let told = receiver.local_addr().unwrap();
        around.spawn(Arc::clone(&bookings).take(receiver));

        let mut order = Order {
            folder: folder.clone(),
            listen,
            carrier: carrier.api(),
            receiver: told,
            effect,
            stops_at: Some(step),
        };
        let (first, said) = start(&order);
        said.listens.notified().await;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sid =
            carrier.call_in(CALLER, OURS, Box::new(Guest { heard: Arc::clone(&heard), ..Guest::default() })).unwrap();
        if step == Step::Socket {
            gate.holds_media().await
        } else {
            said.reached.notified().await
        }
        // Nobody finds a process that is just dying.
        gate.set(Passing::Nobody);
        first.kill();
        let before = bookings.counted();
        let tool = tool_in(&folder).await;
        gate.set(Passing::All);
        order.stops_at = None;
        let (last, _) = start(&order);
        carrier.until(|exchange| exchange.status(&sid).filter(|status| status.is_final())).await;
        last.ends(PATIENCE).await;

        let store = SqliteStore::open(folder.join("calls.sqlite")).await.unwrap();
        let all =
            store.sessions(TENANT.parse().unwrap(), &SessionFilter::default(), PageRequest::default()).await.unwrap();
        drop(store);
        let _ = std::fs::remove_dir_all(&folder);
        let (begun, effects) = bookings.counted();
        let heard = heard.lock().unwrap().clone();
        Self { effect, step, before, begun, effects, tool, heard, sessions: all.items }
    }

    /// Whoever was not answered yet hears the carrier's own message and is gone.
    fn goes_on(&self) -> bool {
        self.step != Step::Decision
    }

    /// Whether the process died after it was stored that the tool is called, and before it was stored what came of it.
    fn is_unknown(&self) -> bool {
        let is_open = matches!(self.step, Step::Stored | Step::Running | Step::Done | Step::Returned);
        self.effect == ToolEffect::Once && is_open
    }

    /// Whether the file and the receiver were then as they are at this step.
    fn was_killed_there(&self) -> bool {
        use Step::{Answer, Decision, Done, Greeting, Result, Returned, Running, Socket, Stored};
        let (called, returned) = (self.tool.0, self.tool.1.first());
        let then = (called, returned, self.before.0, self.before.1);
        match self.step {
            Decision | Socket | Greeting => then == (0, None, 0, 0),
            Stored => then == (1, None, 0, 0),
            Running => then == (1, None, 1, 0),
            Done | Returned => then == (1, None, 1, 1),
            Result | Answer => then == (1, Some(&ToolState::Returned), 1, 1),
        }
    }

    fn ended_well(&self) -> bool {
        let expected = if self.goes_on() { EndReason::Completed } else { EndReason::Abandoned };
        self.sessions.iter().all(|session| session.end_reason == Some(expected))
    }

    /// Whether the caller has heard this since the call went on: before, the process may have said more than it had stored.
    fn has_heard(&self, line: &str) -> bool {
        let cut_off = Phrases::english().resumed;
        self.heard.rsplit(|heard| *heard == cut_off).next().unwrap().iter().any(|heard| heard == line)
    }

    fn told_unknown(&self) -> bool {
        self.has_heard(&Phrases::english().outcome_unknown) && self.has_heard(CALLS_BACK) && !self.has_heard(BOOKED)
    }

    fn told_booked(&self) -> bool {
        self.has_heard(BOOKED) && !self.has_heard(&Phrases::english().outcome_unknown)
    }
}

/// The carrier, which reaches servers through the relay.
async fn carrier(entrance: SocketAddr, seed: u64) -> TwilioServer {
    let mut number = Number::answered_by(OURS, format!("{PUBLIC}/voice/twilio/incoming"));
    number.status_callback = Some((format!("{PUBLIC}/voice/status?account=twilio"), Method::Post));
    let options = ExchangeOptions::new(seed, vec![Account::new(ACCOUNT, AUTH_TOKEN, vec![number])]);
    let exchange = Exchange::new(options, |_| Box::new(Silent(Answer::Never)) as Box<dyn Party>);
    let routed = ServerOptions::default().route(&PUBLIC.parse().unwrap(), entrance);
    TwilioServer::start(exchange, routed).await.unwrap()
}

/// What a server says when it comes so far.
#[derive(Debug, Default)]
struct Said {
    listens: Notify,
    reached: Notify,
}

fn start(order: &Order) -> (Process, Arc<Said>) {
    let said = Arc::new(Said::default());
    let told = Arc::clone(&said);
    let server = Process::start(THIS_TEST, order, move |words| match words {
        ["listens"] => told.listens.notify_one(),
        ["reached"] => told.reached.notify_one(),
        _ => {}
    });
    (server, said)
}

/// How often the tool was called, and what came of it, as the file says.
async fn tool_in(folder: &Path) -> (usize, Vec<ToolState>) {
    let store = SqliteStore::open(folder.join("calls.sqlite")).await.unwrap();
    let tenant = TENANT.parse().unwrap();
    let (mut called, mut returned) = (Vec::new(), Vec::new());
    for session in store.sessions(tenant, &SessionFilter::default(), PageRequest::default()).await.unwrap().items {
        for entry in store.journal(tenant, session.id).await.unwrap() {
            match entry.fact {
                Fact::ToolCalled { name, call, .. } if name == TOOL => called.push(call),
                Fact::ToolReturned { call, state, .. } if called.contains(&call) => returned.push(state),
                _ => {}
            }
        }
    }
    (called.len(), returned)
}

/// Where tables are booked: once for each key.
#[derive(Debug, Default)]
struct Bookings {
    begun: Mutex<u64>,
    by_key: Mutex<HashMap<String, u64>>,
}

impl Bookings {
    async fn take(self: Arc<Self>, receiver: TcpListener) {
        while let Ok((socket, _)) = receiver.accept().await {
            let (mut socket, mut line) = (BufReader::new(socket), String::new());
            socket.read_line(&mut line).await.unwrap();
            match line.trim_end().split_once(' ') {
                Some(("begins", _)) => *self.begun.lock().unwrap() += 1,
                Some(("books", key)) => *self.by_key.lock().unwrap().entry(key.to_owned()).or_default() += 1,
                _ => panic!("{line:?}"),
            }
            socket.write_all(b"ok\n").await.unwrap();
        }
    }

    /// How often handlers began, and for how many keys something was booked.
    fn counted(&self) -> (u64, u64) {
        (*self.begun.lock().unwrap(), self.by_key.lock().unwrap().len() as u64)
    }
}

/// A caller who knows each line by its sound, and says what they want whenever they are asked.
#[derive(Debug, Default)]
struct Guest {
    heard: Arc<Mutex<Vec<String>>>,
    /// The line that sounds now, and for how long there has been none.
    line: Option<String>,
    quiet: u32,
    /// Whether they were asked something and got no answer, and how much of what they want is left to say.
    asked: bool,
    left: u32,
}

impl Party for Guest {
    fn speak(&mut self, _: CallTime) -> PartyAction {
        // A pause of 300 ms, then 400 ms of speech; once more if nobody says anything for 20 s.
        if self.asked && self.left == 0 && self.quiet % AGAIN == 15 {
            self.left = 20;
        }
        if self.left == 0 {
            return PartyAction::Listen;
        }
        self.left -= 1;
        PartyAction::Speak(LOUD.into())
    }

    fn hear(&mut self, _: CallTime, frame: &Frame) {
        let line = line_of(frame);
        self.quiet = if line.is_some() { 0 } else { self.quiet + 1 };
        if let Some(line) = &line
            && self.line.as_ref() != Some(line)
        {
            self.asked = line == GREETING || line == ASKS;
            self.heard.lock().unwrap().push(line.clone());
        }
        self.line = line;
    }
}
