//! The simulator's process: both carriers and the AI services on loopback, and the customer whom either of them calls.

use std::error::Error;

use tokio::io::AsyncReadExt;
use voicecall_sim::caller::ScriptedCaller;
use voicecall_sim::clips::{Fallback, Library};
use voicecall_sim::elks46::{ElksNumber, ElksOptions, ElksServer, ServerOptions};
use voicecall_sim::fault::{Fault, FaultRule, Site};
use voicecall_sim::openai::{Server, ServiceOptions};
use voicecall_sim::phone::{Answer, Party, Silent};
use voicecall_sim::scenario::Scenario;
use voicecall_sim::twilio::server::TwilioServer;
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, Number};

use super::{
    ACCOUNT, API_KEY, AUTH_TOKEN, Addresses, ELKS_NUMBER, ELKS_PASSWORD, ELKS_SOCKET, ELKS_USERNAME, Order,
    TWILIO_NUMBER,
};
use crate::api::SimulatedVoice;

/// What 46elks answers who has no money left, which it does before it dials.
const REFUSED: u16 = 403;

/// Serves until standard input closes.
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
    let elks = elks46(&order, &scenario).await?;
    let twilio = twilio(&order, &scenario, fallback).await?;
    let addresses = Addresses {
        elks46: elks.api().parse()?,
        twilio: twilio.api().parse()?,
        openai: openai.base_url().parse()?,
        voice,
    };
    println!("{}", serde_json::to_string(&addresses)?);
    let mut input = tokio::io::stdin();
    let mut nothing = [0; 64];
    while input.read(&mut nothing).await? > 0 {}
    Ok(())
}

async fn elks46(order: &Order, scenario: &Scenario) -> Result<ElksServer, Box<dyn Error>> {
    let numbers = vec![ElksNumber::new(ELKS_NUMBER), ElksNumber::websocket(ELKS_SOCKET)];
    let mut options = ElksOptions::new(ELKS_USERNAME, ELKS_PASSWORD, numbers);
    options.faults = scenario.fault_plan();
    if order.fail_primary {
        let refusal = Fault::Error { status: REFUSED, accepted: false };
        options.faults.rules.insert(0, FaultRule::always(Site::RestCreate, refusal));
    }
    let customer = scenario.clone();
    Ok(ElksServer::start(options, network(order), move |_ring| answering(&customer)).await?)
}

async fn twilio(order: &Order, scenario: &Scenario, fallback: Fallback) -> Result<TwilioServer, Box<dyn Error>> {
    let account = Account::new(ACCOUNT, AUTH_TOKEN, vec![Number::new(TWILIO_NUMBER)]);
    let mut options = ExchangeOptions::new(scenario.seed, vec![account]);
    options.faults = scenario.fault_plan();
    let customer = scenario.clone();
    let exchange = Exchange::new(options, move |_ring| answering(&customer));
    let exchange = exchange.with_speaker(move |text, _language| {
        Library::bundled().speak("agent", text, &fallback).ok().map(|speech| speech.audio)
    });
    Ok(TwilioServer::start(exchange, network(order)).await?)
}

/// Carriers reach the server at its public address.
fn network(order: &Order) -> ServerOptions {
    ServerOptions::default().route(&order.public, order.local)
}

/// Who answers whatever is called.
fn answering(customer: &Scenario) -> Box<dyn Party> {
    match ScriptedCaller::new(customer) {
        Ok(caller) => Box::new(caller),
        Err(_) => Box::new(Silent(Answer::Unreachable)),
    }
}
