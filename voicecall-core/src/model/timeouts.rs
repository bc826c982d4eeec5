//! How long a service may keep a caller waiting: for a connection, for an answer's beginning, from piece to piece, and in all.

use std::future::Future;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use tokio::time::{Instant, timeout};

/// How long a service may keep a caller waiting. What runs out of time ends in `Timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Until a connection stands. Default 3 s.
    pub connect: Duration,
    /// From the request to the first text or audio, or for a transcription to the whole answer. Default 5 s.
    pub first: Duration,
    /// From one piece of text or audio to the next. Default 1.5 s.
    pub stall: Duration,
    /// All waiting for one answer together. The time in which nobody asks for the next piece, because the audio so
    /// far is still being played, does not count. Default 60 s.
    pub total: Duration,
}

impl Timeouts {
    /// Replaces the limit for connecting.
    #[must_use]
    pub fn with_connect(mut self, connect: Duration) -> Self {
        self.connect = connect;
        self
    }

    /// Replaces the limit for the first text or audio.
    #[must_use]
    pub fn with_first(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }

    /// Replaces the limit between pieces.
    #[must_use]
    pub fn with_stall(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// Replaces the limit for all waiting together.
    #[must_use]
    pub fn with_total(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            first: Duration::from_secs(5),
            stall: Duration::from_millis(1500),
            total: Duration::from_secs(60),
        }
    }
}

/// The time limits of one answer. Only waiting is counted, not what happens between two waits.
#[derive(Debug)]
pub struct AnswerTimeouts {
    next: Duration,
    stall: Duration,
    left: Duration,
}

impl AnswerTimeouts {
    /// An answer that is asked for now. [`connect`](Timeouts::connect) is whoever connects' to keep.
    #[must_use]
    pub const fn new(timeouts: Timeouts) -> Self {
        Self { next: timeouts.first, stall: timeouts.stall, left: timeouts.total }
    }

    /// Waits for the next piece.
    ///
    /// # Errors
    /// `Timeout` of `operation` if it does not come in time; what the piece itself reports.
    pub async fn wait<T>(
        &mut self,
        operation: &'static str,
        piece: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let begun = Instant::now();
        let limit = self.next.min(self.left);
        let piece = timeout(limit, piece).await.map_err(|_| {
            let message = format!("nothing came for {limit:?}");
            Error::new(ErrorKind::Timeout, operation).with_message(message)
        })?;
        self.next = self.stall;
        self.left = self.left.saturating_sub(begun.elapsed());
        piece
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn timeouts() -> AnswerTimeouts {
        let timeouts = Timeouts::default().with_first(5 * SECOND).with_stall(2 * SECOND).with_total(10 * SECOND);
        AnswerTimeouts::new(timeouts)
    }

    /// Waits for a piece that takes as many tenths of a second.
    async fn wait(timeouts: &mut AnswerTimeouts, tenths: u32) -> Option<ErrorKind> {
        let piece = async {
            sleep(SECOND / 10 * tenths).await;
            Ok(())
        };
        timeouts.wait("test", piece).await.err().map(|error| error.kind())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_piece_may_take_longer_than_the_next() {
        let mut timeouts = timeouts();
        assert_eq!(wait(&mut timeouts, 49).await, None);
        assert_eq!(wait(&mut timeouts, 19).await, None);
        assert_eq!(wait(&mut timeouts, 21).await, Some(ErrorKind::Timeout));
    }

    #[tokio::test(start_paused = true)]
    async fn a_beginning_that_never_comes_is_given_up_in_time() {
        let begun = Instant::now();
        assert_eq!(wait(&mut timeouts(), 1000).await, Some(ErrorKind::Timeout));
        assert_eq!(begun.elapsed(), 5 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_add_up_and_pauses_between_them_do_not() {
        let mut timeouts = timeouts();
        for _ in 0..6 {
            assert_eq!(wait(&mut timeouts, 15).await, None);
            sleep(60 * SECOND).await;
        }
        assert_eq!(wait(&mut timeouts, 15).await, Some(ErrorKind::Timeout));
    }
}
