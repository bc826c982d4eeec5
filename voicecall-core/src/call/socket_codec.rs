//! A carrier's protocol as the runner uses it, whichever a socket carries: audio or text.

use std::fmt::Debug;
use std::time::Duration;

use super::io::{InputEvent, Output};
use crate::error::Result;
use crate::media::{MediaCodec, MediaCommand, WireMessages};
use crate::text_media::{TextCodec, TextCommand, TextEvent};

/// A carrier sends audio all the time: a socket that is silent for this long is dead, whatever TCP says. A network that
/// loses every fifth packet is silent for a second.
const DEAD_AFTER: Duration = Duration::from_secs(2);

/// One socket's protocol: messages become inputs of a call's logic, its outputs become messages.
pub trait SocketCodec: Send + Debug {
    /// After how long without a message a socket is dead that has begun; never if there is no telling.
    const DEAD_AFTER: Option<Duration>;

    /// Reads one message. The input may borrow from the message and from the codec.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) for a message that is not of this protocol.
    fn read<'a>(&'a mut self, message: &'a str) -> Result<Option<InputEvent<'a>>>;

    /// What it means that the carrier has closed the socket politely.
    fn closed(&self) -> InputEvent<'static>;

    /// Appends the messages that carry out an output, if it is one to be sent over this socket. Returns whether the socket
    /// is to be closed behind them.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) if the stream has not started.
    fn write(&mut self, output: &Output, wire: &mut WireMessages) -> Result<bool>;
}

impl SocketCodec for Box<dyn MediaCodec> {
    const DEAD_AFTER: Option<Duration> = Some(DEAD_AFTER);

    fn read<'a>(&'a mut self, message: &'a str) -> Result<Option<InputEvent<'a>>> {
        Ok(self.decode(message)?.map(InputEvent::Media))
    }

    /// A stream says that it has stopped before its socket closes.
    fn closed(&self) -> InputEvent<'static> {
        InputEvent::Disconnected
    }

    fn write(&mut self, output: &Output, wire: &mut WireMessages) -> Result<bool> {
        let Output::Send(command) = output else { return Ok(false) };
        self.encode(command, wire)?;
        Ok(*command == MediaCommand::Close)
    }
}

impl SocketCodec for Box<dyn TextCodec> {
    /// Nobody may say anything for a long time.
    const DEAD_AFTER: Option<Duration> = None;

    fn read<'a>(&'a mut self, message: &'a str) -> Result<Option<InputEvent<'a>>> {
        Ok(self.decode(message)?.map(InputEvent::Text))
    }

    /// Nothing else says that the conversation is over.
    fn closed(&self) -> InputEvent<'static> {
        InputEvent::Text(TextEvent::Stopped)
    }

    fn write(&mut self, output: &Output, wire: &mut WireMessages) -> Result<bool> {
        let Output::SendText(command) = output else { return Ok(false) };
        self.encode(command, wire)?;
        Ok(*command == TextCommand::End)
    }
}
