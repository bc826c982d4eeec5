//! Calls and recordings, as the carrier keeps them and as tests look at them.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::options::Unconfirmed;

/// A call, with everything that happened in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ElksCall {
    /// `c` and 32 hexadecimal digits.
    pub id: String,
    /// Whether somebody called the account's number.
    pub is_incoming: bool,
    /// Who called; none if withheld.
    pub from: Option<String>,
    /// Who was called.
    pub to: String,
    /// When it was ordered, or came in.
    pub created: Timestamp,
    /// When it was picked up.
    pub started: Option<Timestamp>,
    /// How long it lasted from then, once it is over.
    pub duration: Option<Duration>,
    /// `ongoing`, `success`, `failed` or `busy`.
    pub state: &'static str,
    /// How often the phone rang.
    pub rang: u32,
    /// How many sockets were opened.
    pub sockets: u32,
    /// The reasons with which sockets ended; `lost` for one that broke, `refused` for one that did not open.
    pub byes: Vec<String>,
    /// Bytes of the application that were heard.
    pub heard: u64,
    /// What 46elks's voice said.
    pub said: Vec<String>,
    /// Files and tones that were played.
    pub played: Vec<String>,
    /// Who was called beside.
    pub connected: Vec<String>,
    /// How the last answer refused the call, if one did.
    pub hangup: Option<String>,
    /// Where its end will be told, or was.
    pub whenhangup: Option<String>,
    /// The questions asked, with their status.
    pub questions: Vec<(String, u16)>,
    /// The reports told, with their status; as often as they were.
    pub reports: Vec<(String, u16)>,
    /// Whether everything of it is over, reports included.
    pub is_done: bool,
    /// When the REST interface shows its end.
    pub(super) shows_end_at: Option<Timestamp>,
}

impl ElksCall {
    pub(super) fn new(id: String, is_incoming: bool, from: Option<String>, to: String, created: Timestamp) -> Self {
        Self {
            id,
            is_incoming,
            from,
            to,
            created,
            started: None,
            duration: None,
            state: "ongoing",
            rang: 0,
            sockets: 0,
            byes: Vec::new(),
            heard: 0,
            said: Vec::new(),
            played: Vec::new(),
            connected: Vec::new(),
            hangup: None,
            whenhangup: None,
            questions: Vec::new(),
            reports: Vec::new(),
            is_done: false,
            shows_end_at: None,
        }
    }

    pub(super) fn direction(&self) -> &'static str {
        if self.is_incoming { "incoming" } else { "outgoing" }
    }

    /// How the caller is named, in JSON and in forms.
    pub(super) fn caller(&self, unconfirmed: &Unconfirmed) -> Option<String> {
        self.from.clone().or_else(|| unconfirmed.names_anonymous.then(|| "anonymous".to_owned()))
    }

    /// What it cost: a hundredth of a crown a second.
    pub(super) fn cost(&self) -> u64 {
        self.duration.unwrap_or_default().as_secs() * 100
    }

    fn leg(&self) -> Value {
        json!({ "to": self.to, "from": self.from, "state": self.state,
            "duration": self.duration.unwrap_or_default().as_secs() })
    }

    /// As `GET /calls/{id}` tells it at this time.
    pub(super) fn json(&self, now: Timestamp, unconfirmed: &Unconfirmed) -> Value {
        let is_over = self.shows_end_at.is_some_and(|at| at <= now);
        let mut call = json!({
            "id": self.id,
            "direction": self.direction(),
            "to": self.to,
            "created": written(self.created),
            "state": if is_over { self.state } else { "ongoing" },
        });
        if let Some(from) = self.caller(unconfirmed) {
            call["from"] = json!(from);
        }
        // A call that failed has none of these.
        if let Some(started) = self.started {
            call["start"] = json!(written(started));
            if is_over {
                call["duration"] = json!(self.duration.unwrap_or_default().as_secs());
                call["cost"] = json!(self.cost());
                call["legs"] = json!([self.leg()]);
            }
        }
        call
    }

    /// The form of `whenhangup`.
    pub(super) fn end_form(&self, unconfirmed: &Unconfirmed) -> Vec<(String, String)> {
        let mut form = vec![("id", self.id.clone()), ("direction", self.direction().to_owned())];
        form.extend(self.caller(unconfirmed).map(|from| ("from", from)));
        form.extend([("to", self.to.clone()), ("created", written(self.created))]);
        form.extend(self.started.map(|started| ("start", written(started))));
        form.extend([
            ("duration", self.duration.unwrap_or_default().as_secs().to_string()),
            ("state", self.state.to_owned()),
            ("cost", self.cost().to_string()),
            ("actions", json!([]).to_string()),
            ("legs", json!([self.leg()]).to_string()),
        ]);
        form.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// A recording of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ElksRecording {
    /// The call's id with `-r` and a number.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// How long it is.
    pub duration: Duration,
    /// A WAV file.
    pub wav: Vec<u8>,
}

impl ElksRecording {
    pub(super) fn json(&self) -> Value {
        json!({ "id": self.id, "created": written(self.created), "duration": self.duration.as_secs() })
    }
}

/// A time as 46elks writes it: UTC without a zone.
pub(super) fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}
