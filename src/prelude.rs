//! What a program with calls is written with: `use voicecall::prelude::*;`.
//!
//! ```
//! use voicecall::prelude::*;
//!
//! let dialogue = LlmDialogue::new("You answer the phone of a bakery.").greeting("Hello, how can I help?");
//! # let _ = dialogue;
//! ```

#[cfg(feature = "server")]
pub use crate::app::{Call, CallOptions, Calls, IncomingDecision, PlacedCall, Server};
#[cfg(feature = "46elks")]
pub use crate::elks46::ElksVoice;
#[cfg(feature = "openai")]
#[doc(no_inline)]
pub use crate::openai;
#[cfg(feature = "twilio")]
#[doc(no_inline)]
pub use crate::twilio::TwilioVoice;
#[doc(no_inline)]
pub use voicecall_core::call::Keep;
#[doc(no_inline)]
pub use voicecall_core::carrier::IncomingCall;
#[doc(no_inline)]
pub use voicecall_core::dialogue::{AskConsent, LlmDialogue, Scripted};
#[doc(no_inline)]
pub use voicecall_core::tool::{Tool, ToolEffect};
#[doc(no_inline)]
pub use voicecall_engine::DialPolicy;
