//! The conversation: its items in their order, and what may be done with them.

use super::error::EventError;
use super::item::{Body, Item};

/// The most items a conversation holds.
const MOST_ITEMS: usize = 10_000;

/// The items, oldest first.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    items: Vec<Item>,
}

/// Where an item is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Behind all others.
    End,
    /// Before all others.
    Front,
    /// Behind the item of this id.
    Behind(String),
}

impl Conversation {
    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(super) fn items_mut(&mut self) -> &mut [Item] {
        &mut self.items
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Item> {
        self.items.iter_mut().find(|item| item.id == id)
    }

    /// The id of the item before this one.
    pub(super) fn before(&self, id: &str) -> Option<&str> {
        let at = self.items.iter().position(|item| item.id == id)?;
        self.items.get(at.checked_sub(1)?).map(|item| item.id.as_str())
    }

    /// The id of the last item.
    pub(super) fn last(&self) -> Option<&str> {
        self.items.last().map(|item| item.id.as_str())
    }

    /// Puts an item of the client in its place.
    pub(super) fn create(&mut self, item: Item, place: &Place) -> Result<(), EventError> {
        if self.items.iter().any(|other| other.id == item.id) {
            let message = format!("Error adding item: an item with id '{}' is in the conversation already.", item.id);
            return Err(EventError::invalid("item.id", message));
        }
        if let Body::Result { call_id, .. } = &item.body {
            let calls = |other: &Item| matches!(&other.body, Body::Call { call_id: id, .. } if id == call_id);
            if !self.items.iter().any(calls) {
                let message = format!("Tool call ID '{call_id}' not found in conversation.");
                return Err(EventError::conflict("invalid_tool_call_id", message));
            }
        }
        if self.items.len() >= MOST_ITEMS {
            let message = format!("the simulated service keeps at most {MOST_ITEMS} items");
            return Err(EventError::conflict("too_many_items", message));
        }
        let at = match place {
            Place::End => self.items.len(),
            Place::Front => 0,
            Place::Behind(id) => {
                self.items.iter().position(|other| other.id == *id).map(|at| at + 1).ok_or_else(|| {
                    let message = format!("Error adding item: the previous item with id '{id}' does not exist.");
                    EventError::invalid("previous_item_id", message)
                })?
            }
        };
        self.items.insert(at, item);
        Ok(())
    }

    /// Appends what the session itself adds.
    pub(super) fn append(&mut self, item: Item) {
        self.items.push(item);
    }

    pub(super) fn delete(&mut self, id: &str) -> Result<(), EventError> {
        let at = self.items.iter().position(|item| item.id == id).ok_or_else(|| unknown("delet", "delete", id))?;
        self.items.remove(at);
        Ok(())
    }

    pub(super) fn retrieve(&self, id: &str) -> Result<&Item, EventError> {
        self.items.iter().find(|item| item.id == id).ok_or_else(|| unknown("retriev", "retrieve", id))
    }

    /// Cuts a spoken message of the model so that this much of it is left, and forgets its transcript.
    pub(super) fn truncate(&mut self, id: &str, content_index: u64, end_ms: u64) -> Result<(), EventError> {
        let item = self.find_mut(id).ok_or_else(|| unknown("truncat", "truncate", id))?;
        let spoken = item.model_audio().filter(|audio| !audio.audio.is_empty());
        let Some(audio) = spoken else {
            let message = "Only model output audio messages can be truncated";
            return Err(EventError::conflict("unsupported_content_type", message));
        };
        if content_index != 0 {
            return Err(EventError::invalid("content_index", "the message has one part, whose index is 0"));
        }
        let there = audio.milliseconds();
        if end_ms as f64 > there {
            let message = format!("Audio content of {}ms is already shorter than {end_ms}ms", there.floor());
            return Err(EventError::invalid("audio_end_ms", message));
        }
        // What is longer than the audio was refused, so that it fits.
        audio.audio.truncate(audio.format.bytes(usize::try_from(end_ms).unwrap_or(usize::MAX)));
        audio.transcript = None;
        Ok(())
    }
}

fn unknown(doing: &str, verb: &str, id: &str) -> EventError {
    let code = match verb {
        "delete" => "item_delete_invalid_item_id",
        "retrieve" => "item_retrieve_invalid_item_id",
        _ => "item_truncate_invalid_item_id",
    };
    EventError::conflict(code, format!("Error {doing}ing item: the item with id '{id}' does not exist."))
}
