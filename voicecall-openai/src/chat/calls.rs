//! Tool calls put together from the pieces in which servers send them.

use std::collections::HashSet;

use serde_json::Value;
use voicecall_core::model::{ChatRequest, ToolCall};

use crate::wire::chunk::CallPiece;

/// The most calls one answer may have.
const MAX_CALLS: usize = 128;

/// The calls of one answer, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Begun>,
    /// The ids that stand in the conversation already.
    taken: HashSet<String>,
}

#[derive(Debug)]
struct Begun {
    index: Option<u64>,
    call: ToolCall,
}

/// More calls than [`MAX_CALLS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

impl Calls {
    /// No calls yet, in answer to `request`.
    pub(super) fn new(request: &ChatRequest) -> Self {
        let calls = request.messages.iter().flat_map(|message| &message.tool_calls);
        Self { calls: Vec::new(), taken: calls.map(|call| call.id.clone()).collect() }
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: CallPiece) -> Result<(), TooMany> {
        let is_full = self.calls.len() == MAX_CALLS;
        match self.continued(&piece) {
            Some(call) if call.arguments == piece.arguments && is_object(&call.arguments) => {
                // Some servers repeat at the end what they sent in pieces.
            }
            Some(call) => {
                if call.id.is_empty() {
                    call.id = piece.id;
                }
                if call.name.is_empty() {
                    call.name = piece.name;
                }
                call.arguments.push_str(&piece.arguments);
            }
            None if is_full => return Err(TooMany),
            None => {
                let CallPiece { index, id, name, arguments } = piece;
                self.calls.push(Begun { index, call: ToolCall { id, name, arguments } });
            }
        }
        Ok(())
    }

    /// The calls, each with an id that nobody else has in the conversation. No arguments at all are an empty object.
    pub(super) fn finish(&mut self) -> Vec<ToolCall> {
        let mut calls: Vec<_> = std::mem::take(&mut self.calls).into_iter().map(|begun| begun.call).collect();
        // An id that a server gave is kept for the first call that has it, also against one made up before.
        let given: HashSet<String> = calls.iter().map(|call| call.id.clone()).collect();
        for call in &mut calls {
            if call.id.is_empty() || !self.taken.insert(call.id.clone()) {
                call.id = self.new_id(&given);
            }
            if call.arguments.trim().is_empty() {
                call.arguments = "{}".to_owned();
            }
        }
        calls
    }

    /// The call that a piece belongs to; `None` if it begins one.
    fn continued(&mut self, piece: &CallPiece) -> Option<&mut ToolCall> {
        let same_id = |begun: &Begun| !piece.id.is_empty() && begun.call.id == piece.id;
        let same_index = |begun: &Begun| piece.index.is_some() && begun.index == piece.index;
        let found = self.calls.iter().rposition(same_id).or_else(|| self.calls.iter().rposition(same_index));
        // A piece without any mark of its own goes on with what was last.
        let is_bare = piece.name.is_empty() && (piece.id.is_empty() || piece.index.is_none());
        let goes_on = is_bare || piece.index.is_none();
        let at = found.or_else(|| self.calls.len().checked_sub(1).filter(|_| goes_on))?;
        let call = &mut self.calls.get_mut(at)?.call;
        (!begins_anew(call, piece)).then_some(call)
    }

    /// An id of nine letters and digits, the form that the strictest servers want.
    fn new_id(&mut self, given: &HashSet<String>) -> String {
        let mut ids = (self.taken.len()..).map(|number| format!("call{number:05}"));
        let id = ids.find(|id| !self.taken.contains(id) && !given.contains(id)).unwrap_or_default();
        self.taken.insert(id.clone());
        id
    }
}

/// Whether a piece is a call of its own, although its id or index is that of `call`: many servers number all calls alike,
/// others give every piece of a call a new id and its name again.
fn begins_anew(call: &ToolCall, piece: &CallPiece) -> bool {
    if piece.name.is_empty() || call.name.is_empty() {
        return false;
    }
    if piece.name != call.name {
        return true;
    }
    if piece.id == call.id && piece.arguments == call.arguments && !piece.id.is_empty() {
        return false;
    }
    let other_id = !piece.id.is_empty() && piece.id != call.id;
    is_object(&call.arguments) || (call.arguments.is_empty() && other_id)
}

fn is_object(arguments: &str) -> bool {
    serde_json::from_str::<Value>(arguments).is_ok_and(|arguments| arguments.is_object())
}

#[cfg(test)]
mod tests {
    use voicecall_core::model::ChatMessage;

    use super::*;

    type Piece = (Option<u64>, &'static str, &'static str, &'static str);

    fn calls_after(ids: &[&str], pieces: &[Piece]) -> Vec<ToolCall> {
        let made = ids.iter().map(|id| ToolCall { id: (*id).into(), name: "a".into(), arguments: "{}".into() });
        let request = ChatRequest::new(vec![ChatMessage::calling("", made.collect())], 64);
        let mut calls = Calls::new(&request);
        for &(index, id, name, arguments) in pieces {
            let (id, name, arguments) = (id.to_owned(), name.to_owned(), arguments.to_owned());
            calls.push(CallPiece { index, id, name, arguments }).unwrap();
        }
        calls.finish()
    }

    fn named(pieces: &[Piece]) -> Vec<(String, String)> {
        calls_after(&[], pieces).into_iter().map(|call| (call.name, call.arguments)).collect()
    }

    fn two() -> Vec<(String, String)> {
        vec![("look".into(), r#"{"at":1}"#.into()), ("book".into(), r#"{"at":2}"#.into())]
    }

    #[test]
    fn pieces_become_calls_in_every_shape_that_servers_send() {
        let shapes: [(&str, &[Piece]); 8] = [
            (
                "as OpenAI: id and name once",
                &[
                    (Some(0), "x", "look", ""),
                    (Some(0), "", "", "{\"at\""),
                    (Some(1), "y", "book", ""),
                    (Some(0), "", "", ":1}"),
                    (Some(1), "", "", "{\"at\":2}"),
                ],
            ),
            ("whole, all of one index", &[(Some(0), "x", "look", "{\"at\":1}"), (Some(0), "y", "book", "{\"at\":2}")]),
            ("whole, no ids", &[(Some(0), "", "look", "{\"at\":1}"), (Some(0), "", "book", "{\"at\":2}")]),
            ("whole, nothing but names", &[(None, "", "look", "{\"at\":1}"), (None, "", "book", "{\"at\":2}")]),
            ("whole, one id for all", &[(None, "x", "look", "{\"at\":1}"), (None, "x", "book", "{\"at\":2}")]),
            (
                "in pieces without index",
                &[
                    (None, "x", "look", ""),
                    (None, "", "", "{\"at\":1}"),
                    (None, "y", "book", "{\"at"),
                    (None, "", "", "\":2}"),
                ],
            ),
            (
                "a new id and the name with every piece",
                &[
                    (Some(0), "x1", "look", "{\"at\""),
                    (Some(0), "x2", "look", ":1}"),
                    (Some(1), "y1", "book", "{"),
                    (Some(1), "y2", "book", "\"at\":2}"),
                ],
            ),
            (
                "repeated whole at the end",
                &[
                    (Some(0), "x", "look", "{\"at\""),
                    (Some(0), "", "", ":1}"),
                    (Some(1), "y", "book", "{\"at\":2}"),
                    (Some(0), "x", "look", "{\"at\":1}"),
                ],
            ),
        ];
        for (shape, pieces) in shapes {
            assert_eq!(named(pieces), two(), "{shape}");
        }
    }

    #[test]
    fn two_calls_of_one_tool_are_two() {
        for pieces in [
            [(Some(0), "x", "look", "{\"at\":1}"), (Some(0), "y", "look", "{\"at\":1}")],
            [(None, "", "look", "{\"at\":1}"), (None, "", "look", "{\"at\":2}")],
            [(Some(0), "x", "look", "{\"at\":1}"), (Some(0), "x", "look", "{\"at\":2}")],
            [(Some(0), "x", "look", ""), (Some(0), "y", "look", "")],
        ] {
            assert_eq!(named(&pieces).len(), 2, "{pieces:?}");
        }
    }

    #[test]
    fn ids_are_kept_made_up_where_they_miss_and_unique_in_the_conversation() {
        let ids = |before: &[&str], pieces: &[Piece]| -> Vec<String> {
            calls_after(before, pieces).into_iter().map(|call| call.id).collect()
        };
        assert_eq!(ids(&[], &[(Some(0), "x", "look", "{}"), (Some(1), "y", "book", "{}")]), ["x", "y"]);
        assert_eq!(ids(&[], &[(Some(0), "x", "look", "{}"), (Some(1), "x", "book", "{}")]), ["x", "call00001"]);
        assert_eq!(ids(&["x"], &[(Some(0), "x", "look", "{}"), (None, "", "book", "{}")]), ["call00001", "call00002"]);
        let pieces = [(Some(0), "", "look", "{}"), (Some(1), "call00001", "book", "{}")];
        assert_eq!(ids(&["x"], &pieces), ["call00002", "call00001"]);
    }

    #[test]
    fn malformed_arguments_stay_and_absent_ones_are_an_empty_object() {
        let pieces = [(Some(0), "x", "look", "{\"at\": 1"), (Some(1), "y", "book", "")];
        let arguments: Vec<_> = named(&pieces).into_iter().map(|(_, arguments)| arguments).collect();
        assert_eq!(arguments, ["{\"at\": 1", "{}"]);
    }

    #[test]
    fn an_answer_that_calls_without_end_is_given_up() {
        let mut calls = Calls::default();
        let piece = |index| CallPiece { index: Some(index), name: "look".into(), ..CallPiece::default() };
        assert_eq!((0..1000).take_while(|&index| calls.push(piece(index)).is_ok()).count(), MAX_CALLS);
    }
}
