//! A target for load tools: takes Twilio media sockets on `/media`, without authentication, and echoes or replies.
//!
//! Run: `cargo run --release --example media_target -- --listen 127.0.0.1:9000 --mode echo --vad off`
//!
//! - `echo`: every frame of the caller goes decode, voice detection, call machine, agent, speech, playout, encode and back.
//! - `reply`: a tone after the end of each turn, with the default turn settings; it can be interrupted.
//!
//! Both are calls as the library runs them: runner, conversation, machine and an agent's session. With SIGINT or SIGTERM it
//! ends and prints as one line of JSON what its calls have done: turns, frames of agents, rows of ledgers. Needs no environment.

mod counts;
mod detector;
mod echo;
mod events;
mod options;
mod tone;

use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::any;
use tokio::sync::mpsc;
use tokio::time::Instant;
use voicecall::agent::AgentSession;
use voicecall::call::CallRunner;
use voicecall::media::MediaCodec;
use voicecall::server::{self, AxumSocket, ServeOptions, socket_limits};
use voicecall::twilio::TwilioMedia;

use crate::counts::{CountingSink, Counts};
use crate::echo::EchoAgent;
use crate::options::{Mode, Options};
use crate::tone::ToneAgent;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match Options::from_args(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let counts = Arc::new(Counts::default());
    match serve(options, &counts).await {
        Ok(()) => {
            println!("{counts}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options, counts: &Arc<Counts>) -> Result<(), Box<dyn std::error::Error>> {
    let listen = options.listen.clone();
    let router = Router::new().route("/media", any(media)).with_state((options, Arc::clone(counts)));
    let listener = server::listen("--listen", &listen).await?;
    eprintln!("listening on {listen}");
    let mut options = ServeOptions::default();
    // All calls come from one load tool, and prove nothing.
    options.max_connections_per_client = usize::MAX;
    Ok(server::serve(listener, router, options, told_to_end())?.await?)
}

/// Done once the process is told to end. Where that cannot be heard, it ends by being killed, and prints nothing.
async fn told_to_end() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            () = interrupted => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    interrupted.await;
}

async fn media(State((options, counts)): State<(Options, Arc<Counts>)>, upgrade: WebSocketUpgrade) -> Response {
    socket_limits(upgrade).on_upgrade(async move |socket| {
        let (logic, agent): (_, Box<dyn AgentSession>) = match options.mode {
            Mode::Echo => (echo::conversation(options.detection, &counts), Box::new(EchoAgent::new(&counts))),
            Mode::Reply => (tone::conversation(options.detection, &counts), Box::new(ToneAgent::new(&counts))),
        };
        counts.calls.add(1);
        // Nobody steers these calls from outside.
        let (_, control) = mpsc::channel(1);
        let codec: Box<dyn MediaCodec> = Box::new(TwilioMedia::new());
        let (sink, opened) = (CountingSink(counts), Instant::now());
        CallRunner { logic, agent, codec, sink, opened, control }.run(AxumSocket(socket)).await;
    })
}
