//! A bakery's phone, answered by a language model that looks things up, books tables and puts callers through.
//!
//! `cargo run -p voice_agent -- demo` needs nothing; without `demo` it answers real calls, with the keys in the environment.
//! OpenAI, or a server like it, thinks; it listens and speaks as well, unless there is a key of Deepgram or of ElevenLabs.
//! With `--engine realtime` one model of OpenAI's hears and answers, speech to speech.
#![allow(clippy::print_stdout, reason = "it shows what tools do")]

mod bakery;
mod services;

use std::sync::Arc;

use clap::{Parser, ValueEnum};
use voicecall::prelude::*;

use bakery::Bakery;
use services::Engine;

/// Answers a bakery's phone.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Shows a call of a simulated person, offline.
    mode: Option<Mode>,
    /// How callers are answered.
    #[arg(long, default_value = "cascade")]
    engine: Engine,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Demo,
}

#[tokio::main]
async fn main() -> voicecall::Result<()> {
    let arguments = Arguments::parse();
    if let Some(Mode::Demo) = arguments.mode {
        return voicecall_sim::demo::run(include_str!("../demo.toml")).await;
    }
    let listen = std::env::var("LISTEN").unwrap_or("0.0.0.0:8080".to_owned());
    let bakery = Arc::new(Bakery::default());
    Server::builder()
        .log()
        .carrier(TwilioVoice::from_env()?)
        .agent(arguments.engine.agent()?)
        .on_incoming(move |_call| {
            let dialogue = dialogue(&bakery);
            async move { Ok(IncomingDecision::connect(CallOptions::new(dialogue?).language("en"))) }
        })
        .serve(&listen)
        .await
}

fn dialogue(bakery: &Arc<Bakery>) -> voicecall::Result<LlmDialogue> {
    Ok(LlmDialogue::new(
        "You answer the phone of a bakery. Be brief. Look opening hours up; book tables once you know the day, the hour, \
         for how many and the name. Put callers who ask for the baker through.",
    )
    .greeting("Hello, the bakery here, how can I help?")
    .goodbye("Thank you for calling, goodbye.")
    .tool(bakery.opening_hours())
    .tool(bakery.book_table())
    .transfer_to("the baker", "+46701740606".parse()?))
}
