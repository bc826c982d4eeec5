//! How values stand in columns.

use std::time::Duration;

use bytes::BytesMut;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;
use voicecall_core::messaging::MessageState;
use voicecall_core::store::{
    AttemptState, CallPriority, ConversationState, Direction, EndReason, EventSource, ProviderOperation, RetentionJob,
    RunState, SessionStatus, SubscriptionState,
};
use voicecall_core::{
    AccountName, AttemptId, CarrierCallId, CarrierMessageId, ConversationId, Epoch, Error, EventId, LookupHash,
    MessageId, PersonKey, RecordId, Result, RunId, SessionId, SubscriptionId, TenantId,
};

/// A value that a column can hold.
pub(crate) trait Column: Sized {
    /// What the driver writes and reads.
    type Sql: ToSql + for<'a> FromSql<'a> + Send + Sync + 'static;
    /// The column's type.
    const TYPE: Type;

    /// The value as it is written.
    fn write(&self) -> Result<Self::Sql>;

    /// The value that was written so; `None` for what cannot have been.
    fn read(sql: Self::Sql) -> Option<Self>;
}

/// A value on its way to the server.
pub(crate) struct Param {
    pub(crate) value: Box<dyn ToSql + Send + Sync>,
    pub(crate) kind: Type,
}

impl Param {
    pub(crate) fn new<T: Column>(value: &T) -> Result<Self> {
        Ok(Self { value: Box::new(value.write()?), kind: T::TYPE })
    }
}

/// The parameters of a statement, `$1` first.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::column::Param::new(&$value)?),*] };
}
pub(crate) use params;

impl<T: Column> Column for Option<T> {
    type Sql = Option<T::Sql>;
    const TYPE: Type = T::TYPE;

    fn write(&self) -> Result<Self::Sql> {
        self.as_ref().map(T::write).transpose()
    }

    fn read(sql: Self::Sql) -> Option<Self> {
        match sql {
            Some(sql) => T::read(sql).map(Some),
            None => Some(None),
        }
    }
}

/// Values that the driver knows.
macro_rules! plain {
    ($($plain:ty: $kind:ident;)*) => {$(
        impl Column for $plain {
            type Sql = Self;
            const TYPE: Type = Type::$kind;

            fn write(&self) -> Result<Self> {
                Ok(self.clone())
            }

            fn read(sql: Self) -> Option<Self> {
                Some(sql)
            }
        }
    )*};
}

plain! {
    bool: BOOL;
    i64: INT8;
    f32: FLOAT4;
    f64: FLOAT8;
    String: TEXT;
    Vec<u8>: BYTEA;
    Uuid: UUID;
    Vec<Uuid>: UUID_ARRAY;
    Vec<String>: TEXT_ARRAY;
    Vec<i64>: INT8_ARRAY;
}

/// Ids.
macro_rules! ids {
    ($($id:ty),*) => {$(
        impl Column for $id {
            type Sql = Uuid;
            const TYPE: Type = Type::UUID;

            fn write(&self) -> Result<Uuid> {
                Ok(*self.as_uuid())
            }

            fn read(sql: Uuid) -> Option<Self> {
                Some(Self::from_uuid(sql))
            }
        }
    )*};
}

ids! { TenantId, SessionId, ConversationId, MessageId, AttemptId, RecordId, EventId, RunId, SubscriptionId }

#[cfg(feature = "survey")]
ids! { voicecall_survey::store::QuestionId, voicecall_survey::store::VerificationId }

/// What is written as its name.
macro_rules! words {
    ($($word:ty),*) => {$(
        impl Column for $word {
            type Sql = String;
            const TYPE: Type = Type::TEXT;

            fn write(&self) -> Result<String> {
                Ok(self.to_string())
            }

            fn read(sql: String) -> Option<Self> {
                sql.parse().ok()
            }
        }
    )*};
}

words! {
    AccountName, AttemptState, CallPriority, ConversationState, Direction, EndReason, EventSource, MessageState,
    ProviderOperation, RetentionJob, RunState, SessionStatus, SubscriptionState
}

#[cfg(feature = "survey")]
words! { voicecall_survey::store::Priority, voicecall_survey::store::VerificationStatus }

/// Numbers that are never negative, or smaller than PostgreSQL's.
macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Column for $number {
            type Sql = i64;
            const TYPE: Type = Type::INT8;

            fn write(&self) -> Result<i64> {
                i64::try_from(*self).map_err(|_| Error::invalid("number", "at most 2^63 - 1"))
            }

            fn read(sql: i64) -> Option<Self> {
                sql.try_into().ok()
            }
        }
    )*};
}

numbers! { u16, u32, u64 }

impl Column for Epoch {
    type Sql = i64;
    const TYPE: Type = Type::INT8;

    fn write(&self) -> Result<i64> {
        Ok(self.0.into())
    }

    fn read(sql: i64) -> Option<Self> {
        sql.try_into().ok().map(Self)
    }
}

/// As nanoseconds since 1970.
impl Column for Timestamp {
    type Sql = i64;
    const TYPE: Type = Type::INT8;

    fn write(&self) -> Result<i64> {
        i64::try_from(self.as_nanosecond()).map_err(|_| Error::invalid("instant", "a time from 1678 to 2261"))
    }

    fn read(sql: i64) -> Option<Self> {
        Self::from_nanosecond(sql.into()).ok()
    }
}

/// An instant to compare with: one beyond what is stored is as good as the last that can be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound(pub(crate) Timestamp);

impl Column for Bound {
    type Sql = i64;
    const TYPE: Type = Type::INT8;

    fn write(&self) -> Result<i64> {
        Ok(self.0.as_nanosecond().clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    fn read(sql: i64) -> Option<Self> {
        Timestamp::read(sql).map(Self)
    }
}

/// As nanoseconds.
impl Column for Duration {
    type Sql = i64;
    const TYPE: Type = Type::INT8;

    fn write(&self) -> Result<i64> {
        i64::try_from(self.as_nanos()).map_err(|_| Error::invalid("duration", "at most 292 years"))
    }

    fn read(sql: i64) -> Option<Self> {
        sql.try_into().ok().map(Self::from_nanos)
    }
}

/// Names that a carrier gives.
macro_rules! carrier_ids {
    ($($id:ty),*) => {$(
        impl Column for $id {
            type Sql = String;
            const TYPE: Type = Type::TEXT;

            fn write(&self) -> Result<String> {
                Ok(self.as_str().to_owned())
            }

            fn read(sql: String) -> Option<Self> {
                Some(Self::new(sql))
            }
        }
    )*};
}

carrier_ids! { CarrierCallId, CarrierMessageId }

/// The code of a canary.
impl Column for [u8; 32] {
    type Sql = Vec<u8>;
    const TYPE: Type = Type::BYTEA;

    fn write(&self) -> Result<Vec<u8>> {
        Ok(self.to_vec())
    }

    fn read(sql: Vec<u8>) -> Option<Self> {
        sql.try_into().ok()
    }
}

impl Column for LookupHash {
    type Sql = Vec<u8>;
    const TYPE: Type = Type::BYTEA;

    fn write(&self) -> Result<Vec<u8>> {
        Ok(self.as_bytes().to_vec())
    }

    fn read(sql: Vec<u8>) -> Option<Self> {
        sql.try_into().ok().map(Self::from_bytes)
    }
}

impl Column for PersonKey {
    type Sql = Vec<u8>;
    const TYPE: Type = Type::BYTEA;

    fn write(&self) -> Result<Vec<u8>> {
        self.lookup().write()
    }

    fn read(sql: Vec<u8>) -> Option<Self> {
        LookupHash::read(sql).map(Into::into)
    }
}

/// Anything that is written as JSON.
#[derive(Debug, Clone)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize + DeserializeOwned> Column for Json<T> {
    type Sql = Document;
    const TYPE: Type = Type::JSON;

    fn write(&self) -> Result<Document> {
        let text = serde_json::to_string(&self.0);
        text.map(Document).map_err(|error| Error::new(voicecall_core::ErrorKind::Internal, "write").with_source(error))
    }

    fn read(sql: Document) -> Option<Self> {
        serde_json::from_str(&sql.0).ok().map(Self)
    }
}

/// The text of a JSON document, as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Document(pub(crate) String);

impl Column for Document {
    type Sql = Self;
    const TYPE: Type = Type::JSON;

    fn write(&self) -> Result<Self> {
        Ok(self.clone())
    }

    fn read(sql: Self) -> Option<Self> {
        Some(sql)
    }
}

impl ToSql for Document {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::JSON
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Document {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?.to_owned()))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::JSON
    }
}

/// Ids as one parameter.
pub(crate) fn uuids<'a>(ids: impl IntoIterator<Item = &'a SessionId>) -> Vec<Uuid> {
    ids.into_iter().map(|id| *id.as_uuid()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_durations_keep_their_nanoseconds() {
        for nanos in [0, 1, -1, 999_999_999, 1_800_000_000_123_456_789] {
            let at = Timestamp::from_nanosecond(nanos).unwrap();
            assert_eq!(Timestamp::read(at.write().unwrap()), Some(at));
        }
        let spoken = Duration::from_nanos(59_999_999_999);
        assert_eq!(Duration::read(spoken.write().unwrap()), Some(spoken));
    }

    #[test]
    fn what_cannot_be_kept_is_refused_and_only_bounds_are_cut() {
        assert_eq!(Timestamp::MAX.write().unwrap_err().field(), Some("instant"));
        assert_eq!(Bound(Timestamp::MAX).write().unwrap(), i64::MAX);
        assert_eq!(Bound(Timestamp::MIN).write().unwrap(), i64::MIN);
        assert_eq!(u64::MAX.write().unwrap_err().field(), Some("number"));
    }

    #[test]
    fn a_column_that_does_not_hold_what_it_should_is_not_read() {
        assert!(Json::<u32>::read(Document("\"+46701234567\"".to_owned())).is_none());
        assert!(Epoch::read(-1).is_none());
        assert!(LookupHash::read(vec![0; 15]).is_none());
        assert!(SessionStatus::read("levitating".to_owned()).is_none());
    }
}
