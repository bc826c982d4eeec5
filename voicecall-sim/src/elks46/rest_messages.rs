//! Messages in the REST API: sending, listing, and their pictures.

use std::sync::Arc;

use jiff::Timestamp;

use super::messages::{NewMessage, go_out, keep};
use super::rest::{Refusal, not_found};
use super::server::Shared;
use crate::rest_server::{HttpReply, RestRequest};

impl RestRequest {
    /// `/sms` and `/mms`.
    pub(super) fn messages(&self, shared: &Arc<Shared>, kind: &str, id: Option<&str>) -> Result<HttpReply, Refusal> {
        let now = Timestamp::now();
        match (&*self.method, id) {
            ("POST", None) => self.send(shared, kind),
            ("GET", None) if kind == "mms" && !shared.options.unconfirmed.lists_mms => Err(not_found()),
            ("GET", None) => Ok(self.page(shared.with(|state| {
                let of_kind = state.messages.iter().rev().filter(|message| message.id.starts_with(&kind[..1]));
                of_kind.map(|message| message.json(now)).collect()
            }))),
            ("GET", Some(id)) => {
                let found = shared.with(|state| {
                    let is_it = |message: &&super::ElksMessage| message.id == id && id.starts_with(&kind[..1]);
                    state.messages.iter().find(is_it).map(|message| message.json(now))
                });
                found.map(|message| HttpReply::json(&message)).ok_or_else(not_found)
            }
            _ => Err(not_found()),
        }
    }

    fn send(&self, shared: &Arc<Shared>, kind: &str) -> Result<HttpReply, Refusal> {
        let is_mms = kind == "mms";
        let (from, to) = (self.field("from")?, self.field("to")?);
        let image = self.field("image").ok().filter(|_| is_mms);
        let message = match self.field("message") {
            Err(_) if image.is_some() => String::new(),
            message => message?,
        };
        let is_ours = shared.with(|state| {
            state.numbers.iter().any(|number| number.number == from && !number.is_websocket && !number.is_deallocated)
        });
        if !(is_ours || (is_mms && from == "noreply") || (!is_mms && is_name(&from))) {
            return Err((403, format!("You are not allowed to use {from} as from")));
        }
        if !to.starts_with('+') {
            return Err((403, format!("Invalid to number {to}")));
        }
        let (index, told) = shared.with(|state| {
            let kind = if is_mms { 'm' } else { 's' };
            let index = keep(state, NewMessage { kind, is_incoming: false, from, to, message });
            let kept = &mut state.messages[index];
            (kept.image_url, kept.whendelivered) = (image, self.field("whendelivered").ok().filter(|_| !is_mms));
            (index, kept.json(Timestamp::now()))
        });
        go_out(shared, index);
        Ok(HttpReply::json(&told))
    }
}

/// A sender that is a word: 3 to 11 letters and digits, a letter first.
fn is_name(from: &str) -> bool {
    (3..=11).contains(&from.len())
        && from.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && from.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// A picture of an MMS, `<id>-i<n>` with any ending.
pub(super) fn image(shared: &Arc<Shared>, name: &str) -> Result<HttpReply, Refusal> {
    let bare = name.split('.').next().unwrap_or_default();
    let (id, place) = bare.rsplit_once("-i").ok_or_else(not_found)?;
    let place: usize = place.parse().map_err(|_| not_found())?;
    let found = shared.with(|state| {
        let message = state.messages.iter().find(|message| message.id == id)?;
        message.images.get(place).cloned()
    });
    let found = found.ok_or_else(not_found)?;
    let typed = shared.options.unconfirmed.types_images;
    Ok(HttpReply::new(200, if typed { found.content_type } else { "application/octet-stream" }, found.bytes))
}
