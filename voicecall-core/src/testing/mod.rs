//! Conformance suites that every implementation of a trait runs, and fakes for tests.
//!
//! For tests only: a suite panics where an implementation breaks a rule. Its items may change in any release.

// A check that fails must stop its test, as anywhere else in tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod models;
pub mod store;

pub use models::{Script, ScriptedModel, ScriptedTranscriber, ScriptedVoice};
