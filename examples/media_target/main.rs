//! A target for load tools: takes Twilio media sockets on `/media`, without authentication, and echoes or replies.
//!
//! Run: `cargo run --release --example media_target -- --listen 127.0.0.1:9000 --mode echo --vad off`
//!
//! - `echo`: every frame of the caller goes decode, PCM, voice detection, agent, playout (no lead), encode and back.
//! - `reply`: a tone after the end of each turn, with the default turn settings; it can be interrupted.
//!
//! Needs no environment.

mod echo;
mod options;
mod tone;

use std::process::ExitCode;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::any;
use tokio::sync::mpsc;
use tokio::time::Instant;
use voicecall::call::{CallMachine, CallRunner, CallSettings, Conversation, NoSink};
use voicecall::media::MediaCodec;
use voicecall::server::{self, AxumSocket, ServeOptions, socket_limits};
use voicecall::{SessionId, twilio::TwilioMedia};

use crate::echo::{Echo, Mute};
use crate::options::{Mode, Options};
use crate::tone::{Tone, ToneAgent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match Options::from_args(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let listen = options.listen.clone();
    let router = Router::new().route("/media", any(media)).with_state(options);
    let stop = async {
        // Without signals the process ends by being killed, which is fine for a load target.
        let _ = tokio::signal::ctrl_c().await;
    };
    let served = async {
        let listener = server::listen("--listen", &listen).await?;
        eprintln!("listening on {listen}");
        server::serve(listener, router, ServeOptions::default(), stop)?.await
    };
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn media(State(options): State<Options>, upgrade: WebSocketUpgrade) -> Response {
    socket_limits(upgrade).on_upgrade(async move |socket| {
        let (socket, opened) = (AxumSocket(socket), Instant::now());
        let codec: Box<dyn MediaCodec> = Box::new(TwilioMedia::new());
        // Nobody steers these calls from outside.
        let (_, control) = mpsc::channel(1);
        match options.mode {
            Mode::Echo => {
                let logic = Echo::new(options.detection);
                let runner = CallRunner { logic, agent: Box::new(Mute), codec, sink: NoSink, opened, control };
                runner.run(socket).await;
            }
            Mode::Reply => {
                let mut settings = CallSettings::new(SessionId::new());
                settings.detection = options.detection;
                let logic = Conversation::new(CallMachine::new(settings), Box::new(Tone::default()));
                let agent = Box::new(ToneAgent::default());
                CallRunner { logic, agent, codec, sink: NoSink, opened, control }.run(socket).await;
            }
        }
    })
}
