//! How a server treats connections, and how many of them the process can bear.

use std::time::Duration;

use tracing::info;
use voicecall_core::{Error, Result};

use super::client::TrustedProxies;

/// How a server treats connections. The defaults suit a server on the internet.
///
/// A stranger who sends nothing, or little at a time, costs a slot for some seconds and nobody else anything.
///
/// ```
/// use std::time::Duration;
/// use voicecall::server::ServeOptions;
///
/// let mut options = ServeOptions::default();
/// options.max_connections = Some(2_000);
/// options.trusted_proxies = "10.0.0.0/8".parse()?;
/// # Ok::<(), voicecall::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServeOptions {
    /// How long a connection may take until the head of its request is complete: from when it is accepted, and again from
    /// the end of each response, so that it is also how long an idle connection is kept. 5 s; more than 0.
    ///
    /// A proxy that keeps connections to this server should let them go a little earlier than that.
    pub header_timeout: Duration,
    /// How long the body of a request may take, all of it. The request is then answered with 408. 10 s; more than 0.
    pub body_timeout: Duration,
    /// How long a response may wait until the client takes any more of it. 10 s; more than 0.
    pub write_timeout: Duration,
    /// How many connections are open at once, media sockets among them; at least 1. Beyond that, for each new one the
    /// oldest is closed whose client the server waits for. Live media sockets and requests that are being handled are not:
    /// keep `CallRules::max_live` below, so that there are slots for webhooks.
    ///
    /// `None` (the default) is half of the files that the process may open, at most 10,000: the other half is for
    /// connections to the services of the calls, for the store and for recordings.
    pub max_connections: Option<usize>,
    /// How many connections of one client (an IPv4 address, or an IPv6 /64) the server waits for at once, for a request or
    /// for a response to be read. Beyond that, the oldest of them is closed. Media sockets and requests that are being
    /// handled do not count. 100; at least 1.
    pub max_connections_per_client: usize,
    /// The proxies in front of this server. Their own connections are not counted as one client's, but as those of the
    /// clients they forward, request by request. None by default: then whatever a request says of its client is ignored.
    pub trusted_proxies: TrustedProxies,
    /// How long open requests may go on after the stop. Idle connections are closed at once. 10 s.
    pub drain: Duration,
}

/// Each may hold 32 KiB in buffers: who wants to pay for more should say so.
const MOST_BY_DEFAULT: usize = 10_000;

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            max_connections: None,
            max_connections_per_client: 100,
            trusted_proxies: TrustedProxies::default(),
            drain: Duration::from_secs(10),
        }
    }
}

impl ServeOptions {
    /// How many connections may be open, given how many files the process may open.
    ///
    /// # Errors
    /// `Config` naming the option that is out of its range.
    pub(super) fn connections(&self, open_files: Option<usize>) -> Result<usize> {
        let times = [
            ("header_timeout", self.header_timeout),
            ("body_timeout", self.body_timeout),
            ("write_timeout", self.write_timeout),
        ];
        if let Some((name, _)) = times.into_iter().find(|(_, time)| time.is_zero()) {
            return Err(Error::config(name, "more than 0"));
        }
        if self.max_connections_per_client == 0 {
            return Err(Error::config("max_connections_per_client", "at least 1"));
        }
        match (self.max_connections, open_files) {
            (Some(0), _) => Err(Error::config("max_connections", "at least 1")),
            (Some(wanted), Some(files)) if wanted > files => {
                let expected = format!("at most {files}, the files this process may open (ulimit -n), not {wanted}");
                Err(Error::config("max_connections", expected))
            }
            (Some(wanted), _) => Ok(wanted),
            (None, Some(files)) => {
                let derived = (files / 2).clamp(1, MOST_BY_DEFAULT);
                info!(
                    max_connections = derived,
                    open_files = files,
                    "connections are limited by the files that may be open"
                );
                Ok(derived)
            }
            (None, None) => Ok(MOST_BY_DEFAULT),
        }
    }
}

/// How many files the process may open; `None` where that is not limited or cannot be asked.
pub(super) fn open_files() -> Option<usize> {
    #[cfg(unix)]
    {
        let soft = rlimit::Resource::NOFILE.get_soft().ok().filter(|soft| *soft != rlimit::INFINITY)?;
        usize::try_from(soft).ok()
    }
    #[cfg(not(unix))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_derived_from_the_files_that_may_be_open() {
        let derived = |files| ServeOptions::default().connections(files).unwrap();
        assert_eq!(derived(Some(1024)), 512);
        assert_eq!(derived(Some(1)), 1);
        assert_eq!(derived(Some(1 << 20)), 10_000);
        assert_eq!(derived(None), 10_000);
    }

    #[test]
    fn more_connections_than_files_are_refused_and_no_fewer() {
        let mut options = ServeOptions { max_connections: Some(1024), ..ServeOptions::default() };
        assert_eq!(options.connections(Some(1024)).unwrap(), 1024);
        options.max_connections = Some(1025);
        let error = options.connections(Some(1024)).unwrap_err();
        assert_eq!(error.field(), Some("max_connections"));
        assert!(error.to_string().contains("1024"), "{error}");
    }

    #[test]
    fn a_limit_of_nothing_is_refused_by_its_name() {
        type Break = fn(&mut ServeOptions);
        let wrong: [(&str, Break); 5] = [
            ("header_timeout", |options| options.header_timeout = Duration::ZERO),
            ("body_timeout", |options| options.body_timeout = Duration::ZERO),
            ("write_timeout", |options| options.write_timeout = Duration::ZERO),
            ("max_connections", |options| options.max_connections = Some(0)),
            ("max_connections_per_client", |options| options.max_connections_per_client = 0),
        ];
        for (name, make_wrong) in wrong {
            let mut options = ServeOptions::default();
            make_wrong(&mut options);
            assert_eq!(options.connections(Some(1024)).unwrap_err().field(), Some(name));
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_limit_of_this_process_is_known() {
        assert!(open_files().is_none_or(|files| files > 0));
    }
}
