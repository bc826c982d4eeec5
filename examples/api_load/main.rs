//! A load on the feedback server's interface, and how long its phones take to ring.
//!
//! `scripts/bench api` starts the server and the simulated carrier it calls with, and runs this program with
//!
//! - `SERVER` and `CARRIER`, their addresses, `TOKEN`, a bearer token for the demonstration's shop, and `WEBHOOK_SECRET`;
//! - `CALLS`, how many calls are ordered one after the other;
//! - `CLIENTS`, how many clients ask for how many `SECONDS_OF_LOAD`, each with a pause after every answer.
//!
//! It prints a line of JSON for each thing measured: how often, and percentiles in milliseconds.

mod client;
mod ringing;
mod routes;
mod sample;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use crate::client::Client;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let client = Client::new(&variable("SERVER")?, &variable("TOKEN")?)?;
    let (calls, clients): (u32, u32) = (variable("CALLS")?.parse()?, variable("CLIENTS")?.parse()?);
    let duration = Duration::from_secs(variable("SECONDS_OF_LOAD")?.parse()?);
    let sessions = ringing::measure(&client, &variable("CARRIER")?, calls).await?;
    routes::measure(&client, &variable("WEBHOOK_SECRET")?, &sessions, clients, duration).await
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set"))
}
