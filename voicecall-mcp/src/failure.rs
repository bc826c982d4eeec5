//! Failures of the protocol and its transports, as the library's errors. Their messages are told to the model.

use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;
use voicecall_core::{Error, ErrorKind};

/// The longest sentence of a server's that an error repeats, in bytes.
const LONGEST_MESSAGE: usize = 2_000;

const START: &str = "connect to tool server";
const CALL: &str = "call tool";

const NO_MCP: &str = "the tool server does not speak MCP as we do";

/// What it means that a server was not greeted.
pub(crate) fn of_start(error: ClientInitializeError) -> Error {
    let (kind, message) = match &error {
        ClientInitializeError::ConnectionClosed(_) => {
            (ErrorKind::Unavailable, "the tool server ended before it answered; its stderr is in the log, at debug")
        }
        ClientInitializeError::TransportError { error, .. } => match kind_of_transport(error) {
            Some(kind) => (kind, message_of(kind)),
            None if is_another_protocol(error) => (ErrorKind::Protocol, NO_MCP),
            None => (ErrorKind::Unavailable, message_of(ErrorKind::Unavailable)),
        },
        ClientInitializeError::JsonRpcError(_) => (ErrorKind::Rejected, "the tool server refuses to be used"),
        _ => (ErrorKind::Protocol, NO_MCP),
    };
    Error::new(kind, START).with_provider("mcp").with_message(message).with_source(error)
}

/// What it means that a request was not answered as it should. Only what was certainly not done is no
/// [`UnknownOutcome`](ErrorKind::UnknownOutcome).
pub(crate) fn of_request(error: &ServiceError) -> Error {
    let unknown = |message: &'static str| (ErrorKind::UnknownOutcome, message.to_owned());
    let (kind, message) = match error {
        // The server's own sentence, which is for whoever called.
        ServiceError::McpError(error) => (ErrorKind::Rejected, shortened(&error.message)),
        ServiceError::TransportSend(error) => match kind_of_transport(error) {
            Some(kind) => (kind, message_of(kind).to_owned()),
            None => unknown("the connection to the tool server broke"),
        },
        ServiceError::TransportClosed => unknown("the tool server ended before it answered"),
        ServiceError::UnexpectedResponse => unknown("the tool server's answer cannot be read"),
        _ => unknown("the tool server did not answer"),
    };
    Error::new(kind, CALL).with_provider("mcp").with_message(message)
}

/// Whether the server has answered at all, be it with an error.
pub(crate) fn is_answer(error: &ServiceError) -> bool {
    match error {
        ServiceError::McpError(_) | ServiceError::UnexpectedResponse => true,
        ServiceError::TransportSend(error) => {
            kind_of_transport(error).is_some_and(|kind| kind != ErrorKind::Unavailable)
        }
        _ => false,
    }
}

/// A sentence of a server's, cut where it becomes too long.
pub(crate) fn shortened(text: &str) -> String {
    if text.len() <= LONGEST_MESSAGE {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST_MESSAGE)])
}

/// The kind of a failure to send after which nothing can have been done.
fn kind_of_transport(error: &DynamicTransportError) -> Option<ErrorKind> {
    if error.error.is::<std::io::Error>() {
        // A line that was not written to its end is no request.
        return Some(ErrorKind::Unavailable);
    }
    match error.error.downcast_ref::<StreamableHttpError<reqwest::Error>>()? {
        StreamableHttpError::Client(error) if error.is_connect() || error.is_builder() => Some(ErrorKind::Unavailable),
        StreamableHttpError::AuthRequired(_) => Some(ErrorKind::Unauthenticated),
        StreamableHttpError::InsufficientScope(_) => Some(ErrorKind::Forbidden),
        StreamableHttpError::HttpStatus(status) if status.status == 429 => Some(ErrorKind::RateLimited),
        // The session is gone and no new one was made.
        StreamableHttpError::SessionExpired | StreamableHttpError::ReinitializationFailed(_) => {
            Some(ErrorKind::Unavailable)
        }
        _ => None,
    }
}

/// Whether something answers at the address that is no MCP server.
fn is_another_protocol(error: &DynamicTransportError) -> bool {
    use StreamableHttpError::{Deserialize, UnexpectedContentType, UnexpectedServerResponse};
    let error = error.error.downcast_ref::<StreamableHttpError<reqwest::Error>>();
    matches!(error, Some(Deserialize(_) | UnexpectedContentType(_) | UnexpectedServerResponse(_)))
}

const fn message_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthenticated => "the tool server does not take our token",
        ErrorKind::Forbidden => "the tool server does not allow this",
        ErrorKind::RateLimited => "the tool server has no room at the moment",
        _ => "the tool server cannot be reached",
    }
}
