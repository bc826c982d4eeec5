//! The address by which carriers reach a server.

use url::{Host, Url};

use crate::error::{Error, Result};

/// Refuses an address by which carriers would reach a server unencrypted: what people say and write goes over it. `http` is for
/// this machine alone.
///
/// # Errors
/// `Config` naming `PUBLIC_URL`.
pub fn check_public_url(url: &Url) -> Result<()> {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && is_here) {
        return Ok(());
    }
    Err(Error::config("PUBLIC_URL", "an https address (http on this machine only)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_goes_over_no_open_line() {
        for good in [
            "https://calls.example",
            "https://calls.example:8443/a",
            "http://127.0.0.1:80",
            "http://localhost",
            "http://[::1]",
        ] {
            check_public_url(&good.parse().unwrap()).unwrap();
        }
        for wrong in
            ["http://calls.example", "http://10.0.0.1", "http://localhost.example", "wss://calls.example", "data:x"]
        {
            let error = check_public_url(&wrong.parse().unwrap()).unwrap_err();
            assert_eq!(error.field(), Some("PUBLIC_URL"), "{wrong}");
        }
    }
}
