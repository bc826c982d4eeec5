//! What a session does to its conversation.

use serde_json::json;

use super::conversation::Place;
use super::error::EventError;
use super::fields::Fields;
use super::items;
use super::session::Session;
use super::transcription::Told;

impl Session {
    pub(super) fn create_item(&mut self, fields: &Fields<'_>) -> Result<(), EventError> {
        let place =
            match fields.some("previous_item_id").map(|_| fields.required_text("previous_item_id")).transpose()? {
                None => Place::End,
                Some("root") => Place::Front,
                Some(id) => Place::Behind(id.to_owned()),
            };
        let format = self.settings.input.format;
        let item = items::read("item", fields.required("item")?, format, |kind| self.ids.next(kind))?;
        let id = item.id.clone();
        self.conversation.create(item, &place)?;
        self.tell_item(&id);
        Ok(())
    }

    pub(super) fn retrieve_item(&mut self, fields: &Fields<'_>) -> Result<(), EventError> {
        let item = self.conversation.retrieve(fields.required_text("item_id")?)?.json(true);
        self.emit("conversation.item.retrieved", json!({ "item": item }));
        Ok(())
    }

    pub(super) fn truncate_item(&mut self, fields: &Fields<'_>) -> Result<(), EventError> {
        let (id, end_ms) = (fields.required_text("item_id")?, fields.required_count("audio_end_ms")?);
        let content_index = fields.required_count("content_index")?;
        self.conversation.truncate(id, content_index, end_ms)?;
        let told = json!({ "item_id": id, "content_index": content_index, "audio_end_ms": end_ms });
        self.emit("conversation.item.truncated", told);
        Ok(())
    }

    pub(super) fn delete_item(&mut self, fields: &Fields<'_>) -> Result<(), EventError> {
        let id = fields.required_text("item_id")?;
        self.conversation.delete(id)?;
        self.emit("conversation.item.deleted", json!({ "item_id": id }));
        Ok(())
    }

    /// Tells of an item that is there at once.
    pub(super) fn tell_item(&mut self, id: &str) {
        self.emit_item("conversation.item.added", id);
        self.emit_item("conversation.item.done", id);
    }

    /// Tells of an item, unless it was deleted.
    pub(super) fn emit_item(&mut self, kind: &str, id: &str) {
        let before = self.conversation.before(id).map(str::to_owned);
        if let Ok(item) = self.conversation.retrieve(id) {
            let told = json!({ "previous_item_id": before, "item": item.json(false) });
            self.emit(kind, told);
        }
    }

    /// Tells what a transcription has to tell next, unless its item was deleted.
    pub(super) fn tell(&mut self, at: usize) {
        let Some(transcription) = self.transcriptions.get_mut(at) else { return };
        let (id, told) = (transcription.item_id.clone(), transcription.next());
        if transcription.due().is_none() {
            self.transcriptions.remove(at);
        }
        let Some(item) = self.conversation.find_mut(&id) else { return };
        let with_logprobs = self.settings.logprobs;
        let (kind, mut event) = match told {
            None => return,
            Some(Told::Delta { text, logprob }) => {
                ("delta", json!({ "delta": text, "logprobs": with_logprobs.then(|| json!([logprob])) }))
            }
            Some(Told::Completed { transcript, logprobs, usage }) => {
                item.caller_audio().for_each(|(_, audio)| audio.transcript = Some(transcript.clone()));
                let logprobs = with_logprobs.then_some(logprobs);
                ("completed", json!({ "transcript": transcript, "logprobs": logprobs, "usage": usage }))
            }
            Some(Told::Failed(error)) => ("failed", json!({ "error": error })),
        };
        (event["item_id"], event["content_index"]) = (json!(id), json!(0));
        self.emit(&format!("conversation.item.input_audio_transcription.{kind}"), event);
    }
}
