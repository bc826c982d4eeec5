//! What 46elks plays: files, keys, and English sentences with its own voice.

use serde_json::{Value, json};
use url::Url;
use voicecall_core::carrier::{Digits, Play, Repeat, Say};
use voicecall_core::{Error, Result};

use super::{Next, OPERATION, action};
use crate::failure::unsupported;

/// The longest sentence the voice takes, in characters.
const LONGEST_SENTENCE: usize = 180;

/// The most repetitions that are written out.
const MOST_REPETITIONS: u32 = 20;

pub(super) fn play(file: &Play, next: Next) -> Result<Value> {
    repeated(&sound(&file.url)?, file.repeat, next)
}

/// The file of a prompt or a step.
pub(super) fn sound(url: &Url) -> Result<String> {
    if matches!(url.scheme(), "http" | "https") {
        Ok(url.to_string())
    } else {
        Err(Error::invalid("url", "an http or https address"))
    }
}

/// 46elks's voice speaks English; the service is a beta.
pub(super) fn say(say: &Say, next: Next) -> Result<Value> {
    let tag = say.language.to_ascii_lowercase();
    if tag != "en" && !tag.starts_with("en-") {
        return Err(unsupported(OPERATION, "language"));
    }
    if say.voice.is_some() {
        return Err(unsupported(OPERATION, "voice"));
    }
    if say.text.trim().is_empty() || say.text.chars().count() > LONGEST_SENTENCE {
        return Err(Error::invalid("text", "1 to 180 characters"));
    }
    repeated(&format!("en_US/{}", say.text), say.repeat, next)
}

/// Keys as tones; `P` is a pause of half a second.
pub(super) fn press(digits: &Digits, next: Next) -> Value {
    let tones = digits.reveal().replace('W', "PP").replace('w', "P");
    action([("play", format!("sound/dtmf/{tones}").into())], next)
}

fn repeated(sound: &str, repeat: Repeat, next: Next) -> Result<Value> {
    let times = match repeat {
        Repeat::Times(times) if times <= MOST_REPETITIONS => times.max(1),
        Repeat::Times(_) | Repeat::Forever => return Err(unsupported(OPERATION, "repeat")),
    };
    let played = (0..times).fold(next, |next, _| Some(action([("play", sound.into())], next)));
    Ok(played.unwrap_or_else(|| json!({ "play": sound })))
}
