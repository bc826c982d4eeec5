//! Everything that is wrong with the environment, told at once.

use std::fmt;

use voicecall::{Error, Result};

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
            let line = match (error.field(), error.message()) {
                (Some(field), Some(message)) => format!("{field}: {message}"),
                _ => error.to_string(),
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
