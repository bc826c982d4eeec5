//! Who answers: instructions, and what may be done besides speaking. A hand-off changes it in the middle of a call.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::carrier::Digits;
use crate::error::{Error, Result};
use crate::model::ToolSpec;
use crate::phone::PhoneNumber;
use crate::tool::{Tool, Tools};

/// The tools of every persona that has use for them.
const END_CALL: &str = "end_call";
const TRANSFER_CALL: &str = "transfer_call";
const HAND_OFF: &str = "hand_off";
const PRESS_KEYS: &str = "press_keys";

/// One who answers.
#[derive(Debug, Clone)]
pub(super) struct Persona {
    /// The name for hand-offs; empty for the first.
    pub(super) name: String,
    pub(super) instructions: String,
    pub(super) tools: Vec<Tool>,
    pub(super) transfers: Vec<(String, PhoneNumber)>,
    pub(super) presses_keys: bool,
}

/// What a model wants of the dialogue itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Builtin {
    EndCall,
    Transfer(String),
    HandOff(String),
    PressKeys(Digits),
}

impl Persona {
    pub(super) const fn new(instructions: String) -> Self {
        Self { name: String::new(), instructions, tools: Vec::new(), transfers: Vec::new(), presses_keys: false }
    }

    pub(super) fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name() == name)
    }

    /// Everything the model may call, with hand-offs to these.
    pub(super) fn specs(&self, others: &[&str]) -> Vec<ToolSpec> {
        let mut specs: Vec<ToolSpec> = self.tools.iter().map(|tool| tool.spec().clone()).collect();
        specs.push(spec(END_CALL, "End the call after saying goodbye.", json!({})));
        if !self.transfers.is_empty() {
            let names: Vec<&str> = self.transfers.iter().map(|(name, _)| name.as_str()).collect();
            specs.push(spec(TRANSFER_CALL, "Transfer the call to a person. Tell the caller first.", choice(&names)));
        }
        if !others.is_empty() {
            specs.push(spec(HAND_OFF, "Hand the conversation to a colleague.", choice(others)));
        }
        if self.presses_keys {
            let keys = json!({ "keys": { "type": "string", "description": "0-9, *, #; w pauses for half a second" } });
            specs.push(spec(PRESS_KEYS, "Press keys on the telephone, as for a menu.", keys));
        }
        specs
    }

    /// Reads a call of one of the dialogue's own tools; `None` if it is none of them.
    pub(super) fn builtin(&self, name: &str, arguments: &str, others: &[&str]) -> Option<Result<Builtin>> {
        #[derive(Deserialize)]
        struct To {
            to: String,
        }
        #[derive(Deserialize)]
        struct Keys {
            keys: String,
        }
        let misfit = |field: &'static str| move |_| Error::invalid(field, "arguments that fit the schema");
        let to = || serde_json::from_str(arguments).map(|To { to }| to).map_err(misfit("to"));
        let unknown =
            |to: &str| Error::invalid("to", "one of the offered names").with_message(format!("there is no `{to}`"));
        match name {
            END_CALL => Some(Ok(Builtin::EndCall)),
            TRANSFER_CALL if !self.transfers.is_empty() => Some(to().and_then(|to| {
                let known = self.transfers.iter().any(|(name, _)| *name == to);
                if known { Ok(Builtin::Transfer(to)) } else { Err(unknown(&to)) }
            })),
            HAND_OFF if !others.is_empty() => Some(to().and_then(|to| {
                if others.contains(&to.as_str()) { Ok(Builtin::HandOff(to)) } else { Err(unknown(&to)) }
            })),
            PRESS_KEYS if self.presses_keys => Some(
                serde_json::from_str(arguments)
                    .map_err(misfit("keys"))
                    .and_then(|Keys { keys }| keys.parse().map(Builtin::PressKeys)),
            ),
            _ => None,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        if self.instructions.trim().is_empty() {
            return Err(Error::invalid("instructions", "what the model is to do"));
        }
        let mut tools = Tools::new();
        for tool in &self.tools {
            if [END_CALL, TRANSFER_CALL, HAND_OFF, PRESS_KEYS].contains(&tool.name()) {
                return Err(Error::invalid("tool.name", format!("names other than the built-in `{}`", tool.name())));
            }
            tools.add(tool.clone())?;
        }
        let is_empty = |name: &str| name.trim().is_empty();
        if self.transfers.iter().any(|(name, _)| is_empty(name)) {
            return Err(Error::invalid("transfer_to.name", "a name the model can choose by"));
        }
        Ok(())
    }
}

/// The hand-off that a call of a tool was, for whoever restores a conversation.
pub(super) fn hand_off_of(name: &str, arguments: &Value) -> Option<String> {
    (name == HAND_OFF).then(|| arguments.get("to")?.as_str().map(ToOwned::to_owned))?
}

fn spec(name: &str, description: &str, properties: Value) -> ToolSpec {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    let parameters =
        json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false });
    ToolSpec { name: name.to_owned(), description: description.to_owned(), parameters }
}

fn choice(names: &[&str]) -> Value {
    json!({ "to": { "type": "string", "enum": names } })
}
