//! Conversations by message: the contract of carriers, and with feature `messaging` who takes messages in, answers and
//! sends them.

pub use voicecall_core::messaging::*;
#[cfg(feature = "messaging")]
pub use voicecall_messaging::*;
