//! Encryption between us and the server.

use std::net::IpAddr;

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use voicecall_core::Result;
use voicecall_net::{Protocol, client_config};

/// The TLS configuration. A server on this machine needs no certificates, and the machine may have none.
pub(crate) fn tls(config: &tokio_postgres::Config) -> Result<MakeRustlsConnect> {
    let encrypted = config.get_ssl_mode() != SslMode::Disable && !is_local(config);
    let tls = client_config(encrypted, Protocol::Unnamed).map_err(|error| error.with_field("url"))?;
    Ok(MakeRustlsConnect::new(tls))
}

/// Whether the connection does not leave this machine.
pub(crate) fn is_local(config: &tokio_postgres::Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}
