#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "server")]
mod app;
mod carriers;
pub mod messaging;
#[cfg(any(feature = "alerts", feature = "metrics", feature = "otlp"))]
pub mod monitor;
pub mod prelude;
#[cfg(feature = "server")]
pub mod server;

#[cfg(feature = "server")]
pub use app::{Call, CallOptions, Calls, IncomingDecision, PlacedCall, RunningServer, Server, ServerBuilder};
pub use carriers::registry;
pub use voicecall_core::{
    AccountName, Address, AttemptId, CallHours, CallTime, CarrierCallId, CarrierMessageId, Clock, ConsentBasis,
    ConsentToken, ContentSeal, ConversationId, Epoch, Error, ErrorKind, EventId, FactRow, LookupHash, MessageId,
    PersonKey, PhoneNumber, RecordId, Result, RunId, Sealed, SealedAddress, SealedFile, SealedReader, SealedRow,
    SessionId, SubscriptionId, TenantId, Vault, agent, async_trait, audio, call, carrier, check_public_url, dialogue,
    event, journal, media, model, money, store, text_media, tool,
};
pub use voicecall_engine as engine;
// A name begins with a letter: the carrier's own, turned round, is still found by either half.
#[cfg(feature = "46elks")]
#[doc(inline)]
pub use voicecall_46elks as elks46;
#[cfg(feature = "deepgram")]
#[doc(inline)]
pub use voicecall_deepgram as deepgram;
#[cfg(feature = "elevenlabs")]
#[doc(inline)]
pub use voicecall_elevenlabs as elevenlabs;
#[cfg(feature = "mcp")]
#[doc(inline)]
pub use voicecall_mcp as mcp;
#[cfg(feature = "openai")]
#[doc(inline)]
pub use voicecall_openai as openai;
#[cfg(feature = "sim")]
#[doc(inline)]
pub use voicecall_sim as sim;
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use voicecall_store_postgres as postgres;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use voicecall_store_sqlite as sqlite;
#[cfg(feature = "survey")]
#[doc(inline)]
pub use voicecall_survey as survey;
#[cfg(feature = "twilio")]
#[doc(inline)]
pub use voicecall_twilio as twilio;
#[cfg(feature = "workflow")]
#[doc(inline)]
pub use voicecall_workflow as workflow;
