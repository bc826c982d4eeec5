//! What a session and a single response may both say: modality, tools, length, voice.

use serde_json::Value;

use super::super::json::is_name;
use super::error::EventError;
use super::fields::Fields;
use super::format::Format;
use super::settings::{MaxTokens, Modality, OutputSettings, Tools};

/// The longest response that may be asked for, in tokens.
const MOST_TOKENS: u64 = 4096;

pub(super) fn modality(fields: &Fields<'_>, modality: &mut Modality) -> Result<(), EventError> {
    let Some(list) = fields.list("output_modalities")? else { return Ok(()) };
    let words: Vec<&str> = list.iter().filter_map(|(_, value)| value.as_str()).collect();
    *modality = match (&words[..], list.len()) {
        (["audio"], 1) => Modality::Audio,
        (["text"], 1) => Modality::Text,
        _ => {
            let reason = "Invalid modalities. Supported combinations are: ['text'] and ['audio'].";
            return Err(fields.invalid("output_modalities", reason));
        }
    };
    Ok(())
}

pub(super) fn tools(fields: &Fields<'_>, tools: &mut Tools) -> Result<(), EventError> {
    if let Some(given) = fields.list("tools")? {
        given.iter().try_for_each(|(path, tool)| check_tool(path, tool))?;
        tools.given = given.into_iter().map(|(_, tool)| tool.clone()).collect();
    }
    match fields.get("tool_choice") {
        None => {}
        Some(choice) if choice == "auto" => tools.may_call = true,
        Some(choice) if choice == "none" => tools.may_call = false,
        Some(_) => return Err(fields.not_simulated("tool_choice", "call tools otherwise than by its rules")),
    }
    if let Some(parallel) = fields.flag("parallel_tool_calls")? {
        tools.parallel = parallel;
    }
    Ok(())
}

fn check_tool(path: &str, tool: &Value) -> Result<(), EventError> {
    if tool.get("type").is_some_and(|kind| kind == "mcp") {
        return Err(EventError::not_simulated(format!("{path}.type"), "call tools of MCP servers"));
    }
    let fields = Fields::of(path, tool, &["type", "name", "description", "parameters"])?;
    fields.one_of("type", &["function"])?.ok_or_else(|| EventError::missing(&fields.path("type")))?;
    if !is_name(fields.required_text("name")?) {
        return Err(fields.invalid("name", "Expected a string that matches '^[a-zA-Z0-9_-]{1,64}$'."));
    }
    fields.text("description")?;
    if fields.get("parameters").is_some_and(|parameters| !parameters.is_object()) {
        return Err(fields.wrong_type("parameters", "an object"));
    }
    Ok(())
}

pub(super) fn max_tokens(fields: &Fields<'_>, most: &mut MaxTokens) -> Result<(), EventError> {
    match fields.get("max_output_tokens") {
        None => {}
        Some(given) if given == "inf" => *most = MaxTokens(None),
        Some(given) => {
            let count = given.as_u64().filter(|count| (1..=MOST_TOKENS).contains(count));
            let count = count.and_then(|count| usize::try_from(count).ok());
            let expected = "an integer from 1 to 4096, or 'inf'";
            *most = MaxTokens(Some(count.ok_or_else(|| fields.wrong_type("max_output_tokens", expected))?));
        }
    }
    Ok(())
}

/// The `reasoning`, if it is given. The simulated model thinks at the pace of its scenario, whatever the effort.
pub(super) fn reasoning(fields: &Fields<'_>) -> Result<Option<Value>, EventError> {
    let Some(reasoning) = fields.object("reasoning", &["effort"])? else { return Ok(None) };
    reasoning.one_of("effort", &["minimal", "low", "medium", "high", "xhigh"])?;
    Ok(fields.get("reasoning").cloned())
}

/// The format and the voice of `audio.output`. `has_spoken` says whether audio was produced before.
pub(super) fn output(fields: &Fields<'_>, output: &mut OutputSettings, has_spoken: bool) -> Result<(), EventError> {
    if let Some(format) = fields.object("format", &["type", "rate"])? {
        output.format = Format::read(&format)?;
    }
    let Some(voice) = fields.get("voice") else { return Ok(()) };
    let name = voice.as_str().or_else(|| voice.get("id")?.as_str());
    if name.is_none_or(str::is_empty) {
        return Err(fields.wrong_type("voice", "a string or an object with an 'id'"));
    }
    if has_spoken && *voice != output.voice {
        let reason = "Cannot update a conversation's voice if assistant audio is present.";
        return Err(EventError::conflict("cannot_update_voice", reason));
    }
    output.voice = voice.clone();
    Ok(())
}
