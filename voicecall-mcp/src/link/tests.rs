//! When a server is tried again.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A way to a server that never answers, and how often it was tried.
fn dead() -> (Link, Arc<AtomicU32>) {
    let tries = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&tries);
    let link = Link::new("dead".to_owned(), Duration::from_secs(30), move || {
        count.fetch_add(1, Ordering::Relaxed);
        async { Err(Error::config("command", "a program that can be started")) }
    });
    (link, tries)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_tried_less_and_less_often() {
    let (link, tries) = dead();
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < 10 {
        let before = tries.load(Ordering::Relaxed);
        let error = link.connection().await.err().unwrap();
        if tries.load(Ordering::Relaxed) > before {
            assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("command")));
            times.push(begun.elapsed().as_secs());
        } else {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            tokio::time::advance(error.retry_after().unwrap()).await;
        }
    }
    assert_eq!(times, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
}

#[tokio::test(start_paused = true)]
async fn after_an_answer_the_next_try_need_not_wait() {
    let (link, tries) = dead();
    for _ in 0..3 {
        link.answered();
        link.connection().await.err().unwrap();
    }
    assert_eq!(tries.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn connecting_has_a_limit_and_goes_on_when_nobody_waits() {
    let tries = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&tries);
    let link = Link::new("slow".to_owned(), Duration::from_secs(30), move || {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::pending()
    });
    let begun = Instant::now();
    for _ in 0..2 {
        assert!(timeout(Duration::from_secs(10), link.connection()).await.is_err());
    }
    let error = link.connection().await.err().unwrap();
    assert_eq!((error.kind(), begun.elapsed().as_secs()), (ErrorKind::Timeout, 30));
    assert_eq!(tries.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_stopped_or_dropped_gives_up_connecting() {
    /// Tells when it is dropped.
    struct Guard(Arc<AtomicU32>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let given_up = Arc::new(AtomicU32::new(0));
    let link = || {
        let given_up = Arc::clone(&given_up);
        Link::new("slow".to_owned(), Duration::from_secs(30), move || {
            let guard = Guard(Arc::clone(&given_up));
            async move {
                let _guard = guard;
                std::future::pending().await
            }
        })
    };
    let (dropped, stopped) = (link(), link());
    for link in [&dropped, &stopped] {
        assert!(timeout(Duration::from_secs(1), link.connection()).await.is_err());
    }
    assert_eq!(given_up.load(Ordering::Relaxed), 0);
    drop(dropped);
    stopped.stop().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(given_up.load(Ordering::Relaxed), 2);
    assert_eq!(stopped.connection().await.err().unwrap().kind(), ErrorKind::Closed);
}
