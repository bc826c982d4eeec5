//! The schemas of the library's own enumerations, made from their values.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use voicecall::store;

macro_rules! enumerations {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let names = store::$name::ALL.iter().map(|value| value.as_str());
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
    SessionStatus;
    /// Whether a call goes before others.
    CallPriority;
    /// Why a session ended.
    EndReason;
    /// What happened to a session.
    CallEventType;
    /// Who made something happen.
    EventSource;
    /// How far an attempt to reach a phone has come.
    AttemptState;
    /// What a provider was asked to do.
    ProviderOperation;
    /// How important a question is.
    Priority;
    /// Whether a purchase was confirmed.
    VerificationStatus;
    /// What becomes of a call that a machine answers.
    VoicemailAction;
}
