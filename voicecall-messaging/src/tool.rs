//! A tool by which an agent in a call, or in another channel, sends a text.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use voicecall_core::tool::{Tool, ToolContext, ToolEffect};
use voicecall_core::{Address, Error, ErrorKind, Result, TenantId};

use crate::{Messenger, Outgoing};

#[derive(Debug, Deserialize, JsonSchema)]
struct Text {
    /// What to write, at most a few sentences.
    text: String,
}

impl Messenger {
    /// A tool by which a model sends a text message to whoever it talks to, in a call to their number or over another channel.
    /// It sends one message for each call of it, also after a crash.
    #[must_use]
    pub fn text_tool(self: &Arc<Self>, tenant: TenantId) -> Tool {
        let messenger = Arc::clone(self);
        Tool::new(
            "send_text_message",
            "Sends a text message to the person's phone, such as an address or a confirmation",
        )
        .handler(move |args: Text, call| {
            let messenger = Arc::clone(&messenger);
            async move { messenger.send_text(tenant, args.text, &call).await }
        })
        .effect(ToolEffect::Idempotent)
    }

    async fn send_text(
        self: &Arc<Self>,
        tenant: TenantId,
        text: String,
        call: &ToolContext,
    ) -> Result<serde_json::Value> {
        let session = self.store.session(tenant, call.session()).await?;
        let nowhere = || {
            Error::new(ErrorKind::Rejected, "send text")
                .with_message("the person's number is not known, or is no mobile phone")
        };
        let to = session.open_remote(&self.vault)?.map(|address| address.of_person()).ok_or_else(nowhere)?;
        if !matches!(to, Address::Phone(_)) {
            return Err(nowhere());
        }
        let message = self.conversations(tenant).send(Outgoing::text(to, text).key(call.key())).await?;
        Ok(json!({ "queued": true, "state": message.state.as_str() }))
    }
}
