//! One caller: a media socket that sends a frame every 20 ms and counts what comes back.

use std::error::Error;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const FRAME: Duration = Duration::from_millis(20);

/// How long is waited for what is still to come back when everything was sent: a busy machine may stand still for a while.
const REST: Duration = Duration::from_millis(1500);

/// A reply begins with a frame behind at least this much of nothing.
const PAUSE: Duration = Duration::from_millis(60);

#[derive(Debug)]
pub(crate) struct Caller {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    stream: String,
}

/// What came back to a caller, or to several.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) frames: u64,
    /// From the frame that ends a turn to the first frame of the reply.
    pub(crate) replies: Vec<Duration>,
    /// Turns that were not answered before the next one ended, or at all.
    pub(crate) unanswered: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.frames += other.frames;
        self.replies.extend(other.replies);
        self.unanswered += other.unanswered;
    }
}

impl Caller {
    /// Opens a socket and says that a stream begins.
    pub(crate) async fn connect(url: &str, number: u32) -> Result<Self, Box<dyn Error>> {
        let (mut socket, _) = connect_async(url).await?;
        let stream = format!("MZ{number:032x}");
        socket.send(Message::text(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)).await?;
        let start = format!(
            r#"{{"event":"start","sequenceNumber":"1","streamSid":"{stream}","start":{{"streamSid":"{stream}","accountSid":"AC{number:032x}","callSid":"CA{number:032x}","tracks":["inbound"],"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},"customParameters":{{}}}}}}"#
        );
        socket.send(Message::text(start)).await?;
        Ok(Self { socket, stream })
    }

    /// Sends `payloads` from `begin` on, and waits a little for what is still to come. Those whose numbers are among
    /// `turn_ends` are to be replied to.
    pub(crate) async fn speak(self, begin: Instant, payloads: impl Iterator<Item = &str>, turn_ends: &[u64]) -> Tally {
        let Self { mut socket, stream } = self;
        let mut tally = Tally::default();
        let (mut payloads, mut turn_ends) = ((0..).zip(payloads).peekable(), turn_ends.iter().peekable());
        // The turn that waits for its reply, and the last frame that came.
        let (mut ended, mut last): (Option<Instant>, Option<Instant>) = (None, None);
        let mut at = begin;
        loop {
            tokio::select! {
                biased;
                message = socket.next() => {
                    let Some(Ok(message)) = message else { break };
                    if !message.to_text().is_ok_and(|text| text.contains(r#""event":"media""#)) {
                        continue;
                    }
                    let now = Instant::now();
                    tally.frames += 1;
                    if last.is_none_or(|last| now - last > PAUSE) {
                        tally.replies.extend(ended.take().map(|ended| now - ended));
                    }
                    last = Some(now);
                }
                () = sleep_until(at) => {
                    let Some((number, payload)) = payloads.next() else { break };
                    let text = media(&stream, number, payload);
                    if turn_ends.next_if_eq(&&number).is_some() {
                        tally.unanswered += u64::from(ended.replace(Instant::now()).is_some());
                    }
                    if socket.send(Message::text(text)).await.is_err() {
                        break;
                    }
                    at += FRAME;
                    if payloads.peek().is_none() {
                        at += REST;
                    }
                }
            }
        }
        tally.unanswered += u64::from(ended.is_some());
        // What was to come is in; whether the goodbye arrives does not matter.
        let _ = socket.close(None).await;
        tally
    }
}

fn media(stream: &str, frame: u64, payload: &str) -> String {
    let (sequence, timestamp) = (frame + 2, frame * FRAME.as_millis() as u64);
    format!(
        r#"{{"event":"media","sequenceNumber":"{sequence}","streamSid":"{stream}","media":{{"track":"inbound","chunk":"{frame}","timestamp":"{timestamp}","payload":"{payload}"}}}}"#
    )
}
