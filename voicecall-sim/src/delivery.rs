//! An answer of an emulated service on its way to the client: pieces with their times.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

/// The pieces of an answer's body, each with the time since the request at which it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Delivery {
    pub(crate) pieces: VecDeque<(Duration, Bytes)>,
    pub(crate) ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ending {
    /// The body ends as it should.
    #[default]
    Complete,
    /// The connection closes after so long.
    Closed(Duration),
    /// Nothing more comes, and the connection stays open.
    Silent,
}

impl Delivery {
    /// An answer that comes whole after `wait`.
    pub(crate) fn whole(wait: Duration, body: impl Into<Bytes>) -> Self {
        let mut delivery = Self::default();
        delivery.push(wait, body);
        delivery
    }

    /// Appends a piece that is sent `after` the request.
    pub(crate) fn push(&mut self, after: Duration, piece: impl Into<Bytes>) {
        self.pieces.push_back((after, piece.into()));
    }

    /// Sends the pieces in time. Returns with the first piece, so that the status line comes no sooner than its body.
    pub(crate) async fn into_body(mut self, asked: Instant) -> Body {
        match (self.pieces.front(), self.ending) {
            (Some((after, _)), _) => wait(asked, *after).await,
            (None, Ending::Closed(after)) => wait(asked, after).await,
            (None, Ending::Silent) => pending().await,
            (None, Ending::Complete) => {}
        }
        let first = self.pieces.pop_front().map(|(_, piece)| Ok(piece));
        let has_begun = first.is_some();
        let rest = stream::unfold(self, move |mut delivery| async move {
            let item = delivery.next(asked, has_begun).await?;
            Some((item, delivery))
        });
        Body::from_stream(stream::iter(first).chain(rest))
    }

    async fn next(&mut self, asked: Instant, has_begun: bool) -> Option<io::Result<Bytes>> {
        if let Some((after, piece)) = self.pieces.pop_front() {
            wait(asked, after).await;
            return Some(Ok(piece));
        }
        match std::mem::take(&mut self.ending) {
            Ending::Complete => None,
            Ending::Silent => pending().await,
            Ending::Closed(after) => {
                wait(asked, after).await;
                if has_begun {
                    // Lets go what was handed over before: closing drops it otherwise.
                    yield_now().await;
                }
                Some(Err(io::ErrorKind::ConnectionAborted.into()))
            }
        }
    }

    /// Sends all pieces from this one on so much later.
    pub(crate) fn delay(&mut self, from: usize, length: Duration) {
        self.pieces.iter_mut().skip(from).for_each(|(after, _)| *after = after.saturating_add(length));
    }
}

/// Returns `after` the request, at once if that is past: an answer that is closed before its first piece must not let the head out.
async fn wait(asked: Instant, after: Duration) {
    match asked.checked_add(after) {
        Some(due) if due <= Instant::now() => {}
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
