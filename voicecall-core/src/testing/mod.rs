//! Conformance suites that every implementation of a trait runs, and fakes for tests.
//!
//! For tests only: a suite panics where an implementation breaks a rule. Its items may change in any release.

// A check that fails must stop its test, as anywhere else in tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod carrier;
pub mod carrier_suite;
pub mod media_codec;
mod messaging;
pub mod messaging_suite;
mod models;
pub mod number_suite;
mod realtime;
mod reserved_address;
mod scripted_media;
mod scripted_text;
mod socket;
pub mod store;
mod suite;
pub mod text_codec;

pub use carrier::{CarrierRequest, ScriptedCarrier, SignedRequest};
pub use messaging::ScriptedMessaging;
pub use models::{Script, ScriptedModel, ScriptedTranscriber, ScriptedVoice};
pub use realtime::{RealtimePiece, ScriptedRealtime};
pub use reserved_address::ReservedAddress;
pub use scripted_media::ScriptedMedia;
pub use scripted_text::ScriptedText;
pub use socket::{PairedPeer, PairedSocket, paired_socket};
