//! What a process has one of: a provider of cryptography, and a log.

/// Sets the provider of cryptography for TLS, unless the application has set one: clients that leave the choice to the
/// process, such as those of tools, panic without.
pub(super) fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody who was quicker is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

/// Writes the log to standard error, unless somebody else takes it.
#[cfg(feature = "log")]
pub(super) fn start_log() {
    use tracing_subscriber::EnvFilter;

    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // An application that has a log of its own keeps it.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
