//! A server that plays a script on each socket and tells what it saw.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _, stream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async};
use voicecall_core::Result;
use voicecall_core::audio::Frame;
use voicecall_core::model::{SpeechToText, Transcript, TranscriptionOptions};
use voicecall_deepgram::{DeepgramTranscription, Endpoint, Timeouts};

/// Short enough not to be waited for, long enough that a busy machine keeps it.
pub(crate) const MOMENT: Duration = Duration::from_millis(300);

/// One step of a script.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends a text message.
    Say(String),
    /// Sends a binary message.
    Send(Vec<u8>),
    /// Reads until audio came.
    AwaitAudio,
    /// Reads until `CloseStream` came.
    AwaitEnd,
    /// Closes with a code and a reason.
    Close(u16, &'static str),
    /// Keeps the connection and does nothing more.
    Stall,
}

/// What a server saw.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Audio(Vec<u8>),
    Text(String),
    /// The connection is gone.
    Gone,
}

/// The server; it ends with its test.
pub(crate) struct Server {
    address: String,
    pub(crate) seen: mpsc::UnboundedReceiver<Seen>,
    task: JoinHandle<()>,
}

impl Server {
    /// Plays the script on every socket, and lets it go at the end.
    pub(crate) async fn start(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (tell, seen) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let socket = accept_async(stream).await.unwrap();
                tokio::spawn(play(socket, script.clone(), tell.clone()));
            }
        });
        Self { address, seen, task }
    }

    /// An endpoint whose limits no test reaches by accident.
    pub(crate) fn endpoint(&self) -> Endpoint {
        endpoint(&format!("http://{}", self.address))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(mut socket: WebSocketStream<TcpStream>, script: Vec<Act>, tell: mpsc::UnboundedSender<Seen>) {
    for act in script {
        let done = match act {
            Act::Say(text) => socket.send(Message::text(text)).await.is_ok(),
            Act::Send(bytes) => socket.send(Message::binary(bytes)).await.is_ok(),
            Act::AwaitAudio => read_until(&mut socket, &tell, |seen| matches!(seen, Seen::Audio(_))).await,
            Act::AwaitEnd => read_until(&mut socket, &tell, |seen| matches!(seen, Seen::Text(_))).await,
            Act::Close(code, reason) => {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                let closed = socket.close(Some(frame)).await.is_ok();
                while let Some(Ok(_)) = socket.next().await {}
                closed
            }
            Act::Stall => std::future::pending().await,
        };
        if !done {
            return;
        }
    }
}

async fn read_until(
    socket: &mut WebSocketStream<TcpStream>,
    tell: &mpsc::UnboundedSender<Seen>,
    is_it: impl Fn(&Seen) -> bool,
) -> bool {
    while let Some(Ok(message)) = socket.next().await {
        let seen = match message {
            Message::Binary(audio) => Seen::Audio(audio.to_vec()),
            Message::Text(text) => Seen::Text(text.to_string()),
            _ => continue,
        };
        let found = is_it(&seen);
        let _ = tell.send(seen);
        if found {
            return true;
        }
    }
    let _ = tell.send(Seen::Gone);
    false
}

pub(crate) fn endpoint(url: &str) -> Endpoint {
    let patient = Duration::from_secs(60);
    let timeouts =
        Timeouts::default().with_connect(patient).with_answer(patient).with_stall(patient).with_finish(patient);
    Endpoint::new(url, "nova-3").unwrap().with_api_key("dg-canary").with_timeouts(timeouts)
}

/// All transcripts of a turn of so many frames.
pub(crate) async fn transcripts(endpoint: Endpoint, frames: usize) -> Vec<Result<Transcript>> {
    let ear = DeepgramTranscription::new(endpoint).unwrap();
    let turn = stream::iter(std::iter::repeat_n(Frame::SILENCE, frames)).boxed();
    ear.transcribe(turn, &TranscriptionOptions::default()).collect().await
}

/// The one error a turn ends in.
pub(crate) async fn error(endpoint: Endpoint, frames: usize) -> voicecall_core::Error {
    transcripts(endpoint, frames).await.pop().unwrap().unwrap_err()
}

pub(crate) fn results(start: f64, is_final: bool, transcript: &str) -> Act {
    let message = serde_json::json!({
        "type": "Results", "channel_index": [0, 1], "start": start, "duration": 1.0, "is_final": is_final,
        "channel": {"alternatives": [{"transcript": transcript, "confidence": 0.9, "words": []}]},
    });
    Act::Say(message.to_string())
}

pub(crate) fn metadata() -> Act {
    Act::Say(r#"{"type":"Metadata","request_id":"r-1","duration":1.0,"channels":1}"#.into())
}
