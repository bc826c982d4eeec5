//! Call actions: the steps of a call as 46elks takes them, one JSON object within the other.

mod ask;
mod sound;

use serde_json::{Map, Value, json};
use voicecall_core::carrier::{CallFlow, CallStep, Dial, RejectReason, StartRecording, StreamTarget};
use voicecall_core::{Error, Result};

use self::ask::{keys, message};
use self::sound::{play, press, say};
use crate::address::{About, SecretAddresses};
use crate::failure::unsupported;

/// The `Content-Type` of an action.
pub(crate) const CONTENT_TYPE: &str = "application/json";

/// What is being done when something cannot be.
pub(crate) const OPERATION: &str = "give instructions";

/// What an action may name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) addresses: &'a SecretAddresses,
    /// The number that stands for the realtime voice socket.
    pub(crate) websocket_number: &'a str,
}

/// An action, or the address that is asked for one.
pub(crate) type Next = Option<Value>;

/// The first action of a flow, with all others inside of it. An empty flow ends the call.
///
/// # Errors
/// `Unsupported` naming the step, or the part of one, that 46elks does not have; `Invalid` naming a value it does not take.
pub(crate) fn render(flow: &CallFlow, names: Names<'_>) -> Result<Value> {
    let mut next: Next = None;
    for (at, step) in flow.0.iter().enumerate().rev() {
        next = Some(match step {
            CallStep::Stream(target) => stream(target, names, next),
            CallStep::Play(file) => play(file, next)?,
            CallStep::Say(text) => say(text, next)?,
            CallStep::Press(digits) => press(digits, next),
            CallStep::Gather(gather) => keys(gather, names, next)?,
            CallStep::Dial(dial) => connect(dial, names, next)?,
            CallStep::Record(record) => message(record, names)?,
            CallStep::StartRecording(start) => recorded(start, names, next)?,
            CallStep::Redirect(url) => names.addresses.seal_once(url, About::Next).as_str().into(),
            CallStep::HangUp => json!({ "hangup": "reject" }),
            CallStep::Reject(_) if at > 0 => return Err(Error::invalid("reject", "only as the first step")),
            CallStep::Reject(RejectReason::Busy) => json!({ "hangup": "busy" }),
            CallStep::Reject(RejectReason::Rejected) => json!({ "hangup": "404" }),
            CallStep::Pause(_) => return Err(unsupported(OPERATION, "pause")),
            CallStep::Hold(_) | CallStep::Join(_) | CallStep::Leave => return Err(unsupported(OPERATION, "hold")),
            CallStep::StopRecording(_) => return Err(unsupported(OPERATION, "stop_recording")),
            _ => return Err(unsupported(OPERATION, "step")),
        });
    }
    match next {
        Some(action @ Value::Object(_)) => Ok(action),
        // An answer is an action; an address alone is none.
        Some(_) => Err(unsupported(OPERATION, "redirect")),
        None => Ok(json!({ "hangup": "reject" })),
    }
}

/// An action with its fields and what follows.
fn action(fields: impl IntoIterator<Item = (&'static str, Value)>, next: Next) -> Value {
    let fields = fields.into_iter().chain(next.map(|next| ("next", next)));
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// Connects the call to the number that stands for the socket: its address is set there, once for all calls.
fn stream(target: &StreamTarget, names: Names<'_>, next: Next) -> Value {
    let mut fields = vec![("connect", names.websocket_number.into())];
    if let Some(url) = &target.status_url {
        // Calls that come in have no other place for it.
        fields.push(("whenhangup", names.addresses.seal(url, About::Ended).as_str().into()));
    }
    action(fields, next)
}

fn connect(dial: &Dial, names: Names<'_>, next: Next) -> Result<Value> {
    let is_plain = |number: &voicecall_core::carrier::DialNumber| {
        number.digits.is_none() && number.screening_url.is_none() && number.status_url.is_none()
    };
    let missing = [
        ("order", dial.numbers.len() > 1 && dial.order == voicecall_core::carrier::DialOrder::InTurn),
        ("numbers", !dial.numbers.iter().all(is_plain)),
        ("time_limit", dial.time_limit.is_some()),
        ("ring_tone", dial.ring_tone.is_some()),
        ("record", dial.record.is_some()),
    ];
    if let Some((field, _)) = missing.into_iter().find(|(_, is_set)| *is_set) {
        return Err(unsupported(OPERATION, field));
    }
    if !(1..=10).contains(&dial.numbers.len()) {
        return Err(Error::invalid("numbers", "one to ten"));
    }
    let numbers: Vec<&str> = dial.numbers.iter().map(|number| number.number.reveal()).collect();
    let mut fields: Vec<(&str, Value)> =
        vec![("connect", numbers.join(",").into()), ("timeout", dial.ring_timeout.as_secs().to_string().into())];
    if let Some(number) = &dial.caller_id {
        fields.push(("callerid", number.reveal().into()));
    }
    let asked = dial.next.as_ref().map(|url| names.addresses.seal_once(url, About::Dial).as_str().into());
    let next = asked.or(next);
    if let Some(next) = &next {
        // What follows is the same however it ended; the result tells which.
        fields.extend([("busy", next.clone()), ("failed", next.clone())]);
    }
    Ok(action(fields, next))
}

/// Recording is part of the action that follows, and ends with the call.
fn recorded(start: &StartRecording, names: Names<'_>, next: Next) -> Result<Value> {
    let settings = &start.settings;
    if settings.trim {
        return Err(unsupported(OPERATION, "trim"));
    }
    let url =
        settings.status_url.as_ref().ok_or_else(|| Error::invalid("status_url", "where recordings are told of"))?;
    match next {
        Some(Value::Object(mut fields)) if !fields.contains_key("hangup") => {
            fields.insert("recordcall".to_owned(), names.addresses.seal(url, About::Recording).as_str().into());
            Ok(Value::Object(fields))
        }
        _ => Err(Error::invalid("start_recording", "a step behind it that is recorded")),
    }
}

#[cfg(test)]
mod tests;
