//! The services against a small server on this machine that answers in every shape known, faults included.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets an unexpected error should stop there")]

mod chat;
mod failures;
mod http2;
mod realtime;
mod server;
mod shapes;
mod speech;
mod tools;
mod transcription;
