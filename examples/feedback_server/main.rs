//! Feedback calls: a shop's customer is called, asked a few questions in Swedish, and the shop reads the answers.
//!
//! - `cargo run --example feedback_server -- demo [--out DIR] [--fail-primary]` calls a simulated customer; needs nothing.
//! - `cargo run --example feedback_server -- serve` serves and makes real calls. `.env.example` names every variable; a
//!   file `.env` in the working directory is read.
//! - `cargo run --example feedback_server -- serve --simulated` serves and calls simulated customers; needs nothing.
//! - `cargo run --example feedback_server -- replay FILE` runs a recorded call again.
//! - `cargo run --example feedback_server -- token BUSINESS` prints a bearer token for one business; `revoke TOKEN_ID` takes
//!   one back.
//! - `cargo run --example feedback_server -- rekey` seals everything with the first of `DATA_KEYS`; `unseal SESSION` writes a
//!   sealed recording as a plain one.
//!
//! It shows: an engine with 46elks and Twilio behind it, an OpenAI-compatible cascade and SQLite; a [`CallHandler`](voicecall::engine::CallHandler);
//! an HTTP interface beside the engine's own routes.

mod announcement;
mod api;
mod app;
mod carriers;
mod choice;
mod command;
mod dashboard;
mod demo;
mod environment;
mod files;
mod invitation;
mod jobs;
mod monitor;
mod price;
mod recordings;
mod rekey;
mod seed;
mod service;
mod settings;
mod simulator;
mod speech;
mod store;
mod unseal;
mod verification;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use crate::command::{Command, Line};

fn main() -> ExitCode {
    match start(Line::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", settings::told(&*error));
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command) -> Result<(), Box<dyn Error>> {
    // Before there are threads, which may read the environment.
    environment::load()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(command.run())
}
