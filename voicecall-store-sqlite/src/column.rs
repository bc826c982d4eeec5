//! How values stand in columns.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Result, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use voicecall_core::{LookupHash, Sealed, SealedAddress};

/// Anything that is written as its name: ids, statuses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<T>(pub(crate) T);

/// Anything that is written as JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json<T>(pub(crate) T);

/// An instant as RFC 3339 in UTC with nine digits of the second, so that text sorts as time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At(pub(crate) Timestamp);

/// A duration as seconds; a double keeps the nanoseconds of some weeks.
#[cfg(feature = "survey")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds(pub(crate) Duration);

/// A duration as milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Millis(pub(crate) Duration);

/// A number that never is negative; SQLite's are signed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count(pub(crate) u64);

/// One of a closed set of words. One that this version does not know is told with its column: it is no personal data.
pub(crate) fn word<T: FromStr>(row: &Row<'_>, column: &'static str) -> Result<T> {
    let value: String = row.get(column)?;
    value.parse().map_err(|_| {
        let unknown = UnknownWord { column, value };
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(unknown))
    })
}

/// A word that another version of the program wrote.
#[derive(Debug)]
pub(crate) struct UnknownWord {
    column: &'static str,
    value: String,
}

impl Display for UnknownWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the column {} holds {:?}, which this version does not know", self.column, self.value)
    }
}

impl std::error::Error for UnknownWord {}

/// A column that cannot be read. What stands there is not repeated: it may be personal.
#[derive(Debug)]
struct Unreadable;

impl Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the column does not hold what it should")
    }
}

impl std::error::Error for Unreadable {}

fn unreadable() -> FromSqlError {
    FromSqlError::Other(Box::new(Unreadable))
}

impl<T: Display> ToSql for Text<T> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(self.0.to_string().into())
    }
}

impl<T: FromStr> FromSql for Text<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(|_| unreadable())
    }
}

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(&self.0);
        Ok(text.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?.into())
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(|_| unreadable())
    }
}

impl ToSql for At {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(format!("{:.9}", self.0).into())
    }
}

impl FromSql for At {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(|_| unreadable())
    }
}

#[cfg(feature = "survey")]
impl ToSql for Seconds {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(self.0.as_secs_f64().into())
    }
}

#[cfg(feature = "survey")]
impl FromSql for Seconds {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Duration::try_from_secs_f64(value.as_f64()?).map(Self).map_err(|_| unreadable())
    }
}

impl ToSql for Millis {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok((self.0.as_secs_f64() * 1e3).into())
    }
}

impl FromSql for Millis {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Duration::try_from_secs_f64(value.as_f64()? / 1e3).map(Self).map_err(|_| unreadable())
    }
}

impl ToSql for Count {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        let number = i64::try_from(self.0).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(number.into())
    }
}

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u64::try_from(value.as_i64()?).map(Self).map_err(|_| unreadable())
    }
}

/// The address in two columns of a row.
pub(crate) fn address(row: &Row<'_>, sealed: &str, lookup: &str) -> Result<SealedAddress> {
    Ok(SealedAddress {
        sealed: Sealed::from_bytes(row.get(sealed)?),
        lookup: LookupHash::from_bytes(row.get::<_, [u8; 16]>(lookup)?),
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn written(value: &impl ToSql) -> String {
        match value.to_sql().unwrap() {
            ToSqlOutput::Owned(rusqlite::types::Value::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn instants_sort_as_text() {
        let base = Timestamp::from_second(1_800_000_000).unwrap();
        let steps = [0, 1, 10, 999_999_999, 1_000_000_000, 3_600_000_000_000];
        let texts: Vec<_> = steps.map(|nanos| written(&At(base + SignedDuration::from_nanos(nanos)))).into();
        assert!(texts.is_sorted());
        assert_eq!(texts[0], "2027-01-15T08:00:00.000000000Z");
        assert_eq!(written(&At(Timestamp::UNIX_EPOCH)).len(), 30);
        assert_eq!(written(&At(Timestamp::MAX)).len(), 30);
    }

    #[cfg(feature = "survey")]
    #[test]
    fn durations_keep_their_nanoseconds() {
        for nanos in [0, 1, 999_999_999, 59_999_999_999, 123_456_789_012_345] {
            let duration = Duration::from_nanos(nanos);
            let ToSqlOutput::Owned(seconds) = Seconds(duration).to_sql().unwrap() else { panic!() };
            let ToSqlOutput::Owned(millis) = Millis(duration).to_sql().unwrap() else { panic!() };
            assert_eq!(Seconds::column_result((&seconds).into()).unwrap().0, duration);
            assert_eq!(Millis::column_result((&millis).into()).unwrap().0, duration);
        }
    }

    #[test]
    fn an_unreadable_column_does_not_repeat_what_stands_there() {
        let error = Json::<u32>::column_result(ValueRef::Text(b"\"my number is +46701234567\"")).unwrap_err();
        assert!(!error.to_string().contains("+4670"), "{error}");
    }
}
