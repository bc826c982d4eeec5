//! When the process is told to end.

/// Done once the process is told to end: by SIGTERM, as service managers do, or by Ctrl-C. From the moment it is called,
/// neither ends the process by itself.
///
/// # Panics
/// Outside of a Tokio runtime with IO.
pub fn told_to_end() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        async move {
            let [terminated, interrupted] = signals.map(|signal| async move {
                match signal {
                    Ok(mut signal) => {
                        signal.recv().await;
                    }
                    // Where a signal cannot be heard, the process ends by it.
                    Err(_) => std::future::pending().await,
                }
            });
            tokio::select! {
                () = terminated => {}
                () = interrupted => {}
            }
        }
    }
    #[cfg(not(unix))]
    async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
