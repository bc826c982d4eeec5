//! The body of an answer as events: a stream of them, or one JSON document from a server that does not stream.

use std::collections::VecDeque;

use crate::sse::{Event, SseParser, TooLong};

/// The most bytes a document may have.
const MAX_DOCUMENT: usize = 1024 * 1024;

/// Collects bytes and hands out the events they complete.
#[derive(Debug)]
pub(super) enum Body {
    /// Nothing but white space came yet.
    Unknown,
    Events(SseParser),
    Document(Vec<u8>),
}

impl Body {
    /// Takes the next bytes and appends the events they complete.
    pub(super) fn push(&mut self, bytes: &[u8], events: &mut VecDeque<Event>) -> Result<(), TooLong> {
        if let Self::Unknown = self {
            match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
                None => return Ok(()),
                // No line of an event begins like that.
                Some(b'{') => *self = Self::Document(Vec::new()),
                Some(_) => *self = Self::Events(SseParser::default()),
            }
        }
        match self {
            Self::Unknown => Ok(()),
            Self::Events(parser) => parser.push(bytes, events),
            Self::Document(document) if document.len() + bytes.len() > MAX_DOCUMENT => Err(TooLong),
            Self::Document(document) => {
                document.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Ends the body.
    pub(super) fn finish(&mut self, events: &mut VecDeque<Event>) {
        match self {
            Self::Unknown => {}
            Self::Events(parser) => parser.finish(events),
            Self::Document(document) => {
                let data = String::from_utf8_lossy(document).into_owned();
                events.push_back(Event { name: String::new(), data });
            }
        }
    }
}
