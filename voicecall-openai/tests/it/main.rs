//! The services against a small server on this machine that answers in every shape known, faults included.

mod chat;
mod failures;
mod server;
mod speech;
mod transcription;
