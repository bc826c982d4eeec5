//! Fakes for tests of code that uses this library, and of the library itself.

mod models;

pub use models::{Script, ScriptedModel, ScriptedTranscriber, ScriptedVoice};
