//! An emulator of 46elks on loopback: REST calls, call actions, webhooks and the realtime voice socket; SMS and MMS.
//!
//! It acts out connect (to the socket, and to people), play, keys, record, recordcall and hangup. Files and 46elks's own voice
//! are silence of a second; what was to be heard stands in the [record](ElksCall) of the call. Where the protocol is not
//! documented, [`Unconfirmed`] chooses among what it may be.
//!
//! Who is at the other end ([`Party`](crate::phone::Party)), what their phone does with audio
//! ([`Phone`](crate::phone::Phone)) and what goes wrong ([`FaultPlan`](crate::fault::FaultPlan)) are those of every carrier
//! here. The wire types are its own.

mod account;
mod action;
mod call;
mod line;
mod messages;
mod options;
mod rest;
mod rest_messages;
mod server;
mod socket;
mod steps;
mod webhooks;
mod wire;

pub use account::ElksNumber;
pub use call::{ElksCall, ElksRecording};
pub use messages::{ElksImage, ElksMessage};
pub use options::{ElksOptions, SocketField, Unconfirmed};
pub use server::ElksServer;
pub use wire::ElksWire;

pub use crate::loopback::ServerOptions;
