//! Transcription over real sockets: against the emulator, and against a server that says whatever a test tells it to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets an unexpected result should stop there"
)]

mod call;
mod emulated;
mod failures;
mod messages;
mod server;
mod time_limits;
