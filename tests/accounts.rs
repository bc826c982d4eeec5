//! Two Twilio accounts in one process, from one file: each with its numbers, its pace, its health and its prices.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

mod emulated;

use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;
use voicecall::dialogue::Scripted;
use voicecall::engine::DialPolicy;
use voicecall::money::{Budget, CallPrices};
use voicecall::store::{EndReason, Session};
use voicecall::{Call, CallOptions, PlacedCall, RecordId, RunningServer, Server, ServerBuilder};
use voicecall_sim::twilio::server::TwilioServer;
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, LogEvent, Number};

use emulated::{PUBLIC, TOKEN, agent, party};

const FIRST: (&str, &str) = ("AC00000000000000000000000000000001", "+46700000001");
const SECOND: (&str, &str) = ("AC00000000000000000000000000000002", "+46711111111");
const THEIRS: [&str; 3] = ["+46701740605", "+46701740606", "+46701740607"];

/// A file that is gone with this value.
struct Accounts(PathBuf);

impl Accounts {
    /// Two accounts: the first paced at `rate`, its interface at `first`, the second's at `second`.
    fn new(first: &str, rate: f64, second: &str) -> Self {
        let account = |name: &str, (sid, number): (&str, &str), rate: f64, api: &str, price: i64| {
            format!(
                "[[account]]\nname = \"{name}\"\ncarrier = \"twilio\"\nnumbers = [\"{number}\"]\n\
                 calls_per_second = {rate}\naccount_sid = \"{sid}\"\nauth_token = \"{TOKEN}\"\n\
                 api_base_url = \"{api}\"\nprices = {{ \"+46\" = {{ per_call = {price} }} }}\n\n"
            )
        };
        let text = account("first", FIRST, rate, first, 1_000) + &account("second", SECOND, 50.0, second, 2_000);
        let file = std::env::temp_dir().join(format!("{}.toml", RecordId::new()));
        std::fs::write(&file, text).unwrap();
        Self(file)
    }

    fn server(&self) -> ServerBuilder {
        Server::builder().accounts_from(&self.0).agent(agent()).public_url(PUBLIC)
    }
}

impl Drop for Accounts {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Both accounts at one carrier, which reaches the server at `listener`.
async fn carrier(listener: &TcpListener) -> TwilioServer {
    let account = |(sid, number): (&str, &str)| Account::new(sid, TOKEN, vec![Number::new(number)]);
    let mut options = ExchangeOptions::new(1, vec![account(FIRST), account(SECOND)]);
    options.dial_interval = Duration::from_millis(10);
    emulated::serve(listener.local_addr().unwrap(), Exchange::new(options, |_| party())).await
}

/// A call through an account, with a budget at which only the carrier costs anything.
async fn place(server: &RunningServer, account: &str, to: &str) -> PlacedCall {
    let nothing =
        "{ \"effective\": \"2026-01-01\", \"carrier\": { \"per_call\": 9 }, \"transcription\": { \"per_minute\": 0 },
        \"speech\": { \"per_1000_characters\": 0 },
        \"model\": { \"input_per_million\": 0, \"cached_per_million\": 0, \"output_per_million\": 0 } }";
    let prices: CallPrices = serde_json::from_str(nothing).unwrap();
    let mut policy = DialPolicy::once();
    policy.account = Some(account.parse().unwrap());
    let options = CallOptions::new(Scripted::new(["Hello."])).budget(Budget::new(prices));
    server.calls().place(Call::to(to).dialogue(options).policy(policy)).await.unwrap()
}

async fn ended(call: &PlacedCall) -> Session {
    let session = call.ended().await.unwrap();
    assert_eq!(session.end_reason, Some(EndReason::Completed));
    session
}

/// From which numbers the carrier was asked to call.
fn callers(twilio: &TwilioServer) -> Vec<String> {
    let log = twilio.log();
    let from = log.iter().filter_map(|entry| match &entry.event {
        LogEvent::Created { from, .. } => Some(from.clone()),
        _ => None,
    });
    from.collect()
}

#[tokio::test]
async fn calls_of_a_slow_account_do_not_slow_those_of_another_and_each_has_its_number_and_prices() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let twilio = carrier(&listener).await;
    // The first places a call in a quarter of an hour: its second one never comes to be placed here.
    let accounts = Accounts::new(&twilio.api(), 0.001, &twilio.api());
    let server = accounts.server().build().unwrap().start_on(listener).await.unwrap();
    let mut slow = Vec::new();
    for to in THEIRS {
        slow.push(place(&server, "first", to).await);
    }
    assert_eq!(ended(&slow[0]).await.cost_micros, Some(1_000));
    for to in ["+46701740615", "+46701740616", "+46701740617"] {
        let session = ended(&place(&server, "second", to).await).await;
        assert_eq!(session.cost_micros, Some(2_000));
    }
    let from = |number: &str| callers(&twilio).iter().filter(|from| *from == number).count();
    assert_eq!((from(FIRST.1), from(SECOND.1)), (1, 3));
    for call in &slow[1..] {
        assert!(!call.session().await.unwrap().status.is_final());
        call.end().await.unwrap();
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_account_that_fails_leaves_the_other_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let twilio = carrier(&listener).await;
    // Nobody listens there.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let accounts = Accounts::new(&format!("http://{gone}"), 50.0, &twilio.api());
    let server = accounts.server().trust_credentials().build().unwrap().start_on(listener).await.unwrap();
    let mut calls = Vec::new();
    for last in 10..18 {
        calls.push(place(&server, "first", &format!("+467017406{last}")).await);
    }
    let attempts = async || {
        let mut attempts = Vec::new();
        for call in &calls {
            let session = call.session().await.unwrap();
            attempts.extend(server.engine().store().attempts(session.tenant, session.id).await.unwrap());
        }
        attempts.len()
    };
    // Five failures in a row, and nobody is called through it any more.
    while attempts().await < 5 {
        tokio::task::yield_now().await;
    }
    for to in THEIRS {
        ended(&place(&server, "second", to).await).await;
    }
    assert_eq!(attempts().await, 5, "the breaker of the first is open");
    assert_eq!(callers(&twilio), [SECOND.1; 3]);
    for call in &calls {
        call.end().await.unwrap();
    }
    server.stop().await.unwrap();
}

#[test]
fn what_is_wrong_in_the_file_is_named_by_account_key_and_line() {
    let wrong = |from: &str, to: &str| {
        let accounts = Accounts::new("http://127.0.0.1:1", 1.0, "http://127.0.0.1:1");
        let text = std::fs::read_to_string(&accounts.0).unwrap();
        assert!(text.contains(from));
        std::fs::write(&accounts.0, text.replace(from, to)).unwrap();
        let error = accounts.server().build().unwrap_err();
        let printed = format!("{error:?} {error}");
        assert!(!printed.contains(TOKEN), "{printed}");
        let message = error.message().unwrap_or_default().to_owned();
        let line = message.rsplit_once(':').map(|(_, line)| line.trim_end_matches(')').to_owned()).unwrap_or_default();
        (error.field().unwrap_or_default().to_owned(), line, message)
    };
    for (from, to, key, line) in [
        ("AC00000000000000000000000000000002", "AC2", "account[1].account_sid", "16"),
        ("carrier = \"twilio\"\nnumbers = [\"+46711111111\"]", "carrier = \"twillio\"", "account[1].carrier", "13"),
        ("api_base_url = \"http://127.0.0.1:1\"", "api_base_url = \"ftp://127.0.0.1\"", "account[0].api_base_url", "8"),
        ("calls_per_second = 50", "api_key = \"SK1\"\ncalls_per_second = 50", "account[1].api_secret", "11"),
        (
            "calls_per_second = 50",
            "parent_auth_token = \"secret\"\ncalls_per_second = 50",
            "account[1].parent_account_sid",
            "11",
        ),
        (
            "calls_per_second = 50",
            "parent_account_sid = \"AC1\"\nparent_auth_token = \"secret\"\ncalls_per_second = 50",
            "account[1].parent_account_sid",
            "15",
        ),
        ("calls_per_second = 50", "colour = \"red\"\ncalls_per_second = 50", "account[1].colour", "15"),
    ] {
        let (field, at, message) = wrong(from, to);
        assert_eq!((&*field, &*at), (key, line), "{message}");
    }
    let (_, _, message) = wrong("carrier = \"twilio\"", "carrier = \"twillio\"");
    assert!(message.starts_with("no carrier `twillio`; there are: 46elks, twilio ("), "{message}");
}
