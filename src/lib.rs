#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "alerts", feature = "metrics"))]
pub mod monitor;
#[cfg(feature = "server")]
pub mod server;

pub use voicecall_core::{
    AttemptId, CallTime, CarrierCallId, ConsentBasis, ConsentToken, Epoch, Error, ErrorKind, LookupHash, PhoneNumber,
    QuestionId, RecordId, Result, Sealed, SealedPhone, SessionId, TenantId, Vault, VerificationId, agent, analysis,
    async_trait, audio, call, carrier, dialogue, engine, interview, journal, media, model, money, selection, store,
};
#[cfg(feature = "openai")]
#[doc(inline)]
pub use voicecall_openai as openai;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use voicecall_store_sqlite as sqlite;
#[cfg(feature = "twilio")]
#[doc(inline)]
pub use voicecall_twilio as twilio;
