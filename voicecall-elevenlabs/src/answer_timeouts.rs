//! How long one answer may still keep us waiting: first for its beginning, then from piece to piece, and in all.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use voicecall_core::{Error, ErrorKind, Result};

use crate::endpoint::Timeouts;

/// The time limits of one answer. Only waiting is counted, not what happens between two waits.
#[derive(Debug)]
pub(crate) struct AnswerTimeouts {
    next: Duration,
    stall: Duration,
    left: Duration,
}

impl AnswerTimeouts {
    pub(crate) fn new(timeouts: Timeouts) -> Self {
        Self { next: timeouts.first, stall: timeouts.stall, left: timeouts.total }
    }

    /// Waits for the next piece.
    pub(crate) async fn wait<T>(
        &mut self,
        operation: &'static str,
        piece: impl Future<Output = Result<T>>,
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
