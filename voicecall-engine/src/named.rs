//! Sockets whose stream has named its call. Before that nothing of the call is touched.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::timeout;
use tracing::warn;

use voicecall_core::CarrierCallId;
use voicecall_core::Result;
use voicecall_core::call::{InputEvent, MediaSocket, SocketCodec};
use voicecall_core::media::{MediaEvent, WireMessages};
use voicecall_core::text_media::TextEvent;

/// How long after the handshake the stream must have named its call.
const START_WITHIN: Duration = Duration::from_secs(5);

/// How many messages may come before the one that does: a second of audio, and what introduces it.
const MOST_BEFORE: usize = 64;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// A socket with what came over it so far, which comes again.
#[derive(Debug)]
pub(super) struct Named<M: MediaSocket> {
    first: VecDeque<M::Text>,
    socket: M,
}

impl<M: MediaSocket> Named<M> {
    /// Waits until the stream names its call, and tells which. A socket that names none in time is closed; `None`.
    pub(super) async fn wait(socket: M, mut codec: impl SocketCodec) -> Option<(Self, CarrierCallId)> {
        let mut named = Self { first: VecDeque::new(), socket };
        let starts = async {
            while let Some(Ok(text)) = named.socket.receive().await {
                let started = match codec.read(&text) {
                    Ok(Some(
                        InputEvent::Media(MediaEvent::Started(start)) | InputEvent::Text(TextEvent::Started(start)),
                    )) => Some(start.call),
                    // What else it is, is looked at when it comes again.
                    Ok(_) | Err(_) => None,
                };
                named.first.push_back(text);
                if started.is_some() || named.first.len() >= MOST_BEFORE {
                    return started;
                }
            }
            None
        };
        match timeout(START_WITHIN, starts).await {
            Ok(Some(call)) => return Some((named, call)),
            Ok(_) => warn!("a media socket did not name its call"),
            Err(_) => warn!("a media socket did not start in time"),
        }
        named.refuse().await;
        None
    }

    /// Closes a socket that is not wanted.
    pub(super) async fn refuse(mut self) {
        let _ = timeout(GOODBYE, self.socket.close()).await;
    }
}

impl<M: MediaSocket> MediaSocket for Named<M> {
    type Text = M::Text;

    async fn receive(&mut self) -> Option<Result<M::Text>> {
        match self.first.pop_front() {
            Some(text) => Some(Ok(text)),
            None => self.socket.receive().await,
        }
    }

    async fn send(&mut self, messages: &WireMessages) -> Result<()> {
        self.socket.send(messages).await
    }

    async fn close(&mut self) {
        self.socket.close().await;
    }
}
