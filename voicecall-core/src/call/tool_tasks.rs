//! The tools of a call that are running, each in a task of its own.

use std::collections::HashMap;

use serde_json::Value;
use tokio::task::{AbortHandle, JoinSet};
use tracing::Instrument;

use crate::tool::{Tool, ToolCallId, ToolContext, ToolOutcome};

/// Tools that run at the same time in one call. What goes beyond is refused, which the model is told.
const MOST_TOOLS: usize = 16;

/// Running tools. Dropping it ends them.
#[derive(Debug, Default)]
pub(super) struct ToolTasks {
    tasks: JoinSet<(ToolCallId, ToolOutcome)>,
    running: HashMap<ToolCallId, AbortHandle>,
}

impl ToolTasks {
    /// Begins a tool, or says why not.
    pub(super) fn start(
        &mut self,
        call: ToolCallId,
        tool: Option<Tool>,
        arguments: Value,
        context: ToolContext,
    ) -> Result<(), &'static str> {
        let tool = tool.ok_or("there is no such tool")?;
        if self.running.len() >= MOST_TOOLS {
            return Err("too many tools run at once");
        }
        let task = async move { (call, tool.run(arguments, context).await) };
        self.running.insert(call, self.tasks.spawn(task.in_current_span()));
        Ok(())
    }

    /// Gives up a tool.
    pub(super) fn cancel(&mut self, call: ToolCallId) {
        if let Some(handle) = self.running.remove(&call) {
            handle.abort();
        }
    }

    /// Waits for the next tool to come to its end. Cancelling this future loses nothing. Without a tool it waits forever.
    pub(super) async fn next(&mut self) -> (ToolCallId, ToolOutcome) {
        loop {
            match self.tasks.join_next().await {
                Some(Ok((call, outcome))) if self.running.remove(&call).is_some() => return (call, outcome),
                // It was given up.
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;

    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Nothing {}

    fn start(tasks: &mut ToolTasks, number: u32, tool: Option<Tool>) -> Result<(), &'static str> {
        let call = ToolCallId(number);
        tasks.start(call, tool, serde_json::json!({}), ToolContext::new(SessionId::new(), call))
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_tool_that_was_given_up_nothing_comes() {
        let tool = Tool::new("x", "").handler(|_: Nothing, _| async { Ok(()) });
        let mut tasks = ToolTasks::default();
        for number in 1..=2 {
            start(&mut tasks, number, Some(tool.clone())).unwrap();
        }
        tasks.cancel(ToolCallId(1));
        assert_eq!(tasks.next().await.0, ToolCallId(2));
        let more = tokio::time::timeout(std::time::Duration::from_secs(60), tasks.next()).await;
        assert!(more.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_sixteen_at_once_and_unknown_ones_are_refused() {
        let tool = Tool::new("x", "").handler(|_: Nothing, _| std::future::pending::<crate::Result<()>>());
        let mut tasks = ToolTasks::default();
        for number in 0..16 {
            start(&mut tasks, number, Some(tool.clone())).unwrap();
        }
        assert_eq!(start(&mut tasks, 16, Some(tool)), Err("too many tools run at once"));
        assert_eq!(start(&mut tasks, 17, None), Err("there is no such tool"));
    }
}
