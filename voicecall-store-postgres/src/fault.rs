//! What can go wrong inside a transaction, and what the caller is told.

use std::borrow::Cow;

use tokio_postgres::error::SqlState;
use voicecall_core::{Error, ErrorKind};

/// What a piece of work on the database comes to.
pub(crate) type Outcome<T> = Result<T, Fault>;

/// Why a piece of work failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A rule of the store forbids it.
    Refused(Error),
    /// There is no such row, or not for this tenant.
    NotFound,
    /// The column does not hold what it should. What stands there is told only if it is one word: it may be personal.
    Unreadable(String, Option<String>),
    /// PostgreSQL could not or would not.
    Postgres(tokio_postgres::Error),
    /// The connection broke while the transaction was being committed.
    UnknownOutcome,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl Fault {
    pub(crate) fn conflict(operation: &'static str, message: &'static str) -> Self {
        Self::Refused(Error::new(ErrorKind::Conflict, operation).with_message(message))
    }

    /// The error for the caller. Of what the server writes, only codes and names are told: its texts quote values.
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        let told = |kind| Error::new(kind, operation).with_provider("postgres");
        match self {
            Self::Refused(error) => error,
            Self::NotFound => Error::new(ErrorKind::NotFound, operation),
            Self::Unreadable(column, None) => {
                told(ErrorKind::Internal).with_message(format!("the column {column} does not hold what it should"))
            }
            Self::Unreadable(column, Some(word)) => told(ErrorKind::Internal)
                .with_message(format!("the column {column} holds {word:?}, which this version does not know")),
            Self::UnknownOutcome => told(ErrorKind::UnknownOutcome)
                .with_message("the connection broke while the transaction was being committed"),
            Self::Postgres(error) => match error.as_db_error() {
                Some(refusal) => {
                    let (kind, message) = meaning(refusal);
                    told(kind).with_code(refusal.code().code().to_owned()).with_message(message)
                }
                // The driver's own errors hold no values.
                None => told(ErrorKind::Unavailable).with_message(driver_message(&error)),
            },
        }
    }
}

fn driver_message(error: &tokio_postgres::Error) -> Cow<'static, str> {
    if error.is_closed() {
        return "the connection is closed".into();
    }
    match std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>()) {
        Some(cause) => format!("the connection failed: {}", cause.kind()).into(),
        None => "the connection failed".into(),
    }
}

fn meaning(refusal: &tokio_postgres::error::DbError) -> (ErrorKind, Cow<'static, str>) {
    let code = refusal.code();
    let message = match *code {
        SqlState::UNIQUE_VIOLATION => return (ErrorKind::Conflict, "it exists".into()),
        SqlState::T_R_SERIALIZATION_FAILURE => "another transaction was first",
        SqlState::T_R_DEADLOCK_DETECTED => "two transactions waited for each other",
        SqlState::LOCK_NOT_AVAILABLE => "somebody else keeps the row locked",
        SqlState::TOO_MANY_CONNECTIONS => "the server has no connection left",
        SqlState::DISK_FULL => "the server's disk is full",
        SqlState::READ_ONLY_SQL_TRANSACTION => "the server takes no writes: is it a standby?",
        SqlState::QUERY_CANCELED => return (ErrorKind::Timeout, "the statement took too long".into()),
        SqlState::INSUFFICIENT_PRIVILEGE => {
            return (ErrorKind::Config, "roles with their rights: run the migrations, and see `roles_sql`".into());
        }
        SqlState::UNDEFINED_TABLE | SqlState::INVALID_SCHEMA_NAME => {
            return (ErrorKind::Config, "a migrated database: run the migrations".into());
        }
        SqlState::CHARACTER_NOT_IN_REPERTOIRE | SqlState::UNTRANSLATABLE_CHARACTER => {
            return (ErrorKind::Invalid, "text without a zero character".into());
        }
        _ => return meaning_of_class(refusal),
    };
    (ErrorKind::Unavailable, message.into())
}

fn meaning_of_class(refusal: &tokio_postgres::error::DbError) -> (ErrorKind, Cow<'static, str>) {
    match refusal.code().code().get(..2) {
        // Connection exception; insufficient resources; operator intervention; system error.
        Some("08" | "53" | "57" | "58") => (ErrorKind::Unavailable, "the server cannot work now".into()),
        Some("28" | "3D") => (ErrorKind::Config, "a server, a database and a role that may log in".into()),
        // Data exception; integrity constraint violation.
        Some("22" | "23") => {
            let what = refusal.constraint().or(refusal.column()).or(refusal.table()).map(str::to_owned);
            (
                ErrorKind::Invalid,
                what.map_or("a value out of its range".into(), |name| format!("a value that {name} takes").into()),
            )
        }
        _ => (ErrorKind::Internal, "the server refused the statement".into()),
    }
}
