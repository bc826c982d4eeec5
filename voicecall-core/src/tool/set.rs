//! The tools of one dialogue, by name.

use super::Tool;
use crate::error::{Error, Result};
use crate::model::ToolSpec;

/// Tools with different names, in the order they were added.
#[derive(Debug, Clone, Default)]
pub struct Tools(Vec<Tool>);

impl Tools {
    /// No tools.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for the field `tool.name` if the name is not allowed or taken, and
    /// for `tool.after_interruption` if a tool with an effect is to be cancelled in the middle of it.
    pub fn add(&mut self, tool: Tool) -> Result<()> {
        let name = tool.name();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !(1..=64).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(Error::invalid("tool.name", "1 to 64 characters out of A-Z a-z 0-9 _ -"));
        }
        if self.get(name).is_some() {
            return Err(Error::invalid("tool.name", format!("names that differ; `{name}` is taken")));
        }
        if tool.is_cancelled_by_speech() && tool.effects() == super::ToolEffect::Once {
            return Err(Error::invalid("tool.after_interruption", "`Finish` for a tool whose effect is `Once`"));
        }
        self.0.push(tool);
        Ok(())
    }

    /// The tool of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tool> {
        self.0.iter().find(|tool| tool.name() == name)
    }

    /// What a model is told of them.
    pub fn specs(&self) -> impl Iterator<Item = ToolSpec> + '_ {
        self.0.iter().map(|tool| tool.spec().clone())
    }
}
