//! Requests to the application: what they are, and what became of them.

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::signature::sign;

/// An HTTP method of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// The fields travel in the query.
    Get,
    /// The fields travel as a form.
    #[default]
    Post,
}

impl Method {
    /// Reads `GET` or `POST`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "GET" => Some(Self::Get),
            "POST" => Some(Self::Post),
            _ => None,
        }
    }
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WebhookKind {
    /// Asks for instructions.
    Voice,
    /// Reports a call's status.
    Status,
    /// Reports on a media stream.
    Stream,
    /// Reports who answered.
    Detection,
    /// Reports on a recording.
    Recording,
    /// Tells of a message that came in.
    Message,
    /// Reports on a message that went out.
    MessageStatus,
    /// Asks before something is done in a conversation.
    ConversationQuestion,
    /// Tells what was done in a conversation.
    ConversationEvent,
    /// Reports on a live transcription.
    Transcription,
    /// Tells that a transcript is there, in JSON.
    Transcript,
}

impl WebhookKind {
    /// Whether the answer decides about something.
    pub(super) const fn asks(self) -> bool {
        matches!(self, Self::Voice | Self::ConversationQuestion)
    }

    /// Whether it is of a conversation, for which the carrier waits 5 s.
    pub(super) const fn is_of_conversation(self) -> bool {
        matches!(self, Self::ConversationQuestion | Self::ConversationEvent)
    }
}

/// A request on its way to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Webhook {
    /// Its number, equal for all attempts and duplicates.
    pub id: u64,
    /// The call, or the message.
    pub call: String,
    /// What for.
    pub kind: WebhookKind,
    /// How.
    pub method: Method,
    /// The public address; for `GET` with the fields.
    pub url: String,
    /// The fields, in the order sent. They are the body of a `POST`.
    pub form: Vec<(String, String)>,
    /// `X-Twilio-Signature`.
    pub signature: String,
    /// `I-Twilio-Idempotency-Token`, equal for all attempts and duplicates.
    pub token: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// A fault: the answer gets lost.
    pub(super) deaf: bool,
}

impl Webhook {
    /// The body, if it is JSON.
    #[must_use]
    pub fn json(&self) -> Option<String> {
        (self.kind == WebhookKind::Transcript).then(|| as_json(&self.form))
    }
}

fn as_json(form: &[(String, String)]) -> String {
    let fields = form.iter().map(|(name, value)| (name.clone(), serde_json::Value::from(value.as_str())));
    serde_json::Value::Object(fields.collect()).to_string()
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// The application answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The `Content-Type`, if there was one.
        content_type: Option<String>,
        /// The body as text.
        body: String,
    },
    /// It did not.
    Failed(WebhookFailure),
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WebhookFailure {
    /// No connection; tried once more.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Broken,
}

/// The parts of a request before it is signed.
pub(super) struct Draft<'a> {
    pub(super) call: &'a str,
    pub(super) kind: WebhookKind,
    pub(super) address: &'a (String, Method),
    pub(super) form: Vec<(String, String)>,
}

impl Draft<'_> {
    /// Signs over the public address. A fragment of the address holds connection settings and is not sent.
    pub(super) fn sign(self, id: u64, token: String, auth_token: &str) -> Webhook {
        let (address, method) = self.address;
        let mut url = address.split('#').next().unwrap_or_default().to_owned();
        if *method == Method::Get {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&self.form);
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&query.finish());
        }
        let is_json = self.kind == WebhookKind::Transcript;
        if is_json {
            let hash = sha2::Sha256::digest(as_json(&self.form));
            url.push_str(if url.contains('?') { "&bodySHA256=" } else { "?bodySHA256=" });
            hash.iter().for_each(|byte| url.push_str(&format!("{byte:02x}")));
        }
        let signed: &[(String, String)] = if is_json || *method == Method::Get { &[] } else { &self.form };
        let signature = sign(auth_token, &url, signed);
        Webhook {
            id,
            call: self.call.to_owned(),
            kind: self.kind,
            method: *method,
            url,
            signature,
            form: self.form,
            token,
            attempt: 1,
            deaf: false,
        }
    }
}
