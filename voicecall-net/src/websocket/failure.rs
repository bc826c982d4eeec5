//! How a broken socket reads as an error.

use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::error::ProtocolError as Breach;
use voicecall_core::model::CONNECTION_LOST;
use voicecall_core::{Error, ErrorKind};

/// The error for a socket that could not be opened, broke, or ended without a goodbye.
#[must_use]
pub fn socket_failure(operation: &'static str, error: Option<SocketError>) -> Error {
    let kind = match &error {
        // Counted as a breach of the protocol there, a connection that simply ended is none here.
        Some(SocketError::Protocol(Breach::ResetWithoutClosingHandshake | Breach::HandshakeIncomplete)) => {
            ErrorKind::Unavailable
        }
        // What it sent is too long, or no WebSocket.
        Some(SocketError::Capacity(_) | SocketError::Protocol(_) | SocketError::Utf8(_)) => ErrorKind::Protocol,
        Some(SocketError::Url(_) | SocketError::HttpFormat(_)) => ErrorKind::Config,
        _ => ErrorKind::Unavailable,
    };
    let failed = Error::new(kind, operation);
    let failed = match kind {
        ErrorKind::Unavailable => failed.with_code(CONNECTION_LOST),
        ErrorKind::Config => failed.with_field("base_url"),
        _ => failed,
    };
    match error {
        Some(error) => failed.with_source(error),
        None => failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_ended_is_lost_and_what_is_no_socket_is_not() {
        let failure = |error| {
            let failure = socket_failure("test", error);
            (failure.kind(), failure.code().map(str::to_owned))
        };
        let lost = (ErrorKind::Unavailable, Some(CONNECTION_LOST.to_owned()));
        assert_eq!(failure(None), lost);
        assert_eq!(failure(Some(SocketError::Io(std::io::Error::from(std::io::ErrorKind::ConnectionRefused)))), lost);
        assert_eq!(failure(Some(SocketError::Protocol(Breach::ResetWithoutClosingHandshake))), lost);
        assert_eq!(failure(Some(SocketError::Protocol(Breach::WrongHttpVersion))), (ErrorKind::Protocol, None));
    }
}
