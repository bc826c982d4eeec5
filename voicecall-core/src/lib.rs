#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
pub mod agent;
pub mod audio;
pub mod call;
pub mod carrier;
mod clock;
mod consent;
pub mod dialogue;
mod error;
pub mod event;
mod hours;
mod id;
pub mod journal;
pub mod media;
pub mod messaging;
pub mod model;
pub mod money;
mod phone;
mod public_url;
mod seal;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod text;
pub mod text_media;
mod time;
pub mod tool;

pub use address::Address;
pub use async_trait::async_trait;
pub use clock::Clock;
pub use consent::{ConsentBasis, ConsentToken};
pub use error::{Error, ErrorKind, Result};
pub use hours::CallHours;
pub use id::{
    AccountName, AttemptId, CarrierCallId, CarrierMessageId, ConversationId, Epoch, EventId, MessageId, RecordId,
    RunId, SessionId, SubscriptionId, TenantId,
};
pub use phone::PhoneNumber;
pub use public_url::check_public_url;
pub use seal::{
    Canary, ContentSeal, FactRow, KeyId, LookupHash, PersonKey, Sealed, SealedAddress, SealedFile, SealedReader,
    SealedRow, Vault,
};
pub use time::CallTime;
