//! One turn of the caller: its audio goes out, what was heard comes back, and every wait has an end.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::time::{Sleep, sleep};
use voicecall_core::audio::Frame;
use voicecall_core::model::Transcript;
use voicecall_core::{Error, Result};
use voicecall_net::websocket::{CloseCode, CloseFrame, Received, Socket, SocketError};

use crate::endpoint::Timeouts;
use crate::failure;
use crate::transcript::Segments;
use crate::wire::{CLOSE_STREAM, Message};

/// A turn over an open socket. Dropping it closes the connection.
pub(crate) struct Turn {
    socket: Socket,
    sending: Sending,
    heard: Segments,
    timeouts: Timeouts,
    /// Runs from audio that was sent to the next message, or from the end of the audio to the transcript.
    answer: Deadline,
    /// Runs while the socket takes nothing more.
    stall: Deadline,
}

enum Sending {
    Audio(BoxStream<'static, Frame>),
    /// All of it was sent, and that it was all.
    Over,
    /// The socket takes nothing any more. What it still says may tell why.
    Broken(SocketError),
}

impl Turn {
    pub(crate) fn new(socket: Socket, audio: BoxStream<'static, Frame>, timeouts: Timeouts) -> Self {
        Self {
            socket,
            sending: Sending::Audio(audio),
            heard: Segments::default(),
            timeouts,
            answer: Deadline::default(),
            stall: Deadline::default(),
        }
    }

    /// Its transcripts; the last one is final.
    pub(crate) fn transcripts(self) -> impl Stream<Item = Result<Transcript>> + Send {
        stream::try_unfold(Some(self), |turn| async move {
            let Some(mut turn) = turn else { return Ok(None) };
            let transcript = turn.next().await?;
            let rest = (!transcript.is_final).then_some(turn);
            Ok(Some((transcript, rest)))
        })
    }

    async fn next(&mut self) -> Result<Transcript> {
        loop {
            match poll_fn(|cx| self.poll(cx)).await? {
                Received::Text(text) => {
                    self.answer_came();
                    if let Some(transcript) = self.read(&text)? {
                        return Ok(transcript);
                    }
                }
                Received::Closed(frame) if self.is_over() && is_normal(frame.as_ref()) => return Ok(self.whole()),
                Received::Closed(frame) => return Err(failure::of_close(frame.as_ref())),
                Received::Lost(error) => return Err(self.lost(error)),
            }
        }
    }

    /// Receives, sends and watches the clock, in this order: what came in time counts.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received>> {
        if let Poll::Ready(received) = self.socket.poll_receive(cx) {
            return Poll::Ready(Ok(received));
        }
        if let Err(error) = self.poll_send(cx) {
            self.sending = Sending::Broken(error);
            self.answer.restart(self.timeouts.stall);
        }
        if self.answer.poll(cx).is_ready() {
            return Poll::Ready(Err(self.overdue()));
        }
        if self.stall.poll(cx).is_ready() {
            return Poll::Ready(Err(failure::of_silence("the socket took no audio", self.timeouts.stall)));
        }
        Poll::Pending
    }

    /// Sends whatever audio there is and the socket takes.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<(), SocketError> {
        while let Sending::Audio(audio) = &mut self.sending
            && self.socket.poll_room(cx)?.is_ready()
        {
            match audio.poll_next_unpin(cx) {
                Poll::Ready(Some(frame)) => {
                    self.socket.start_bytes(frame.as_bytes())?;
                    self.answer.start(self.timeouts.answer);
                }
                Poll::Ready(None) => {
                    self.socket.start_text(CLOSE_STREAM)?;
                    self.sending = Sending::Over;
                    self.answer.restart(self.timeouts.finish);
                }
                Poll::Pending => break,
            }
        }
        if matches!(self.sending, Sending::Broken(_)) {
            return Ok(());
        }
        match self.socket.poll_flush(cx)? {
            Poll::Ready(()) => self.stall.stop(),
            Poll::Pending => self.stall.start(self.timeouts.stall),
        }
        Ok(())
    }

    /// A transcript, if the message makes another of it.
    fn read(&mut self, text: &str) -> Result<Option<Transcript>> {
        let message = Message::read(text).map_err(|error| failure::of_protocol("not a message").with_source(error))?;
        match message {
            Message::Results(results) => Ok(self.heard.add(*results)?.then(|| self.heard.so_far())),
            Message::Metadata if self.is_over() => Ok(Some(self.whole())),
            Message::Error(refusal) => Err(failure::of_message(refusal)),
            Message::Metadata | Message::Other => Ok(None),
        }
    }

    fn whole(&mut self) -> Transcript {
        std::mem::take(&mut self.heard).whole()
    }

    fn is_over(&self) -> bool {
        matches!(self.sending, Sending::Over)
    }

    /// Once all is sent, only the whole transcript ends the wait.
    fn answer_came(&mut self) {
        if matches!(self.sending, Sending::Audio(_)) {
            self.answer.stop();
        }
    }

    fn overdue(&mut self) -> Error {
        match std::mem::replace(&mut self.sending, Sending::Over) {
            Sending::Audio(_) => failure::of_silence("nothing came", self.timeouts.answer),
            Sending::Over => failure::of_silence("no final transcript came", self.timeouts.finish),
            Sending::Broken(error) => failure::of_socket(Some(error)),
        }
    }

    fn lost(&mut self, error: Option<SocketError>) -> Error {
        let broken = match std::mem::replace(&mut self.sending, Sending::Over) {
            Sending::Broken(error) => Some(error),
            Sending::Audio(_) | Sending::Over => None,
        };
        failure::of_socket(error.or(broken))
    }
}

/// Whether a socket was closed because everything was said.
fn is_normal(frame: Option<&CloseFrame>) -> bool {
    frame.is_none_or(|frame| matches!(frame.code, CloseCode::Normal | CloseCode::Status))
}

/// A time limit that may be running.
#[derive(Debug, Default)]
struct Deadline(Option<Pin<Box<Sleep>>>);

impl Deadline {
    /// Begins, unless it runs.
    fn start(&mut self, limit: Duration) {
        if self.0.is_none() {
            self.restart(limit);
        }
    }

    fn restart(&mut self, limit: Duration) {
        self.0 = Some(Box::pin(sleep(limit)));
    }

    fn stop(&mut self) {
        self.0 = None;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(cx))
    }
}
