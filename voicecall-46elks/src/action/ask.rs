//! What the caller is asked for: keys, or a message.

use std::time::Duration;

use serde_json::Value;
use voicecall_core::carrier::{Gather, GatherInput, Prompt, RecordMessage, Repeat, WithoutInput};
use voicecall_core::{Error, Result};

use super::sound::sound;
use super::{Names, Next, OPERATION, action};
use crate::address::About;
use crate::failure::unsupported;

/// How long a silence is that ends a message.
const SILENCE: Duration = Duration::from_secs(3);

/// Asks for keys while a file is played once.
///
/// Only `#` ends the keys early. Without any, the same address is asked, with nothing gathered.
pub(super) fn keys(gather: &Gather, names: Names<'_>, next: Next) -> Result<Value> {
    let file = match &*gather.prompts {
        [Prompt::Play(file)] if file.repeat == Repeat::ONCE => sound(&file.url)?,
        _ => return Err(unsupported(OPERATION, "prompts")),
    };
    let missing = [
        ("input", gather.input != GatherInput::Keys),
        ("finish_key", gather.finish_key != Some('#')),
        ("without_input", gather.without_input != WithoutInput::Ask && next.is_some()),
    ];
    if let Some((field, _)) = missing.into_iter().find(|(_, is_set)| *is_set) {
        return Err(unsupported(OPERATION, field));
    }
    let seconds = gather.timeout.as_secs();
    if !(1..=30).contains(&seconds) {
        return Err(Error::invalid("timeout", "1 to 30 seconds"));
    }
    let digits = gather.digits.unwrap_or(32).clamp(1, 32);
    let asked: Value = names.addresses.seal_once(&gather.next, About::Keys).as_str().into();
    let fields = [("ivr", file.into()), ("digits", digits.into()), ("timeout", seconds.into()), ("repeat", 1.into())];
    Ok(action(fields, Some(asked)))
}

/// Records a message, which ends with three seconds of silence or by its length.
pub(super) fn message(record: &RecordMessage, names: Names<'_>) -> Result<Value> {
    let missing = [
        ("silence_timeout", record.silence_timeout != SILENCE),
        ("finish_key", record.finish_key.is_some()),
        ("trim", record.trim),
    ];
    if let Some((field, _)) = missing.into_iter().find(|(_, is_set)| *is_set) {
        return Err(unsupported(OPERATION, field));
    }
    let url = record.status_url.as_ref().ok_or_else(|| Error::invalid("status_url", "where recordings are told of"))?;
    let told: Value = names.addresses.seal(url, About::Recording).as_str().into();
    let asked: Value = names.addresses.seal_once(&record.next, About::Message).as_str().into();
    let fields = [
        ("record", told),
        ("timelimit", record.max_length.as_secs().max(1).into()),
        ("silencedetection", "yes".into()),
    ];
    let recorded = action(fields, Some(asked));
    Ok(if record.beep { action([("play", "sound/beep".into())], Some(recorded)) } else { recorded })
}
