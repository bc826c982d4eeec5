//! Asking again: a store or an application that is away for a moment decides nothing.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;
use voicecall_core::Result;

/// How long the end of a call, and what follows from it, waits for a store that is down.
pub(super) const AT_THE_END: Duration = Duration::from_secs(60);

/// How long somebody on the line, or a carrier that asks what to do, waits for a store that is down.
pub(super) const ON_THE_LINE: Duration = Duration::from_secs(4);

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Repeats what failed and may succeed, with growing waits, until `limit` is over.
pub(super) async fn retry_for<T, F: Future<Output = Result<T>>>(limit: Duration, attempt: impl Fn() -> F) -> Result<T> {
    let (begun, mut wait) = (Instant::now(), FIRST_WAIT);
    loop {
        match attempt().await {
            Err(error) if error.is_retryable() && begun.elapsed() < limit => {
                warn!(%error, "tried again in a moment");
                sleep(wait.min(limit.saturating_sub(begun.elapsed()))).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            result => return result,
        }
    }
}

/// Repeats what belongs to the end of a call.
pub(super) async fn retry<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> Result<T> {
    retry_for(AT_THE_END, attempt).await
}

/// Repeats what only this process knows, for as long as it `goes_on`, and once more.
pub(super) async fn retry_while<T: Send, F: Future<Output = Result<T>> + Send>(
    goes_on: impl Fn() -> bool + Send + Sync,
    attempt: impl Fn() -> F + Send + Sync,
) -> Result<T> {
    loop {
        match retry(&attempt).await {
            Err(error) if error.is_retryable() && goes_on() => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use voicecall_core::{Error, ErrorKind};

    async fn tried(kind: ErrorKind) -> (u32, Duration) {
        let (tries, begun) = (AtomicU32::new(0), Instant::now());
        let outcome: Result<()> = retry_for(ON_THE_LINE, || async {
            tries.fetch_add(1, Ordering::Relaxed);
            Err(Error::new(kind, "test"))
        })
        .await;
        assert_eq!(outcome.unwrap_err().kind(), kind);
        (tries.into_inner(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_succeed_is_repeated_until_the_limit_and_nothing_else() {
        let (tries, took) = tried(ErrorKind::Unavailable).await;
        assert!(tries > 4 && took == ON_THE_LINE, "{tries} in {took:?}");
        assert_eq!(tried(ErrorKind::Conflict).await, (1, Duration::ZERO));
    }
}
