//! One socket: messages in, what the session sends out, and what a fault does to both.

use std::future::pending;
use std::ops::ControlFlow;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::options::Interjection;
use super::session::{Out, Session};
use super::sockets::Socket;
use crate::fault::Fault;

/// How long a client may take to answer a close.
const GOODBYE: Duration = Duration::from_secs(2);

/// Whether the connection goes on.
type Step = ControlFlow<()>;

/// A socket that is being served.
pub(super) struct Connection {
    pub(super) web: WebSocket,
    pub(super) socket: Socket,
    pub(super) interjections: Vec<Interjection>,
    pub(super) fault: Option<Fault>,
    pub(super) opened: Instant,
}

/// Tells that a socket is closed, however its task ends.
struct Open(Socket);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Connection {
    /// Serves it to its end.
    pub(super) async fn serve(mut self) {
        let _open = Open(self.socket.clone());
        while self.once().await.is_continue() {}
    }

    /// Sends what there is, then waits for what comes first: a message, or the time of what happens by itself.
    async fn once(&mut self) -> Step {
        self.send_all().await?;
        let due = self.socket.session().due();
        let at = due.and_then(|due| self.opened.checked_add(due));
        let message = tokio::select! {
            biased;
            message = self.web.next() => message,
            () = wait_until(at) => {
                self.socket.session().advance(self.opened.elapsed());
                return Step::Continue(());
            }
        };
        match message {
            Some(Ok(Message::Text(text))) => self.receive(text.as_str().to_owned()).await,
            Some(Ok(Message::Binary(_))) => {
                self.socket.session().receive_binary();
                Step::Continue(())
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Step::Continue(()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Step::Break(()),
        }
    }

    async fn receive(&mut self, text: String) -> Step {
        let before = self.socket.session().frames();
        self.socket.record(serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone())));
        let (socket, now) = (self.socket.clone(), self.opened.elapsed());
        // The ears and the voice take their time.
        let received = tokio::task::spawn_blocking(move || {
            let mut session = socket.session();
            session.advance(now);
            session.receive(now, &text);
            session.advance(now);
            session.frames()
        });
        match received.await {
            Ok(after) => self.strike(before, after).await,
            Err(_) => Step::Break(()),
        }
    }

    /// What the fault does to a socket at one of these frames.
    async fn strike(&mut self, before: u64, after: u64) -> Step {
        let frames = before..after;
        match self.fault {
            Some(Fault::Close { at_frame }) if frames.contains(&at_frame) => Step::Break(()),
            Some(Fault::HalfOpenSocket { at_frame }) if frames.contains(&at_frame) => pending().await,
            Some(Fault::Stall { length, at_frame }) if frames.contains(&at_frame) => {
                sleep(length).await;
                Step::Continue(())
            }
            _ => Step::Continue(()),
        }
    }

    async fn send_all(&mut self) -> Step {
        loop {
            let Some(out) = self.next() else { return Step::Continue(()) };
            match out {
                Out::Event(event) => self.send_event(&event).await?,
                Out::Close { code, reason } => {
                    self.close(code, reason).await;
                    return Step::Break(());
                }
                Out::Drop => return Step::Break(()),
            }
        }
    }

    /// The next thing to be sent. The lock is not held while it is.
    fn next(&self) -> Option<Out> {
        Session::next(&mut self.socket.session())
    }

    async fn send_event(&mut self, event: &Value) -> Step {
        let said = self.interjections.iter().filter(|said| event["type"] == said.before);
        let texts: Vec<String> = said.map(|said| said.text.clone()).chain([event.to_string()]).collect();
        for text in texts {
            if self.web.send(Message::text(text)).await.is_err() {
                return Step::Break(());
            }
        }
        Step::Continue(())
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        let goodbye = async {
            if self.web.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.web.next().await {}
            }
        };
        let _ = timeout(GOODBYE, goodbye).await;
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
