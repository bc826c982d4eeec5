//! Running a handler so that whatever it does ends in an outcome: in time, within bounds, and with nothing torn down.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use serde_json::Value;
use tokio::time::timeout;
use tracing::error;

use super::{MOST_RESULT_BYTES, Tool, ToolContext, ToolEffect, ToolOutcome};
use crate::error::{Error, ErrorKind, Result};

impl Tool {
    /// Runs the handler to its one outcome, be it a panic. Dropping the future cancels it.
    pub async fn run(&self, arguments: Value, call: ToolContext) -> ToolOutcome {
        // The handler itself, not only its future, may panic.
        let work = AssertUnwindSafe(async { (self.handler)(arguments, call)?.await }).catch_unwind();
        match timeout(self.time_limit, work).await {
            Ok(Ok(result)) => self.outcome(result),
            Ok(Err(_)) => {
                error!(tool = self.name(), "a tool panicked");
                failed("the tool is broken")
            }
            Err(_) => failed("the tool took too long"),
        }
    }

    fn outcome(&self, result: Result<Value>) -> ToolOutcome {
        match result {
            Ok(value) if value.to_string().len() > MOST_RESULT_BYTES => {
                error!(tool = self.name(), "a tool returned more than {MOST_RESULT_BYTES} bytes");
                failed("the result is too long")
            }
            Ok(value) => ToolOutcome::Returned(value),
            // What changes nothing has failed, whether or not it ran.
            Err(error) if error.kind() == ErrorKind::UnknownOutcome && self.effect != ToolEffect::None => {
                ToolOutcome::Unknown
            }
            Err(error) => ToolOutcome::Failed(reason(&error)),
        }
    }
}

fn failed(reason: &str) -> ToolOutcome {
    ToolOutcome::Failed(reason.to_owned())
}

/// What the model is told of an error: its message if it has one, which is written for that; never its sources.
pub(crate) fn reason(error: &Error) -> String {
    error.message().map_or_else(|| error.kind().as_str().to_owned(), ToOwned::to_owned)
}
