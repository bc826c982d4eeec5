//! The simulated world, in a process of its own, so that it survives whatever happens to the server.

use std::error::Error;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;
use voicecall::openai::{ChatDialect, Endpoint, OpenAiChat, OpenAiSpeech, OpenAiTranscription, TranscriptionDialect};
use voicecall::twilio::TwilioVoice;
use voicecall_sim::caller::ScriptedCaller;
use voicecall_sim::clips::{Fallback, Library};
use voicecall_sim::openai::{Server, ServiceOptions};
use voicecall_sim::phone::Party;
use voicecall_sim::scenario::Scenario;
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, Number};

use crate::api::SimulatedVoice;
use crate::app::Services;
use crate::settings::Settings;

// Made up, and worth nothing anywhere else.
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: &str = "simulated-auth-token";
const API_KEY: &str = "simulated-api-key";

/// What the simulator's process is told.
#[derive(Debug)]
pub(crate) struct Order {
    /// The address carriers know the server by.
    pub(crate) public: Url,
    /// Where the server really is.
    pub(crate) local: SocketAddr,
    /// How the customer behaves.
    pub(crate) scenario: String,
}

/// Where the simulated services are.
#[derive(Debug, Serialize, Deserialize)]
struct Addresses {
    twilio: Url,
    openai: Url,
    voice: SimulatedVoice,
}

/// A running simulator. Its process ends with this value, or with ours.
#[derive(Debug)]
pub(crate) struct Simulator {
    addresses: Addresses,
    _process: Child,
}

impl Simulator {
    /// Starts the process and waits until it serves.
    ///
    /// # Errors
    /// When it cannot be started or does not say where it serves.
    pub(crate) async fn start(public: &Url, local: SocketAddr, scenario: &str) -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["simulate", "--public", public.as_str(), "--local", &local.to_string(), "--scenario", scenario])
            // Closes when we are gone, however we go.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("the simulator has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let addresses = serde_json::from_str(&line).map_err(|_| "the simulator did not start")?;
        Ok(Self { addresses, _process: process })
    }

    /// The simulated services, reached as the real ones are.
    ///
    /// # Errors
    /// `Config` if an address is wrong.
    pub(crate) fn services(&self, settings: &Settings) -> voicecall::Result<Services> {
        let carrier = TwilioVoice::builder()
            .account_sid(ACCOUNT)
            .auth_token(AUTH_TOKEN.to_owned())
            .public_url(settings.public_url.as_str())
            .api_base_url(self.addresses.twilio.as_str())
            .build()?;
        let endpoint = |model: &str| -> voicecall::Result<Endpoint> {
            Ok(Endpoint::new(self.addresses.openai.as_str(), model)?.with_api_key(API_KEY.to_owned()))
        };
        Ok(Services {
            carrier: Arc::new(carrier),
            // The simulator speaks OpenAI's own dialect, which servers at other addresses seldom do.
            ears: Arc::new(
                OpenAiTranscription::new(endpoint("simulated-ears")?)?.with_dialect(TranscriptionDialect::openai()),
            ),
            model: Arc::new(OpenAiChat::new(endpoint("simulated-model")?)?.with_dialect(ChatDialect::openai())),
            voice: Arc::new(OpenAiSpeech::new(endpoint("simulated-voice")?)?),
            simulated_voice: Some(self.addresses.voice),
        })
    }
}

/// The simulator's process: a carrier and AI services on loopback, until standard input closes.
///
/// # Errors
/// When the scenario is not known or no port is free.
pub(crate) async fn run(order: Order) -> Result<(), Box<dyn Error>> {
    let scenario = Scenario::bundled(&order.scenario)?;
    let fallback = Fallback::installed("sv");
    // Standard output is for the addresses.
    eprintln!("simulated: what the agent has no clip of is {}", fallback.describe());
    let voice = match fallback {
        Fallback::Espeak(_) => SimulatedVoice::Synthesised,
        _ => SimulatedVoice::StandIn,
    };
    let mut services = ServiceOptions::default();
    services.fallback = fallback.clone();
    let openai = Server::start_with(&scenario, API_KEY, services).await?;
    // Wrong scenarios are refused here and not when the phone rings.
    ScriptedCaller::new(&scenario)?;
    let number = Number::new("+46700000001");
    let mut options = ExchangeOptions::new(scenario.seed, vec![Account::new(ACCOUNT, AUTH_TOKEN, vec![number])]);
    options.faults = scenario.fault_plan();
    let customer = scenario.clone();
    let exchange = Exchange::new(options, move |_ring| -> Box<dyn Party> {
        match ScriptedCaller::new(&customer) {
            Ok(caller) => Box::new(caller),
            Err(_) => Box::new(voicecall_sim::phone::Silent(voicecall_sim::phone::Answer::Unreachable)),
        }
    });
    let exchange = exchange.with_speaker(move |text, _language| {
        Library::bundled().speak("agent", text, &fallback).ok().map(|speech| speech.audio)
    });
    let twilio = TwilioServer::start(exchange, ServerOptions::default().route(&order.public, order.local)).await?;
    let addresses = Addresses { twilio: twilio.api().parse()?, openai: openai.base_url().parse()?, voice };
    println!("{}", serde_json::to_string(&addresses)?);
    let mut input = tokio::io::stdin();
    let mut nothing = [0; 64];
    while input.read(&mut nothing).await? > 0 {}
    Ok(())
}
