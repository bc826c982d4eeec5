//! `response.create`: what a response is made of, and where it differs from the session.

use serde_json::Value;

use super::conversation::Conversation;
use super::error::EventError;
use super::fields::Fields;
use super::item::Item;
use super::items;
use super::overrides;
use super::settings::{MaxTokens, Modality, OutputSettings, Settings, Tools};

const KNOWN: &[&str] = &[
    "output_modalities",
    "instructions",
    "audio",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "max_output_tokens",
    "conversation",
    "metadata",
    "prompt",
    "input",
];

/// The most pairs of `metadata`.
const MOST_METADATA: usize = 16;

/// A response that is asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) modality: Modality,
    pub(super) instructions: String,
    pub(super) output: OutputSettings,
    pub(super) tools: Tools,
    pub(super) max_tokens: MaxTokens,
    /// Whether it leaves the conversation as it is.
    pub(super) is_aside: bool,
    /// What it answers, where that is not the conversation.
    pub(super) input: Option<Vec<Item>>,
    pub(super) metadata: Value,
}

impl Request {
    /// Reads the `response` of an event. `has_spoken` says whether audio was produced before.
    pub(super) fn read(
        response: Option<&Value>,
        settings: &Settings,
        conversation: &Conversation,
        has_spoken: bool,
        new_id: impl FnMut(&str) -> String,
    ) -> Result<Self, EventError> {
        let mut request = Self {
            modality: settings.modality,
            instructions: settings.instructions.clone(),
            output: settings.output.clone(),
            tools: settings.tools.clone(),
            max_tokens: settings.max_tokens,
            is_aside: false,
            input: None,
            metadata: Value::Null,
        };
        let Some(response) = response else { return Ok(request) };
        let fields = Fields::of("response", response, KNOWN)?;
        if fields.some("prompt").is_some() {
            return Err(fields.not_simulated("prompt", "keep prompts"));
        }
        overrides::modality(&fields, &mut request.modality)?;
        if let Some(text) = fields.text("instructions")? {
            text.clone_into(&mut request.instructions);
        }
        if let Some(audio) = fields.object("audio", &["output"])?
            && let Some(output) = audio.object("output", &["format", "voice"])?
        {
            overrides::output(&output, &mut request.output, has_spoken)?;
        }
        overrides::tools(&fields, &mut request.tools)?;
        overrides::reasoning(&fields)?;
        overrides::max_tokens(&fields, &mut request.max_tokens)?;
        request.is_aside = fields.one_of("conversation", &["auto", "none"])? == Some("none");
        request.metadata = read_metadata(&fields)?;
        request.input = read_input(&fields, settings, conversation, new_id)?;
        Ok(request)
    }
}

fn read_metadata(fields: &Fields<'_>) -> Result<Value, EventError> {
    let Some(metadata) = fields.some("metadata") else { return Ok(Value::Null) };
    let pairs =
        metadata.as_object().filter(|pairs| pairs.len() <= MOST_METADATA && pairs.values().all(Value::is_string));
    pairs.ok_or_else(|| fields.wrong_type("metadata", "an object of at most 16 strings"))?;
    Ok(metadata.clone())
}

fn read_input(
    fields: &Fields<'_>,
    settings: &Settings,
    conversation: &Conversation,
    mut new_id: impl FnMut(&str) -> String,
) -> Result<Option<Vec<Item>>, EventError> {
    let Some(input) = fields.list("input")? else { return Ok(None) };
    let read = |(path, item): (String, &Value)| {
        if item.get("type").is_none_or(|kind| kind != "item_reference") {
            return items::read(&path, item, settings.input.format, &mut new_id);
        }
        let reference = Fields::of(path, item, &["type", "id"])?;
        let id = reference.required_text("id")?;
        let found = conversation.items().iter().find(|item| item.id == id);
        found.cloned().ok_or_else(|| reference.invalid("id", format!("the item with id '{id}' does not exist.")))
    };
    input.into_iter().map(read).collect::<Result<_, _>>().map(Some)
}
