//! The crate against the emulated ElevenLabs, over sockets on this machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets an unexpected error should stop there"
)]

mod call;
mod failures;
mod service;
mod speech;
mod voices;
