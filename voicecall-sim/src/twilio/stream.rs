//! A call's media stream, and what an exchange orders its surroundings to do.

use serde::{Deserialize, Serialize};

use super::{StreamVerb, Webhook};
use crate::fault::Fault;
use crate::phone::Phone;

/// Something the exchange wants done outside: over sockets, or by a virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Send a request to the application and report to [`Exchange::webhook_done`](super::Exchange::webhook_done).
    Webhook(Webhook),
    /// Open a media socket and report to [`Exchange::socket_opened`](super::Exchange::socket_opened) or
    /// [`Exchange::socket_refused`](super::Exchange::socket_refused).
    OpenSocket {
        /// The stream.
        stream: String,
        /// The public address, without query.
        url: String,
        /// `X-Twilio-Signature` over that address.
        signature: String,
    },
    /// Send a text message.
    SendText {
        /// The stream.
        stream: String,
        /// The message.
        text: String,
    },
    /// Close the socket properly, after everything ordered before.
    CloseSocket {
        /// The stream.
        stream: String,
    },
    /// Break the socket. The exchange knows already.
    BreakSocket {
        /// The stream.
        stream: String,
        /// In which way.
        fault: SocketFault,
    },
}

/// How a socket breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketFault {
    /// TCP RST.
    Reset,
    /// TCP FIN without a closing handshake.
    Fin,
    /// Nothing passes any more, and nobody is told.
    Silence,
    /// A closing handshake with code 1007.
    InvalidData,
}

/// How the application's side of a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketEnd {
    /// With a closing handshake.
    Closed,
    /// Without.
    Lost,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) sid: String,
    pub(super) verb: StreamVerb,
    pub(super) url: String,
    /// There once the socket is open.
    pub(super) phone: Option<Phone>,
    pub(super) frames: u64,
    pub(super) fault: Option<Fault>,
    /// Nothing passes in either direction.
    pub(super) silent: bool,
    /// A message of the application was not understood; the carrier says so once.
    pub(super) complained: bool,
}
