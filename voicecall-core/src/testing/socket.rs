//! A media socket without a network: two ends in one process.

use tokio::sync::mpsc;

use crate::call::MediaSocket;
use crate::error::{Error, ErrorKind, Result};
use crate::media::WireMessages;

/// Messages that wait in either direction; a sender then waits too.
const WAITING: usize = 256;

/// Our end.
#[derive(Debug)]
pub struct PairedSocket {
    incoming: mpsc::Receiver<String>,
    outgoing: Option<mpsc::Sender<String>>,
}

/// The carrier's end. Dropping it is how a connection breaks.
#[derive(Debug)]
pub struct PairedPeer {
    incoming: mpsc::Receiver<String>,
    outgoing: mpsc::Sender<String>,
}

/// Both ends of a new socket.
#[must_use]
pub fn paired_socket() -> (PairedSocket, PairedPeer) {
    let (to_us, from_peer) = mpsc::channel(WAITING);
    let (to_peer, from_us) = mpsc::channel(WAITING);
    let socket = PairedSocket { incoming: from_peer, outgoing: Some(to_peer) };
    (socket, PairedPeer { incoming: from_us, outgoing: to_us })
}

impl MediaSocket for PairedSocket {
    type Text = String;

    async fn receive(&mut self) -> Option<Result<String>> {
        self.incoming.recv().await.map(Ok)
    }

    async fn send(&mut self, messages: &WireMessages) -> Result<()> {
        let closed = || Error::new(ErrorKind::Closed, "write media socket");
        let outgoing = self.outgoing.as_ref().ok_or_else(closed)?;
        for message in messages.iter() {
            outgoing.send(message.to_owned()).await.map_err(|_| closed())?;
        }
        Ok(())
    }

    async fn close(&mut self) {
        self.outgoing = None;
    }
}

impl PairedPeer {
    /// Sends a message. Returns whether the other end was still there.
    pub async fn send(&self, message: impl Into<String>) -> bool {
        self.outgoing.send(message.into()).await.is_ok()
    }

    /// Waits for the next message; `None` once the other end has closed.
    pub async fn receive(&mut self) -> Option<String> {
        self.incoming.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_go_both_ways_until_an_end_closes() {
        let (mut socket, mut peer) = paired_socket();
        let mut wire = WireMessages::new();
        wire.push_with(|text| text.push_str("down"));
        assert!(peer.send("up").await);
        socket.send(&wire).await.unwrap();
        assert_eq!(socket.receive().await.unwrap().unwrap(), "up");
        assert_eq!(peer.receive().await.as_deref(), Some("down"));
        socket.close().await;
        assert_eq!(peer.receive().await, None);
        assert_eq!(socket.send(&wire).await.unwrap_err().kind(), ErrorKind::Closed);
        drop(peer);
        assert!(socket.receive().await.is_none());
    }
}
