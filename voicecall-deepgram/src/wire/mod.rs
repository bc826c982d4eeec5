//! Deepgram's messages, as far as they are read or written.

mod message;
mod refusal;

pub(crate) use message::{Alternative, Message, Results};
pub(crate) use refusal::Refusal;

/// Asks for everything that is still to be heard, a summary, and the end of the connection.
pub(crate) const CLOSE_STREAM: &str = r#"{"type":"CloseStream"}"#;

/// The longest code that is believed to be one.
const MAX_NAME: usize = 64;

/// The text, if it is a name; anything else may quote a request or a key.
pub(crate) fn name(text: &str) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let fits = !text.is_empty() && text.len() <= MAX_NAME && text.chars().all(is_name);
    fits.then(|| text.to_owned())
}
