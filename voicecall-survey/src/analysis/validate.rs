//! How a model's reply is read: as exactly one small JSON object, every part of it checked before it is believed.

use serde::Deserialize;
use voicecall_core::model::json_object;

/// Why a reply is not believed, in words a model can act on. Holds nothing of the reply.
pub(crate) type Fault = &'static str;

/// The longest reply that is read, in bytes.
pub(crate) const LONGEST_REPLY: usize = 8 * 1024;
const MOST_TOPICS: usize = 8;
const LONGEST_TOPIC: usize = 60;

const NOT_ONE_OBJECT: Fault = "the reply is not one JSON object";

/// Reads the one JSON object in a reply, which must have exactly the type's properties.
pub(crate) fn parse<'a, T: Deserialize<'a>>(reply: &'a str) -> Result<T, Fault> {
    if reply.len() > LONGEST_REPLY {
        return Err("the reply is too long");
    }
    let object = json_object(reply).ok_or(NOT_ONE_OBJECT)?;
    serde_json::from_str(object).map_err(|error| {
        if error.is_data() {
            "the JSON does not have exactly the properties and types of the schema"
        } else {
            NOT_ONE_OBJECT
        }
    })
}

/// A sentiment is a number from -1 to 1.
pub(crate) fn sentiment(sentiment: f32) -> Result<(), Fault> {
    if (-1.0..=1.0).contains(&sentiment) { Ok(()) } else { Err("`sentiment` is not between -1 and 1") }
}

/// Topics are at most 8, of 1 to 60 characters each.
pub(crate) fn topics(topics: &[String]) -> Result<(), Fault> {
    if topics.len() > MOST_TOPICS {
        return Err("there are more than 8 `topics`");
    }
    if topics.iter().any(|topic| topic.trim().is_empty() || topic.chars().count() > LONGEST_TOPIC) {
        return Err("a topic is empty or longer than 60 characters");
    }
    Ok(())
}
