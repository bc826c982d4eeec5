//! What goes over the wire, as types: lenient in what is read, exact in what is written.

pub(crate) mod chat;
pub(crate) mod chunk;
pub(crate) mod failure;
pub(crate) mod json;
pub(crate) mod realtime;
pub(crate) mod speech;
pub(crate) mod transcription;
