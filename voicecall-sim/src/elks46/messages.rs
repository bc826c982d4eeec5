//! Texts: SMS and MMS that people write to the account's numbers, and those that go out and come further in time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::call::written;
use super::server::{Shared, State};
use super::webhooks::{Form, Told, tell};

/// A picture that somebody sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElksImage {
    /// Its type, such as `image/jpeg`.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// An SMS or an MMS, with everything that happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ElksMessage {
    /// `s`, or `m` of an MMS, and 32 hexadecimal digits.
    pub id: String,
    /// Whether somebody wrote it to the account.
    pub is_incoming: bool,
    /// Who sent it.
    pub from: String,
    /// Who is to have it.
    pub to: String,
    /// The words.
    pub message: String,
    /// What came with it.
    pub images: Vec<ElksImage>,
    /// Where the picture is that goes with it.
    pub image_url: Option<String>,
    /// When it was taken.
    pub created: Timestamp,
    /// `created`, `sent`, `delivered` or `failed`; only of an SMS that goes out.
    pub status: &'static str,
    /// Whether it was sent because the answer to a webhook held words.
    pub is_reply: bool,
    /// The webhooks about it, with their status; as often as they were told.
    pub reports: Vec<(String, u16)>,
    /// Whether everything of it is over, reports included.
    pub is_done: bool,
    pub(super) whendelivered: Option<String>,
    /// Until when the REST interface shows an earlier status.
    lags: Option<(Timestamp, &'static str)>,
}

impl ElksMessage {
    /// Where its delivery is told, if that was asked for.
    #[must_use]
    pub fn whendelivered(&self) -> Option<&str> {
        self.whendelivered.as_deref()
    }

    pub(super) fn is_mms(&self) -> bool {
        self.id.starts_with('m')
    }

    /// As the REST interface tells it at this time.
    pub(super) fn json(&self, now: Timestamp) -> Value {
        let mut told = json!({
            "id": self.id,
            "direction": if self.is_incoming { "incoming" } else { "outgoing" },
            "from": self.from,
            "to": self.to,
            "message": self.message,
            "created": written(self.created),
            "cost": if self.is_mms() { 12_500 } else { 3500 * self.parts() },
        });
        if !self.is_mms() && !self.is_incoming {
            let lagging = self.lags.filter(|(until, _)| *until > now).map(|(_, earlier)| earlier);
            told["status"] = json!(lagging.unwrap_or(self.status));
            told["parts"] = json!(self.parts());
        }
        told
    }

    /// Characters outside of Latin-1 make parts shorter. The carrier's alphabet is a little smaller.
    fn parts(&self) -> usize {
        let count = self.message.chars().count();
        let (whole, part) = if self.message.chars().all(|char| u32::from(char) < 256) { (160, 153) } else { (70, 67) };
        if count <= whole { 1 } else { count.div_ceil(part) }
    }

    fn incoming_form(&self) -> Form {
        let mut form = vec![
            ("id".to_owned(), self.id.clone()),
            ("from".to_owned(), self.from.clone()),
            ("to".to_owned(), self.to.clone()),
            ("message".to_owned(), self.message.clone()),
            ("direction".to_owned(), "incoming".to_owned()),
            ("created".to_owned(), written(self.created)),
        ];
        for (place, picture) in self.images.iter().enumerate() {
            let name = if place == 0 { "image".to_owned() } else { format!("image{}", place + 1) };
            let ending = picture.content_type.rsplit('/').next().unwrap_or_default().replace("jpeg", "jpg");
            form.push((name, format!("https://api.46elks.com/a1/images/{}-i{place}.{ending}", self.id)));
        }
        form
    }

    fn report_form(&self) -> Form {
        let mut form = vec![("id".to_owned(), self.id.clone()), ("status".to_owned(), self.status.to_owned())];
        if self.status == "delivered" {
            form.push(("delivered".to_owned(), written(Timestamp::now())));
        }
        form
    }
}

/// What is known of a message when it is taken.
#[derive(Debug)]
pub(super) struct NewMessage {
    pub(super) kind: char,
    pub(super) is_incoming: bool,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) message: String,
}

/// Keeps a message; returns its index.
pub(super) fn keep(state: &mut State, new: NewMessage) -> usize {
    let NewMessage { kind, is_incoming, from, to, message } = new;
    let id = format!("{kind}{:016x}{:016x}", state.rng.next(), state.rng.next());
    state.messages.push(ElksMessage {
        id,
        is_incoming,
        from,
        to,
        message,
        images: Vec::new(),
        image_url: None,
        created: Timestamp::now(),
        status: "created",
        is_reply: false,
        reports: Vec::new(),
        is_done: false,
        whendelivered: None,
        lags: None,
    });
    state.messages.len() - 1
}

/// Somebody writes to a number, whose address is told. Returns the message's id.
pub(super) fn come_in(shared: &Arc<Shared>, from: &str, to: &str, message: &str, images: Vec<ElksImage>) -> String {
    let (index, known, url) = shared.with(|state| {
        let kind = if images.is_empty() { 's' } else { 'm' };
        let (from, to, message) = (from.to_owned(), to.to_owned(), message.to_owned());
        let index = keep(state, NewMessage { kind, is_incoming: true, from, to: to.clone(), message });
        state.messages[index].images = images;
        let known = state.messages[index].clone();
        let number = state.numbers.iter().find(|number| number.number == to && !number.is_deallocated);
        let url =
            number.and_then(|number| if known.is_mms() { number.mms_url.clone() } else { number.sms_url.clone() });
        (index, known, url)
    });
    let (id, form) = (known.id.clone(), known.incoming_form());
    let task = Arc::clone(shared);
    shared.spawn(async move {
        let answer = match url {
            Some(url) => tell(&task, Told::Message(index), &url, &form).await,
            None => None,
        };
        task.with(|state| {
            // Words in the answer go back to whoever wrote.
            if let Some(message) = answer.filter(|answer| !answer.is_empty()) {
                let (from, to) = (known.to, known.from);
                let reply = keep(state, NewMessage { kind: 's', is_incoming: false, from, to, message });
                (state.messages[reply].is_reply, state.messages[reply].is_done) = (true, true);
            }
            state.messages[index].is_done = true;
        });
    });
    id
}

/// A text that goes out is passed on and delivered, or not. Each is told by itself, so that a late report is overtaken.
pub(super) fn go_out(shared: &Arc<Shared>, index: usize) {
    let task = Arc::clone(shared);
    shared.spawn(async move {
        let (to, is_mms) = task.with(|state| (state.messages[index].to.clone(), state.messages[index].is_mms()));
        let end = if task.options.unreachable.contains(&to) { "failed" } else { "delivered" };
        let statuses = if is_mms { Vec::new() } else { vec!["sent", end] };
        let step = task.options.text_step;
        let told = (1..).zip(statuses).map(|(nth, status)| reach(&task, index, status, step * nth));
        futures_util::future::join_all(told).await;
        task.with(|state| state.messages[index].is_done = true);
    });
}

async fn reach(shared: &Arc<Shared>, index: usize, status: &'static str, after: Duration) {
    sleep(after).await;
    let unconfirmed = &shared.options.unconfirmed;
    let (url, form) = shared.with(|state| {
        let message = &mut state.messages[index];
        let until = Timestamp::now().checked_add(unconfirmed.rest_lags).ok();
        message.lags = until.map(|until| (until, message.status));
        message.status = status;
        (message.whendelivered.clone(), message.report_form())
    });
    if let Some(url) = url.filter(|_| status != "sent" || unconfirmed.tells_sent) {
        tell(shared, Told::Message(index), &url, &form).await;
    }
}
