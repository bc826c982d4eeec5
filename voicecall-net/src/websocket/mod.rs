//! Sockets to services: the handshake, and messages in both directions without waiting for either.

mod connector;
mod failure;
mod socket;

pub use connector::Connector;
pub use failure::socket_failure;
pub use socket::{Received, Socket, SocketReceiver, SocketSender};
pub use tokio_tungstenite::tungstenite::Error as SocketError;
pub use tokio_tungstenite::tungstenite::protocol::CloseFrame;
pub use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
