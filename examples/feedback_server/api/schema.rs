//! The schemas of what is not the routes' own: enumerations, made from their values, and audio.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};
use voicecall::store;
use voicecall::survey::store as survey;

use super::words;

/// The bytes of a recording.
#[derive(Debug)]
pub(super) enum Audio {}

impl PartialSchema for Audio {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).format(Some(binary)).build()))
    }
}

impl ToSchema for Audio {}

macro_rules! enumerations {
    ($($(#[$doc:meta])* $module:ident::$name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let names = $module::$name::ALL.iter().map(|value| value.as_str());
                RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build()))
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

enumerations! {
    /// How far a session has come.
    store::SessionStatus;
    /// Whether a call goes before others.
    store::CallPriority;
    /// Why a session ended.
    words::EndReason;
    /// What happened to a session.
    words::CallEventType;
    /// Who made something happen.
    words::EventSource;
    /// How far an attempt to reach a phone has come.
    store::AttemptState;
    /// What a provider was asked to do.
    store::ProviderOperation;
    /// How important a question is.
    survey::Priority;
    /// Whether a purchase was confirmed.
    survey::VerificationStatus;
    /// What becomes of a call that a machine answers.
    survey::VoicemailAction;
}
