//! One call of a tool.

use rmcp::model::{CallToolRequestParams, JsonObject, RequestMetaObject};
use tracing::warn;
use voicecall_core::Result;
use voicecall_core::tool::ToolContext;

use crate::link::Link;
use crate::{content, failure};

/// The field of a request's `_meta` that carries the idempotency key.
const KEY: &str = "voicecall/key";

/// Has the server run a tool, by the server's own name for it. The request is sent once.
pub(crate) async fn call(
    link: &Link,
    tool: String,
    arguments: JsonObject,
    context: &ToolContext,
) -> Result<serde_json::Value> {
    let connection = link.connection().await?;
    let mut params = CallToolRequestParams::new(tool).with_arguments(arguments);
    let mut meta = RequestMetaObject::new();
    meta.insert(KEY.to_owned(), context.key().into());
    params.meta = Some(meta);
    match connection.ask(|server| server.call_tool(params)).await {
        Ok(result) => {
            link.answered();
            content::read(result)
        }
        Err(error) => {
            if failure::is_answer(&error) {
                link.answered();
            } else {
                link.lost(&connection);
            }
            let error = failure::of_request(&error);
            // Its message may repeat what the caller said.
            warn!(server = link.name(), kind = error.kind().as_str(), "a tool server did not do as it was asked");
            Err(error)
        }
    }
}
