//! Runs a whole application offline, unchanged: the simulated services take the place of the real ones by the
//! environment, and somebody calls, or is called.
//!
//! An application that reads its keys from the environment becomes its own demonstration with one line:
//!
//! ```no_run
//! # async fn serve() -> voicecall_core::Result<()> { Ok(()) }
//! # const SCENARIO: &str = "";
//! # async fn main_() -> Result<(), Box<dyn std::error::Error>> {
//! if std::env::args().nth(1).as_deref() == Some("demo") {
//!     return Ok(voicecall_sim::demo::run(SCENARIO).await?);
//! }
//! serve().await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`run`] starts the program once more, with its arguments but for the word `demo`, and with these variables:
//!
//! | variable | what |
//! |---|---|
//! | `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN`, `TWILIO_API_BASE_URL` | the simulated Twilio |
//! | `TWILIO_NUMBER`, `CALL_TO` | the application's number, and the number of the simulated person |
//! | `OPENAI_API_KEY`, `OPENAI_BASE_URL` | the simulated OpenAI |
//! | `DEEPGRAM_API_KEY`, `DEEPGRAM_BASE_URL` | the simulated Deepgram; where the person writes first, there is none |
//! | `ELEVENLABS_API_KEY`, `ELEVENLABS_BASE_URL`, `ELEVENLABS_VOICE` | the simulated ElevenLabs; the same |
//! | `PUBLIC_URL`, `LISTEN` | where carriers reach the program, and where it listens |
//!
//! No message can be delivered to +46700000099.

#![allow(clippy::print_stdout, reason = "a demonstration talks to whoever runs it")]

mod application;
mod messages;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use url::Url;
use voicecall_core::testing::ReservedAddress;
use voicecall_core::{Error, ErrorKind, Result};

use self::application::{Application, Services};
use self::messages::Inbox;
use crate::caller::{CallerEvent, CallerLog, ScriptedCaller};
use crate::clips::{Fallback, Library};
use crate::openai::{Server, ServiceOptions};
use crate::phone::{Answer, LineRecording, Party, Recorded, Silent};
use crate::scenario::Scenario;
use crate::twilio::server::{ServerOptions, TwilioServer};
use crate::twilio::{Account, Exchange, ExchangeOptions, Number};
use crate::{deepgram, elevenlabs, openai};

// Made up, and worth nothing anywhere else.
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: &str = "simulated-auth-token";
const API_KEY: &str = "simulated-api-key";
const PUBLIC_URL: &str = "https://demo.example";

/// The application's number.
const OURS: &str = "+46700000001";

/// The number of the person in the scenario.
const THEIRS: &str = "+46701740605";

/// A number to which no message can be delivered, neither by SMS nor by WhatsApp.
const UNREACHABLE: &str = "+46700000099";

/// Where the recording goes.
const RECORDING: &str = "out/call.wav";

/// How long a call may take to come about and to end.
const WITHIN: Duration = Duration::from_secs(300);

/// How often it is looked for something new to show.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs this program against simulated services and one call of `scenario`, prints what both sides say while they say it,
/// and leaves `out/call.wav`: the line as the person on the phone had it, their voice left, what they heard right.
///
/// The person [calls](crate::scenario::Caller::calls), or waits to be called. One who [writes](crate::scenario::Scenario::messages)
/// does that first, and calls where the scenario says so; what no clip says is then said by [`Fallback::installed`].
///
/// # Errors
/// `Config` if the scenario is wrong; `Unavailable` if the program does not serve, or no call comes about and ends.
pub async fn run(scenario: &str) -> Result<()> {
    let scenario: Scenario = scenario.parse()?;
    let reserved = ReservedAddress::new();
    let app = reserved.address();
    if !scenario.messages.is_empty() {
        return write(&scenario, app).await;
    }
    let openai = Server::start(&scenario, API_KEY).await?;
    let deepgram = deepgram::Server::start(&scenario, API_KEY).await?;
    let elevenlabs = elevenlabs::Server::start(&scenario, API_KEY).await?;
    let (mut person, log, line) = person(&scenario)?;
    let calls_in = scenario.caller.calls.then(|| person.take()).flatten();
    let twilio = carrier(&scenario, app, person).await.map_err(|error| trouble("start the simulated Twilio", error))?;
    println!("Simulated: the phone network, the person on the phone, and all AI services. What is said:\n");
    let others = [("DEEPGRAM", Some(deepgram.base_url())), ("ELEVENLABS", Some(elevenlabs.base_url()))];
    let services = Services { twilio: twilio.api(), openai: openai.base_url(), others };
    let mut application = Application::start(app, &services).await?;
    if let Some(person) = calls_in
        && twilio.call_in(THEIRS, OURS, person).is_none()
    {
        return Err(Error::new(ErrorKind::Internal, "call the application"));
    }
    let unavailable = |what| Err(Error::new(ErrorKind::Unavailable, what));
    let ended = tokio::select! {
        shown = timeout(WITHIN, show(&log, &line)) => shown.or_else(|_| unavailable("wait for a call to end")),
        () = application.ended() => unavailable("make a call: the application has ended"),
    };
    application.stop().await;
    ended?;
    line.save(Path::new(RECORDING)).map_err(|error| trouble("save the recording", error))?;
    println!("\nRecording: {RECORDING} (left: the person, right: what they heard)");
    let answers = |socket: openai::realtime::Socket| {
        socket.received().iter().filter(|event| event["type"] == "response.create").count() as u64
    };
    for (did, service, times) in [
        ("Heard", "Deepgram", deepgram.sockets()),
        ("Spoken", "ElevenLabs", elevenlabs.seen().len() as u64),
        ("Answered", "Realtime API", openai.realtime().all().into_iter().map(answers).sum()),
    ] {
        if times > 0 {
            println!("{did} by the simulated {service} {times} times");
        }
    }
    Ok(())
}

/// The same in a conversation by text, with the calls that the person makes in it.
async fn write(scenario: &Scenario, app: SocketAddr) -> Result<()> {
    let services = ServiceOptions { fallback: Fallback::installed("en"), ..ServiceOptions::default() };
    let openai = Server::start_with(scenario, API_KEY, services).await?;
    let twilio = carrier(scenario, app, None).await.map_err(|error| trouble("start the simulated Twilio", error))?;
    println!("Simulated: the networks, the person, and all AI services. What is written and said:\n");
    let others = [("DEEPGRAM", None), ("ELEVENLABS", None)];
    let services = Services { twilio: twilio.api(), openai: openai.base_url(), others };
    let mut application = Application::start(app, &services).await?;
    let conversation = async {
        let mut inbox = Inbox::default();
        for step in &scenario.messages {
            inbox.exchange(&twilio, step).await?;
            if step.then_calls {
                call(scenario, &twilio).await?;
            }
        }
        Ok(())
    };
    let ended = tokio::select! {
        done = conversation => done,
        () = application.ended() => Err(Error::new(ErrorKind::Unavailable, "write: the application has ended")),
    };
    application.stop().await;
    ended
}

/// The person calls the application, and both are heard to the end.
async fn call(scenario: &Scenario, twilio: &TwilioServer) -> Result<()> {
    println!("person calls");
    let (person, log, line) = person(scenario)?;
    let calls = person.and_then(|person| twilio.call_in(THEIRS, OURS, person));
    calls.ok_or_else(|| Error::new(ErrorKind::Internal, "call the application"))?;
    timeout(WITHIN, show(&log, &line))
        .await
        .map_err(|_| Error::new(ErrorKind::Unavailable, "wait for a call to end"))?;
    line.save(Path::new(RECORDING)).map_err(|error| trouble("save the recording", error))?;
    println!("the call is over (recording: {RECORDING})");
    Ok(())
}

type Person = (Option<Box<dyn Party>>, CallerLog, LineRecording);

/// The person on the phone, with what they hear and say.
fn person(scenario: &Scenario) -> Result<Person> {
    let person = ScriptedCaller::new(scenario)?;
    let (log, line) = (person.log(), LineRecording::default());
    let person = Recorded::new(Box::new(person), line.clone());
    Ok((Some(Box::new(person) as Box<dyn Party>), log, line))
}

/// A carrier with the application's number, and the person behind the other one.
async fn carrier(scenario: &Scenario, app: SocketAddr, person: Option<Box<dyn Party>>) -> io::Result<TwilioServer> {
    let public = Url::parse(PUBLIC_URL).map_err(io::Error::other)?;
    let number = Number::answered_by(OURS, format!("{PUBLIC_URL}/voice/twilio/incoming"));
    let number = number.texted_at(format!("{PUBLIC_URL}/messages/twilio/incoming"));
    let mut options = ExchangeOptions::new(scenario.seed, vec![Account::new(ACCOUNT, AUTH_TOKEN, vec![number])]);
    options.faults = scenario.fault_plan();
    options.messaging.unreachable.extend([UNREACHABLE.to_owned(), format!("whatsapp:{UNREACHABLE}")]);
    let mut person = person;
    let exchange =
        Exchange::new(options, move |_| person.take().unwrap_or_else(|| Box::new(Silent(Answer::Unreachable))));
    let exchange = exchange
        .with_speaker(|text, _language| Library::bundled().voice("agent", text).ok().map(|speech| speech.audio));
    TwilioServer::start(exchange, ServerOptions::default().route(&public, app)).await
}

/// Prints what is said until the call is over.
async fn show(log: &CallerLog, line: &LineRecording) {
    let mut shown = Vec::new();
    loop {
        let is_over = line.is_over();
        for entry in log.entries().into_iter().filter(|entry| entry.until > entry.from || is_over) {
            if shown.contains(&entry.from) {
                continue;
            }
            let text = match &entry.event {
                CallerEvent::Heard(text) => format!("agent:  {text}"),
                // Shown once it was said to its end.
                CallerEvent::Said(_) if !is_over && line.now() < entry.until => continue,
                CallerEvent::Said(text) => format!("person: {text}"),
                CallerEvent::Pressed(keys) => format!("person presses {keys}"),
                CallerEvent::HungUp => "person hangs up".to_owned(),
                CallerEvent::MadeNoise | CallerEvent::KeptSilent => continue,
            };
            println!("{:>6.1} s  {text}", entry.from.since(voicecall_core::CallTime::ZERO).as_secs_f64());
            shown.push(entry.from);
        }
        if is_over {
            return;
        }
        sleep(LOOK_EVERY).await;
    }
}

fn trouble(what: &'static str, error: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, what).with_source(error)
}
