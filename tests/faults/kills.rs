//! P1: the process is killed again and again, at any moment, with calls under way, and started again over its file.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::time::sleep;
use voicecall::audio::{FRAME_SAMPLES, Frame};
use voicecall::dialogue::Dialogue;
use voicecall::engine::{CallEngine, CarrierAccount, Destinations, EngineConfig};
use voicecall::journal::Fact;
use voicecall::server::{ServeOptions, routes, serve};
use voicecall::sqlite::{SqliteOptions, SqliteStore, SqliteSurvey};
use voicecall::store::{EngineStore, JournalStore, NewSession, QueueStore, SessionStore};
use voicecall::survey::store::{CallStore, QuestionId};
use voicecall::twilio::TwilioVoice;
use voicecall::{CallTime, SessionId, TenantId, Vault};
use voicecall_core::testing::ReservedAddress;
use voicecall_sim::fault::Rng;
use voicecall_sim::phone::{Answer, Party, PartyAction, Ring};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, Number};

use super::process::{Gate, Passing, Process, multi_threaded, order, relay_all, say};
use super::questions::Questionnaire;
use super::row::{Row, scaled};
use super::served::Shop;
use super::world::World;

const SEED: u64 = 0x91;
const THIS_TEST: &str = "kills::a_process_killed_at_any_moment_loses_no_answer_and_calls_nobody_twice";

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const AUTH_TOKEN: &str = "12345";
const OURS: &str = "+46700000000";
const PUBLIC: &str = "https://calls.example";
/// Seals numbers in all processes.
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

const TENANT: &str = "00000000-0000-7000-8000-0000000000aa";

/// How often the server takes in another customer.
const ANOTHER_AFTER: Duration = Duration::from_millis(100);

/// The longest life of a server, and the shortest, from when it is ready.
const LIVES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(1_200));

/// No start takes longer, and no end of all calls.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_process_killed_at_any_moment_loses_no_answer_and_calls_nobody_twice() {
    if let Some(order) = order::<ServerOrder>() {
        return multi_threaded().block_on(be_the_server(order));
    }
    multi_threaded().block_on(kill_again_and_again());
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct ServerOrder {
    folder: PathBuf,
    listen: SocketAddr,
    carrier: String,
    /// The number of the first customer to be taken in; none, if the server is to finish and end.
    first: Option<u64>,
}

/// The server: takes in customers, and says on its output what is certain.
async fn be_the_server(order: ServerOrder) {
    let store = Arc::new(open_store(&order.folder).await);
    let vault = Arc::new(Vault::new(&[KEY.to_owned().into()], &KEY.to_owned().into()).unwrap());
    let carrier = TwilioVoice::builder()
        .account_sid(ACCOUNT)
        .auth_token(AUTH_TOKEN)
        .public_url(PUBLIC)
        .api_base_url(order.carrier)
        .build()
        .unwrap();
    let mut config = EngineConfig::new(PUBLIC.parse().unwrap());
    // Reading the tables of numbers takes longer than a short life.
    config.rules.destinations = Destinations::anything();
    let account = CarrierAccount::of(Arc::new(carrier)).unwrap().number(OURS.parse().unwrap());
    let account = account.calls_per_second(100.0);
    let questionnaire = Questionnaire::new(|(session, question)| say(format_args!("confirmed {session} {question}")));
    let shop = Shop(Arc::new(move |request| Box::new(questionnaire.dialogue(request)) as Box<dyn Dialogue>));
    let dynamic = Arc::clone(&store) as Arc<dyn EngineStore>;
    let engine = CallEngine::new(config, dynamic, account, Arc::new(shop), Arc::clone(&vault)).unwrap();
    let listener = TcpListener::bind(order.listen).await.unwrap();
    let router = routes(Arc::clone(&engine));
    tokio::spawn(serve(listener, router, ServeOptions::default(), std::future::pending()).unwrap());
    engine.recover().await.unwrap();
    let tended = Arc::clone(&engine);
    tokio::spawn(async move { tended.run_background().await });
    say(format_args!("ready"));
    let Some(first) = order.first else {
        while !store.open_sessions().await.unwrap().is_empty() {
            sleep(Duration::from_millis(100)).await;
        }
        return;
    };
    let tenant: TenantId = TENANT.parse().unwrap();
    for n in first.. {
        let number = World::number(n);
        let (to, now) = (number.clone().into(), jiff::Timestamp::now());
        let new = NewSession::outbound_to(&vault, tenant, &to, now).unwrap();
        engine.submit(&new).await.unwrap();
        say(format_args!("submitted {} {}", new.id, number.reveal()));
        sleep(ANOTHER_AFTER).await;
    }
}

/// What servers have said so far.
#[derive(Debug, Default)]
struct Said {
    ready: u64,
    submitted: Vec<(SessionId, String)>,
    confirmed: HashSet<(SessionId, QuestionId)>,
}

impl Said {
    /// Starts a server, and writes down what it says.
    fn start(said: &Arc<Mutex<Self>>, order: &ServerOrder) -> Process {
        let said = Arc::clone(said);
        Process::start(THIS_TEST, order, move |words| {
            let mut said = said.lock().unwrap();
            match *words {
                ["ready"] => said.ready += 1,
                ["submitted", session, number] => said.submitted.push((session.parse().unwrap(), number.to_owned())),
                ["confirmed", session, question] => {
                    said.confirmed.insert((session.parse().unwrap(), question.parse().unwrap()));
                }
                _ => {}
            }
        })
    }
}

async fn kill_again_and_again() {
    let mut row = Row::new("P1", "kills -9 of a server with calls under way, at moments drawn by chance", SEED);
    let folder = std::env::temp_dir().join(format!("voicecall-kills-{}", TenantId::new()));
    std::fs::create_dir_all(&folder).unwrap();
    let reserved = ReservedAddress::new();
    let listen = reserved.address();
    let gateway = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let entrance = gateway.local_addr().unwrap();
    let relaying = tokio::spawn(relay_all(gateway, listen, Gate::new(Passing::All)));
    let mut options = ExchangeOptions::new(SEED, vec![Account::new(ACCOUNT, AUTH_TOKEN, vec![Number::new(OURS)])]);
    options.dial_interval = Duration::from_millis(10);
    let exchange = Exchange::new(options, |_| Box::new(Chatty) as Box<dyn Party>);
    let routed = ServerOptions::default().route(&PUBLIC.parse().unwrap(), entrance);
    let carrier = TwilioServer::start(exchange, routed).await.unwrap();
    let said = Arc::new(Mutex::new(Said::default()));
    let mut rng = Rng::new(SEED);
    let mut order = ServerOrder { folder: folder.clone(), listen, carrier: carrier.api(), first: Some(0) };
    let (mut slowest, kills) = (Duration::ZERO, scaled(1_000));
    for kill in 0..kills {
        // Numbers of a server that may have been killed before it could say that it had taken one in are not used again.
        order.first = Some(kill * 1_000);
        let begun = Instant::now();
        let server = Said::start(&said, &order);
        is_ready(&said, kill + 1).await;
        slowest = slowest.max(begun.elapsed());
        sleep(LIVES.0 + rng.below(LIVES.1 - LIVES.0)).await;
        server.kill();
    }
    order.first = None;
    Said::start(&said, &order).ends(PATIENCE).await;
    relaying.abort();

    let said = std::mem::take(&mut *said.lock().unwrap());
    let books = check(&folder, &said).await;
    let twice = said.submitted.iter().filter(|(_, number)| carrier.inspect(|exchange| exchange.rings(number)) > 1);
    row.did(kills);
    row.some("customers taken in", said.submitted.len() as u64);
    row.some("answers confirmed as stored", said.confirmed.len() as u64);
    row.some("calls that went on in another process", books.resumed);
    row.never("confirmed answers lost", books.lost);
    row.never("answers stored twice", books.doubled);
    row.never("phones that rang twice", twice.count());
    row.never("accepted sessions lost or left open", books.open);
    row.figure("milliseconds from start to ready, at most (wall)", slowest.as_millis());
    let _ = std::fs::remove_dir_all(&folder);
    row.finish();
}

async fn is_ready(said: &Mutex<Said>, starts: u64) {
    let begun = Instant::now();
    while said.lock().unwrap().ready < starts {
        assert!(begun.elapsed() < PATIENCE, "the server does not start");
        sleep(Duration::from_millis(2)).await;
    }
}

#[derive(Debug, Default)]
struct Books {
    lost: usize,
    doubled: usize,
    open: usize,
    resumed: u64,
}

/// The file that servers share, with the rows of answers beside their facts.
async fn open_store(folder: &Path) -> SqliteStore {
    let options = SqliteOptions::new().extension(SqliteSurvey);
    options.open(folder.join("calls.sqlite")).await.unwrap()
}

/// Compares the file with what servers had said.
async fn check(folder: &Path, said: &Said) -> Books {
    let store = open_store(folder).await;
    let tenant: TenantId = TENANT.parse().unwrap();
    let mut books = Books::default();
    for (session, _) in &said.submitted {
        let over = store.session(tenant, *session).await.is_ok_and(|session| session.status.is_final());
        books.open += usize::from(!over);
        let Ok(call) = store.call(tenant, *session).await else { continue };
        let responses = call.record.responses;
        let stored: HashSet<_> = responses.iter().map(|response| response.question).collect();
        books.doubled += responses.len() - stored.len();
        books.lost +=
            said.confirmed.iter().filter(|(of, question)| of == session && !stored.contains(question)).count();
        let journal = store.journal(tenant, *session).await.unwrap();
        books.resumed += journal.iter().filter(|entry| entry.fact == Fact::Resumed).count() as u64;
    }
    books
}

/// Twenty milliseconds of somebody who speaks loudly.
pub const LOUD: [u8; FRAME_SAMPLES] = {
    let mut codes = [0x00; FRAME_SAMPLES];
    let mut at = 1;
    while at < FRAME_SAMPLES {
        codes[at] = 0x80;
        at += 2;
    }
    codes
};

/// Answers at once, and says something short twice a second.
#[derive(Debug)]
struct Chatty;

impl Party for Chatty {
    fn answer(&mut self, _: &Ring) -> Answer {
        Answer::After(Duration::from_millis(50))
    }

    fn speak(&mut self, now: CallTime) -> PartyAction {
        let speaks = now.since(CallTime::ZERO).as_millis() % 500 >= 350;
        if speaks { PartyAction::Speak(LOUD.into()) } else { PartyAction::Listen }
    }

    fn hear(&mut self, _: CallTime, _: &Frame) {}
}
