//! Servers made with MCP's official Python library, and broken ones, over both transports.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets an unexpected error should stop there")]

mod broken;
mod dialogue;
mod ending;
mod outcomes;
mod reading;
mod support;
