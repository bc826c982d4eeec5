//! Who answers: instructions, and what may be done besides speaking. A hand-off changes it in the middle of a call.

use serde::Deserialize;
use serde_json::{Value, json};

use super::history::Call;
use super::phrases::Phrases;
use crate::carrier::{Digits, Say};
use crate::dialogue::LONGEST_ANNOUNCEMENT;
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
    pub(super) transfers: Vec<Target>,
    pub(super) presses_keys: bool,
}

/// Where a call may be transferred to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) number: PhoneNumber,
    /// Whether they are told of the call first, and may leave it to us.
    pub(super) is_warm: bool,
}

/// What a model wants of the dialogue itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Builtin {
    EndCall,
    Transfer {
        to: String,
        /// What a warm target is told.
        announcement: Option<Say>,
    },
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
            specs.push(self.transfer_spec());
        }
        if !others.is_empty() {
            let others = choice(others.iter().copied());
            specs.push(spec(HAND_OFF, "Hand the conversation to a colleague.", others));
        }
        if self.presses_keys {
            let keys = json!({ "keys": { "type": "string", "description": "0-9, *, #; w pauses for half a second" } });
            specs.push(spec(PRESS_KEYS, "Press keys on the telephone, as for a menu.", keys));
        }
        specs
    }

    pub(super) fn target(&self, name: &str) -> Option<&Target> {
        self.transfers.iter().find(|target| target.name == name)
    }

    fn transfer_spec(&self) -> ToolSpec {
        let mut properties = choice(self.transfers.iter().map(|target| target.name.as_str()));
        let warm: Vec<&str> =
            self.transfers.iter().filter(|target| target.is_warm).map(|target| target.name.as_str()).collect();
        if !warm.is_empty() {
            let all = warm.len() == self.transfers.len();
            let whom = if all { String::new() } else { format!(" For {}; empty for others.", warm.join(", ")) };
            let what = "Who calls and what about, in a sentence or two: the person hears it before they take the call.";
            properties["announcement"] = json!({ "type": "string", "description": format!("{what}{whom}") });
        }
        spec(TRANSFER_CALL, "Transfer the call to a person. Tell the caller first.", properties)
    }

    /// Reads a call of one of the dialogue's own tools; `None` if it is none of them.
    pub(super) fn builtin(&self, call: &Call, others: &[&str], phrases: &Phrases) -> Option<Result<Builtin>> {
        #[derive(Deserialize)]
        struct To {
            to: String,
        }
        #[derive(Deserialize)]
        struct Keys {
            keys: String,
        }
        #[derive(Deserialize)]
        struct Transfer {
            to: String,
            #[serde(default)]
            announcement: String,
        }
        let (name, arguments) = (&*call.name, &*call.arguments);
        let misfit = |field: &'static str| move |_| Error::invalid(field, "arguments that fit the schema");
        let to = || serde_json::from_str(arguments).map(|To { to }| to).map_err(misfit("to"));
        let unknown =
            |to: &str| Error::invalid("to", "one of the offered names").with_message(format!("there is no `{to}`"));
        match name {
            END_CALL => Some(Ok(Builtin::EndCall)),
            TRANSFER_CALL if !self.transfers.is_empty() => {
                let read = serde_json::from_str(arguments).map_err(misfit("to"));
                Some(read.and_then(|Transfer { to, announcement }| {
                    let target = self.target(&to).ok_or_else(|| unknown(&to))?;
                    let announcement = target.is_warm.then(|| announce(&announcement, phrases)).transpose()?;
                    Ok(Builtin::Transfer { to, announcement })
                }))
            }
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
        if self.transfers.iter().any(|target| target.name.trim().is_empty()) {
            return Err(Error::invalid("transfer_to.name", "a name the model can choose by"));
        }
        Ok(())
    }
}

/// What a warm target is told, in the model's words.
fn announce(words: &str, phrases: &Phrases) -> Result<Say> {
    if words.trim().is_empty() {
        let needed = "an `announcement`, what the person is told before they take the call";
        return Err(Error::invalid("announcement", needed));
    }
    let (own, say) = (words.trim().chars().count(), phrases.announce(words));
    let rest = say.text.chars().count() - own;
    if own + rest > LONGEST_ANNOUNCEMENT {
        let most = LONGEST_ANNOUNCEMENT.saturating_sub(rest);
        return Err(Error::invalid("announcement", format!("an `announcement` of at most {most} characters")));
    }
    Ok(say)
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

fn choice<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    json!({ "to": { "type": "string", "enum": names.collect::<Vec<_>>() } })
}
