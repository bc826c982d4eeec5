//! What people write into conversations; the application may be asked before it is added.

use serde_json::Value;
use voicecall_core::CallTime;

use super::{File, Message, Source};
use crate::twilio::requests::Subject;
use crate::twilio::sid::sid;
use crate::twilio::webhook::Draft;
use crate::twilio::{Exchange, LogEvent, MessageMedium, Method, WebhookKind, WebhookOutcome};

/// A message that the application is asked about.
#[derive(Debug)]
pub(super) struct Waiting {
    conversation: usize,
    message: Message,
    source: Source,
}

impl Exchange {
    /// A chat client writes into a conversation; false if it takes no part in it.
    pub fn chat_in(&mut self, now: CallTime, conversation: &str, identity: &str, body: &str) -> bool {
        self.advance(now);
        let mut all = self.conversations.all.iter().enumerate();
        let found = all.find_map(|(index, known)| {
            let is_it = |it: &super::Participant| !it.gone && it.identity.as_deref() == Some(identity);
            (known.sid == conversation && !known.gone)
                .then(|| known.participants.iter().position(is_it))?
                .map(|place| (index, place))
        });
        if let Some((conversation, participant)) = found {
            self.written_into(now, conversation, participant, body, Vec::new());
        }
        found.is_some()
    }

    /// A participant writes; returns the message's sid.
    pub(in crate::twilio) fn written_into(
        &mut self,
        now: CallTime,
        conversation: usize,
        participant: usize,
        body: &str,
        media: Vec<MessageMedium>,
    ) -> String {
        let known = &self.conversations.all[conversation];
        let (account, service) = (known.account, known.service.clone());
        let author = &known.participants[participant];
        let source = Source::of(author);
        let address = author.binding.as_ref().map(|(address, _)| address.clone());
        let name = author.identity.clone().or(address).unwrap_or_default();
        let participant_sid = author.sid.clone();
        let media = media
            .into_iter()
            .map(|medium| {
                let content_type = medium.content_type.to_owned();
                let sid = sid("ME", &mut self.rng);
                let (service, bytes) = (service.clone(), medium.bytes);
                self.add_file(File { sid, account, service, content_type, bytes, created: now })
            })
            .collect();
        let mut message = self.conversation_message(now, name, Some(body.to_owned()).filter(|body| !body.is_empty()));
        (message.participant, message.media) = (Some(participant_sid), media);
        let sid = message.sid.clone();
        self.ask_or_add(now, Waiting { conversation, message, source });
        sid
    }

    fn ask_or_add(&mut self, now: CallTime, waiting: Waiting) {
        let Waiting { conversation, message, source } = &waiting;
        let settings = self.webhook_settings(*conversation);
        let asked = settings.pre.filter(|_| settings.filters.iter().any(|filter| filter == "onMessageAdd"));
        let Some(url) = asked else {
            let Waiting { conversation, message, source } = waiting;
            self.add_to_conversation(now, conversation, message, Some(source));
            return;
        };
        let mut fields = vec![
            ("Author", message.author.clone()),
            ("Body", message.body.clone().unwrap_or_default()),
            ("Attributes", message.attributes.clone()),
        ];
        fields.extend(message.participant.clone().map(|sid| ("ParticipantSid", sid)));
        fields.extend(self.media_field(&message.media));
        let form = self.event_form(*conversation, "onMessageAdd", *source, fields);
        let (subject, sid) = (Subject::Conversation(*conversation), self.conversations.all[*conversation].sid.clone());
        // Known before it leaves: a fault may fail it at once.
        self.conversations.waiting.insert(self.next_webhook(), waiting);
        let (kind, address) = (WebhookKind::ConversationQuestion, (url, Method::Post));
        self.request(now, subject, Draft { call: &sid, kind, address: &address, form });
    }

    /// The application answered, or not: an error refuses the message, no answer lets it pass as it is.
    pub(in crate::twilio) fn question_answered(&mut self, now: CallTime, id: u64, outcome: &WebhookOutcome) {
        let Some(Waiting { conversation, mut message, source }) = self.conversations.waiting.remove(&id) else {
            return;
        };
        match outcome {
            WebhookOutcome::Answered { status: 200..=299, body, .. } => {
                let change: Value = serde_json::from_str(body).unwrap_or(Value::Null);
                let text = |name: &str| change.get(name).and_then(Value::as_str).map(str::to_owned);
                message.body = text("body").or(message.body);
                message.author = text("author").unwrap_or(message.author);
                message.attributes = text("attributes").unwrap_or(message.attributes);
            }
            WebhookOutcome::Answered { status, .. } => {
                let text = format!("a message was refused with {status}");
                return self.note(now, None, LogEvent::Warning { code: 0, text });
            }
            WebhookOutcome::Failed(_) => {}
        }
        self.add_to_conversation(now, conversation, message, Some(source));
    }

    pub(in crate::twilio) fn conversation_message(
        &mut self,
        now: CallTime,
        author: String,
        body: Option<String>,
    ) -> Message {
        Message {
            sid: sid("IM", &mut self.rng),
            author,
            participant: None,
            body,
            media: Vec::new(),
            attributes: "{}".to_owned(),
            receipts: Vec::new(),
            created: now,
            updated: now,
            gone: false,
        }
    }

    /// Keeps a file; returns its place.
    pub(in crate::twilio) fn add_file(&mut self, file: File) -> usize {
        self.conversations.files.push(file);
        self.conversations.files.len() - 1
    }
}
