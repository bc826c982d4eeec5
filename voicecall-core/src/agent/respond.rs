//! A cascade's response: the model's words go to the voice sentence by sentence while the model goes on writing.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::try_join;
use tracing::instrument;

use super::cascade::{Outbox, Voice};
use super::sentences::Sentences;
use super::{AgentEvent, Respond};
use crate::error::Result;
use crate::model::{ChatDelta, ChatRequest, LanguageModel};

/// Sentences that wait for the voice. When they do, the model waits too.
const SENTENCES: usize = 32;

/// Answers aloud: one part reads the model, the other speaks what is complete.
pub(super) async fn respond(llm: Arc<dyn LanguageModel>, request: Respond, voice: Voice) -> Result<()> {
    let (sentences, waiting) = mpsc::channel(SENTENCES);
    try_join!(write(llm, request, voice.outbox.clone(), Some(sentences)), speak(voice, waiting))?;
    Ok(())
}

/// Reads the model, and hands its sentences to a voice if there is one.
#[instrument(skip_all, fields(provider = llm.name()))]
pub(super) async fn write(
    llm: Arc<dyn LanguageModel>,
    request: Respond,
    outbox: Outbox,
    sentences: Option<mpsc::Sender<String>>,
) -> Result<()> {
    let Respond { messages, tools, max_tokens } = request;
    let mut answer = llm.chat(ChatRequest::new(messages, max_tokens).with_tools(tools));
    let mut splitter = Sentences::new();
    while let Some(delta) = answer.next().await.transpose()? {
        match delta {
            ChatDelta::Text(text) => {
                if sentences.is_some() {
                    splitter.push(&text);
                }
                outbox.post(AgentEvent::Token(text)).await;
                while let Some(sentences) = &sentences
                    && let Some(sentence) = splitter.next_complete()
                {
                    // Without a receiver the voice has failed, and with it the response.
                    let _ = sentences.send(sentence).await;
                }
            }
            ChatDelta::ToolCall(call) => outbox.post(AgentEvent::ToolCall(call)).await,
            ChatDelta::Usage(usage) => outbox.post(AgentEvent::Usage(usage)).await,
        }
    }
    outbox.post(AgentEvent::TextDone).await;
    if let (Some(sentences), Some(rest)) = (sentences, splitter.finish()) {
        let _ = sentences.send(rest).await;
    }
    Ok(())
}

async fn speak(voice: Voice, mut sentences: mpsc::Receiver<String>) -> Result<()> {
    let mut spoken = 0;
    while let Some(sentence) = sentences.recv().await {
        voice.outbox.post(AgentEvent::Segment(sentence.clone())).await;
        spoken = voice.speak(sentence, spoken).await?;
    }
    Ok(())
}
