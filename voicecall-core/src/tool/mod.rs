//! Tools: what a model may have done during a call, from the type of its arguments to the handler that does it.
//!
//! A handler never sees a call that does not fit its arguments' type (or, where the schema is known only at run time, is
//! no JSON object), runs no longer than its time limit, and takes nothing else with it when it panics. What the call's journal holds before and after it is decided by
//! [`ToolEffect`].

mod context;
mod outcome;
mod run;
mod schema;
mod set;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use context::{ToolCallId, ToolContext};
pub use outcome::{ToolOutcome, ToolState};
pub(crate) use run::reason;
pub use set::Tools;

use crate::error::{Error, ErrorKind, Result};
use crate::model::ToolSpec;

/// The most bytes of JSON a tool may return: 64 KiB. A model reads all of it before its next word.
pub const MOST_RESULT_BYTES: usize = 64 * 1024;

/// What it means to run a tool twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolEffect {
    /// It changes nothing. Runs at once, and again after a crash.
    #[default]
    None,
    /// It changes something, and its receiver does it once per [key](ToolContext::key). Runs once the call of it is
    /// stored, and again with the same key after a crash.
    Idempotent,
    /// It changes something each time. Runs once the call of it is stored, and never again: after a crash in between
    /// nobody knows whether it did, which the dialogue is told as [`ToolOutcome::Unknown`].
    Once,
}

/// What becomes of a running tool when the caller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AfterInterruption {
    /// It is finished, and the caller's words are answered together with its result.
    #[default]
    Finish,
    /// It is cancelled and the caller's words are answered at once. For tools without an effect.
    Cancel,
}

type Handler = dyn Fn(Value, ToolContext) -> Result<BoxFuture<'static, Result<Value>>> + Send + Sync;

/// Something a model may have done during a call. Cheap to clone.
///
/// ```
/// use voicecall_core::tool::Tool;
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Day {
///     /// The day of the week, in English.
///     day: String,
/// }
///
/// let opening_hours = Tool::new("opening_hours", "When the bakery is open on a day")
///     .handler(|args: Day, _call| async move { Ok(format!("On {} from 8 to 18.", args.day)) });
/// assert_eq!(opening_hours.spec().parameters["required"][0], "day");
/// ```
#[derive(Clone)]
pub struct Tool {
    spec: ToolSpec,
    handler: Arc<Handler>,
    effect: ToolEffect,
    time_limit: Duration,
    filler: Option<String>,
    after_interruption: AfterInterruption,
    confirm: Option<String>,
}

impl Tool {
    /// Names a tool and says, for the model, what it does and when to call it. The name has 1 to 64 characters out of
    /// `A-Z a-z 0-9 _ -`; whoever takes the tool refuses another.
    #[must_use]
    #[expect(clippy::new_ret_no_self, reason = "a tool without a handler is none")]
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> ToolBuilder {
        ToolBuilder { name: name.into(), description: description.into() }
    }

    /// What it means to run it twice; [`ToolEffect::None`] if not said.
    #[must_use]
    pub const fn effect(mut self, effect: ToolEffect) -> Self {
        self.effect = effect;
        self
    }

    /// The longest it may run; 10 s if not said. After it the model is told that the tool took too long.
    #[must_use]
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// What the caller hears when it takes longer than a second.
    #[must_use]
    pub fn filler(mut self, text: impl Into<String>) -> Self {
        self.filler = Some(text.into());
        self
    }

    /// What becomes of it when the caller speaks while it runs; it is finished if not said.
    #[must_use]
    pub const fn after_interruption(mut self, what: AfterInterruption) -> Self {
        self.after_interruption = what;
        self
    }

    /// Has the caller asked this, word for word, before it runs, whatever the model thinks it has heard. It runs only if
    /// the caller says yes to the whole question. `{name}` stands for the argument `name`:
    /// `"Shall I book a table for {people}?"`.
    #[must_use]
    pub fn confirm(mut self, question: impl Into<String>) -> Self {
        self.confirm = Some(question.into());
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// What the model is told of it.
    #[must_use]
    pub const fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    /// What it means to run it twice.
    #[must_use]
    pub const fn effects(&self) -> ToolEffect {
        self.effect
    }

    /// What the caller hears when it takes long.
    #[must_use]
    pub fn filler_text(&self) -> Option<&str> {
        self.filler.as_deref()
    }

    /// Whether it is cancelled when the caller speaks.
    #[must_use]
    pub fn is_cancelled_by_speech(&self) -> bool {
        self.after_interruption == AfterInterruption::Cancel
    }

    /// The question the caller has to say yes to before it runs with these arguments, if there is one.
    #[must_use]
    pub fn confirmation(&self, arguments: &Value) -> Option<String> {
        let question = self.confirm.clone()?;
        let arguments = arguments.as_object().into_iter().flatten();
        Some(arguments.fold(question, |question, (name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            question.replace(&format!("{{{name}}}"), &text)
        }))
    }

    /// Reads a model's arguments: JSON that fits the type of the handler's. Nothing is run.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with a message for the model that says what does not fit.
    pub fn validate(&self, arguments: &str) -> Result<Value> {
        let text = if arguments.trim().is_empty() { "{}" } else { arguments };
        let value: Value = serde_json::from_str(text).map_err(|error| misfit(&error))?;
        // Making the future reads the arguments and begins nothing: futures do not run until they are polled.
        drop((self.handler)(value.clone(), ToolContext::nowhere())?);
        Ok(value)
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.spec.name).field("effect", &self.effect).finish_non_exhaustive()
    }
}

/// A tool that has no handler yet.
#[derive(Debug, Clone)]
pub struct ToolBuilder {
    name: String,
    description: String,
}

impl ToolBuilder {
    /// What does it. The model is shown the JSON schema of `T`, field documentation included, and `handler` gets only
    /// arguments that fit it. An error's message is told to the model, so it says what went wrong and holds no secret. An
    /// error of kind [`ErrorKind::UnknownOutcome`] of a tool with an effect is [`ToolOutcome::Unknown`].
    #[must_use]
    pub fn handler<T, R, F, Fut>(self, handler: F) -> Tool
    where
        T: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + Send + 'static,
        F: Fn(T, ToolContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.finish(schema::strict::<T>(), move |arguments, call| {
            let arguments: T = serde_json::from_value(arguments).map_err(|error| misfit(&error))?;
            let handler = Arc::clone(&handler);
            Ok(Box::pin(async move {
                let result = handler(arguments, call).await?;
                serde_json::to_value(result)
                    .map_err(|error| Error::new(ErrorKind::Internal, "run tool").with_source(error))
            }))
        })
    }

    /// What does it, for arguments whose JSON schema is known only at run time, such as one that another program sends.
    /// The model is shown `schema` as it is, and `handler` gets any JSON object: whether it fits the schema is checked by
    /// whoever does the work. Where a type can be written, [`handler`](Self::handler) checks before anything runs, and
    /// before the caller is asked to [`confirm`](Tool::confirm).
    ///
    /// ```
    /// use serde_json::json;
    /// use voicecall_core::tool::Tool;
    ///
    /// let schema = json!({ "type": "object", "properties": { "day": { "type": "string" } }, "required": ["day"] });
    /// let opening_hours = Tool::new("opening_hours", "When the bakery is open on a day")
    ///     .handler_with_schema(schema, |args, _call| async move { Ok(json!({ "day": args["day"], "from": "08:00" })) });
    /// assert!(opening_hours.validate("[]").is_err());
    /// ```
    #[must_use]
    pub fn handler_with_schema<F, Fut>(self, schema: Value, handler: F) -> Tool
    where
        F: Fn(Value, ToolContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.finish(schema, move |arguments, call| {
            if !arguments.is_object() {
                return Err(Error::new(ErrorKind::Invalid, "read tool arguments")
                    .with_field("arguments")
                    .with_message("the arguments are not a JSON object"));
            }
            let handler = Arc::clone(&handler);
            // The handler itself runs no sooner than its future: validating must not begin anything.
            Ok(Box::pin(async move { handler(arguments, call).await }))
        })
    }

    fn finish(
        self,
        parameters: Value,
        handler: impl Fn(Value, ToolContext) -> Result<BoxFuture<'static, Result<Value>>> + Send + Sync + 'static,
    ) -> Tool {
        Tool {
            spec: ToolSpec { name: self.name, description: self.description, parameters },
            handler: Arc::new(handler),
            effect: ToolEffect::default(),
            time_limit: Duration::from_secs(10),
            filler: None,
            after_interruption: AfterInterruption::default(),
            confirm: None,
        }
    }
}

fn misfit(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Invalid, "read tool arguments").with_field("arguments").with_message(error.to_string())
}

#[cfg(test)]
mod tests;
