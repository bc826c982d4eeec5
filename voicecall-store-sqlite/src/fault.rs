//! What can go wrong inside a transaction, and what the caller is told.

use rusqlite::{ErrorCode, ffi};
use voicecall_core::{Error, ErrorKind};

use crate::column::UnknownWord;

/// What a piece of work on the database comes to.
pub(crate) type Outcome<T> = Result<T, Fault>;

/// Why a piece of work failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A rule of the store forbids it.
    Refused(Error),
    /// SQLite could not or would not.
    Sqlite(rusqlite::Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    pub(crate) fn conflict(operation: &'static str, message: &'static str) -> Self {
        Self::Refused(Error::new(ErrorKind::Conflict, operation).with_message(message))
    }

    /// The error for the caller. SQLite's own texts name tables and columns, never values.
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        let error = match self {
            Self::Refused(error) => return error,
            Self::Sqlite(error) => error,
        };
        if matches!(error, rusqlite::Error::QueryReturnedNoRows) {
            return Error::new(ErrorKind::NotFound, operation);
        }
        if let rusqlite::Error::FromSqlConversionFailure(_, _, source) = &error
            && let Some(unknown) = source.downcast_ref::<UnknownWord>()
        {
            let message = unknown.to_string();
            return Error::new(ErrorKind::Internal, operation).with_provider("sqlite").with_message(message);
        }
        let Some(failure) = error.sqlite_error().copied() else {
            return Error::new(ErrorKind::Internal, operation).with_provider("sqlite").with_source(error);
        };
        let (kind, message) = meaning(failure);
        let told = Error::new(kind, operation).with_provider("sqlite").with_code(code(failure)).with_source(error);
        match (kind, message) {
            (ErrorKind::Config, Some(message)) => told.with_field("path").with_message(message),
            (_, Some(message)) => told.with_message(message),
            (_, None) => told,
        }
    }
}

fn meaning(failure: ffi::Error) -> (ErrorKind, Option<&'static str>) {
    match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            (ErrorKind::Unavailable, Some("another process keeps the file locked"))
        }
        ErrorCode::DiskFull => (ErrorKind::Unavailable, Some("the disk is full")),
        ErrorCode::SystemIoFailure => (ErrorKind::Unavailable, Some("the disk failed")),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            (ErrorKind::Config, Some("a database: the file is damaged or something else"))
        }
        ErrorCode::CannotOpen => (ErrorKind::Config, Some("a file that can be opened")),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => (ErrorKind::Config, Some("a file that can be written")),
        ErrorCode::ConstraintViolation => match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                (ErrorKind::Conflict, Some("it exists"))
            }
            _ => (ErrorKind::Invalid, Some("a value out of its range")),
        },
        _ => (ErrorKind::Internal, None),
    }
}

fn code(failure: ffi::Error) -> String {
    let name = match failure.code {
        ErrorCode::DatabaseBusy => "SQLITE_BUSY",
        ErrorCode::DatabaseLocked => "SQLITE_LOCKED",
        ErrorCode::DiskFull => "SQLITE_FULL",
        ErrorCode::SystemIoFailure => "SQLITE_IOERR",
        ErrorCode::DatabaseCorrupt => "SQLITE_CORRUPT",
        ErrorCode::NotADatabase => "SQLITE_NOTADB",
        ErrorCode::CannotOpen => "SQLITE_CANTOPEN",
        ErrorCode::ReadOnly => "SQLITE_READONLY",
        ErrorCode::ConstraintViolation => "SQLITE_CONSTRAINT",
        _ => return failure.extended_code.to_string(),
    };
    name.to_owned()
}
