//! Everything that is wrong with the environment, told at once.

use std::error::Error as _;
use std::fmt;

use voicecall::{Error, ErrorKind, Result};

use super::purpose::purpose;

/// What is missing or wrong. Nobody has to start the program once for each.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Error>);

impl Problems {
    /// The value, or `None` and one more problem.
    pub(crate) fn take<T>(&mut self, read: Result<T>) -> Option<T> {
        read.map_err(|error| self.0.push(error)).ok()
    }

    /// # Errors
    /// All of them, if there are any.
    pub(crate) fn check(self) -> std::result::Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the environment is incomplete or wrong (.env.example names every variable; `serve --simulated` needs none):"
        )?;
        let mut told = Vec::new();
        for error in &self.0 {
            let line = match error.field().and_then(purpose) {
                Some(purpose) => format!("{}; {purpose}", in_words(error)),
                None => in_words(error),
            };
            // Several services may lack the same variable.
            if !told.contains(&line) {
                write!(f, "\n  {line}")?;
                told.push(line);
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// An error for whoever started the program: of a setting only its name and what is wrong with it.
pub(crate) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    error.downcast_ref().map_or_else(|| error.to_string(), in_words)
}

fn in_words(error: &Error) -> String {
    match (error.kind(), error.field(), error.message()) {
        (ErrorKind::Config | ErrorKind::Invalid, Some(field), Some(message)) => format!("{field}: {message}"),
        _ => match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}
