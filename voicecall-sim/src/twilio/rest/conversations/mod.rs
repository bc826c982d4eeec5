//! Conversations: making, finding, changing and deleting them, and what is in them.

mod messages;
mod participants;
mod webhooks;

use std::time::Duration;

use serde_json::{Value, json};
use voicecall_core::CallTime;

use super::{Answered, Fields, Refusal, RestRequest, product};
use crate::twilio::Exchange;
use crate::twilio::conversations::{self, Conversation, Source, State, default_service};
use crate::twilio::sid::sid;

const HOST: &str = "conversations.twilio.com";

/// The longest friendly name, in characters, and the shortest times of timers.
const LONGEST_NAME: usize = 256;
const SHORTEST: [(&str, Duration); 2] =
    [("Timers.Inactive", Duration::from_secs(60)), ("Timers.Closed", Duration::from_secs(600))];

/// What of a request is the same for everything in a conversation.
struct Ask<'a> {
    now: CallTime,
    request: &'a RestRequest,
    fields: Fields<'a>,
    /// Whom changes are told as coming from, if they are to be told.
    source: Option<Source>,
}

impl Ask<'_> {
    fn not_found(&self) -> Refusal {
        Refusal::not_found(&self.request.path)
    }

    fn page(&self, key: &str, entries: &[Value], largest: usize) -> Answered {
        product::page(HOST, key, self.request, entries, largest)
    }
}

impl Exchange {
    pub(super) fn conversations_request(
        &mut self,
        now: CallTime,
        account: usize,
        service: Option<&str>,
        rest: &[&str],
        request: &RestRequest,
    ) -> Answered {
        let tells = request.header("x-twilio-webhook-enabled") == Some("true");
        let source = tells.then_some(Source::Api);
        let ask = Ask { now, request, fields: Fields(&request.form), source };
        let in_service = service.map_or_else(|| default_service(account), str::to_owned);
        match (request.method.as_str(), rest) {
            ("GET", ["Configuration"]) => Ok((200, Some(self.conversation_configuration(account)))),
            (method, ["Configuration", "Webhooks"]) => self.webhook_settings_request(account, service, method, &ask),
            ("POST", ["Conversations"]) => self.create_conversation(account, in_service, &ask),
            ("GET", ["Conversations"]) => self.list_conversations(account, &in_service, &ask),
            (method, ["Conversations", name, rest @ ..]) => {
                let found = self.conversations.find(account, &in_service, name).ok_or_else(|| ask.not_found())?;
                self.in_conversation(found, method, rest, &ask)
            }
            _ => Err(ask.not_found()),
        }
    }

    fn in_conversation(&mut self, index: usize, method: &str, rest: &[&str], ask: &Ask<'_>) -> Answered {
        let shown = |exchange: &Self| {
            Ok((200, Some(conversations::conversation(exchange, &exchange.conversations.all[index]))))
        };
        match (method, rest) {
            ("GET", []) => shown(self),
            ("POST", []) => {
                self.update_conversation(index, ask)?;
                shown(self)
            }
            ("DELETE", []) => {
                self.conversation_mut(index).gone = true;
                if let Some(source) = ask.source {
                    let fields = self.conversation_fields(index, "DateRemoved", ask.now);
                    self.tell(ask.now, index, "onConversationRemoved", source, fields);
                }
                Ok((204, None))
            }
            (method, ["Participants", rest @ ..]) => self.participants_request(index, method, rest, ask),
            (method, ["Messages", rest @ ..]) => self.conversation_messages_request(index, method, rest, ask),
            (method, ["Webhooks", rest @ ..]) => self.scoped_webhooks_request(index, method, rest, ask),
            _ => Err(ask.not_found()),
        }
    }

    fn create_conversation(&mut self, account: usize, service: String, ask: &Ask<'_>) -> Answered {
        let mut made = Conversation::new(sid("CH", &mut self.rng), account, service, ask.now);
        self.apply(None, &mut made, ask)?;
        let index = self.add_conversation(ask.now, made);
        if let Some(source) = ask.source {
            let fields = self.conversation_fields(index, "DateCreated", ask.now);
            self.tell(ask.now, index, "onConversationAdded", source, fields);
        }
        Ok((201, Some(conversations::conversation(self, &self.conversations.all[index]))))
    }

    fn update_conversation(&mut self, index: usize, ask: &Ask<'_>) -> Result<(), Refusal> {
        let known = &self.conversations.all[index];
        if known.state == State::Closed {
            return Err(Refusal::new(400, 50377, "Conversation is closed"));
        }
        let mut changed = Conversation::new(known.sid.clone(), known.account, known.service.clone(), ask.now);
        changed.state = known.state;
        self.apply(Some(index), &mut changed, ask)?;
        let known = self.conversation_mut(index);
        known.friendly_name = changed.friendly_name.or(known.friendly_name.take());
        known.unique_name = changed.unique_name.or(known.unique_name.take());
        if ask.fields.get("Attributes").is_some() {
            known.attributes = changed.attributes;
        }
        known.inactive_after = changed.inactive_after.or(known.inactive_after);
        known.closed_after = changed.closed_after.or(known.closed_after);
        known.messaging_service = changed.messaging_service.or(known.messaging_service.take());
        known.updated = ask.now;
        self.touch(ask.now, index);
        self.change_state(ask.now, index, changed.state, "API", ask.source);
        if let Some(source) = ask.source {
            let fields = self.conversation_fields(index, "DateUpdated", ask.now);
            self.tell(ask.now, index, "onConversationUpdated", source, fields);
        }
        Ok(())
    }

    /// Sets what the form names.
    fn apply(&self, known: Option<usize>, to: &mut Conversation, ask: &Ask<'_>) -> Result<(), Refusal> {
        let text = |name: &str| ask.fields.get(name).map(str::to_owned);
        (to.friendly_name, to.unique_name) = (text("FriendlyName"), text("UniqueName"));
        to.messaging_service = text("MessagingServiceSid");
        if to.friendly_name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_NAME) {
            return Err(Refusal::new(400, 20001, "FriendlyName is too long"));
        }
        if let Some(name) = &to.unique_name
            && self.conversations.find(to.account, &to.service, name).is_some_and(|other| Some(other) != known)
        {
            return Err(Refusal::new(409, 50353, "Conversation with provided unique name already exists"));
        }
        to.attributes = attributes(&ask.fields)?.unwrap_or_else(|| to.attributes.clone());
        if let Some(name) = ask.fields.get("State") {
            to.state = State::from_name(name).ok_or_else(|| Refusal::new(400, 20001, "Invalid State"))?;
        }
        for (name, shortest) in SHORTEST {
            let Some(text) = ask.fields.get(name) else { continue };
            let length = duration(text).filter(|length| *length >= shortest);
            let length = length.ok_or_else(|| Refusal::new(400, 20001, format!("{name} is not valid")))?;
            *if name == "Timers.Closed" { &mut to.closed_after } else { &mut to.inactive_after } = Some(length);
        }
        Ok(())
    }

    /// The newest first.
    fn list_conversations(&self, account: usize, service: &str, ask: &Ask<'_>) -> Answered {
        let query = Fields(&ask.request.query);
        let wanted = query.get("State");
        let fits = |it: &&Conversation| {
            it.account == account
                && it.service == service
                && !it.gone
                && wanted.is_none_or(|wanted| wanted == it.state.as_str())
        };
        let found = self.conversations.all.iter().rev().filter(fits);
        let found: Vec<Value> = found.map(|it| conversations::conversation(self, it)).collect();
        ask.page("conversations", &found, 100)
    }

    fn conversation_configuration(&self, account: usize) -> Value {
        json!({
            "account_sid": self.options.accounts[account].sid,
            "default_chat_service_sid": default_service(account),
            "default_messaging_service_sid": null,
            "default_inactive_timer": null,
            "default_closed_timer": null,
            "url": format!("https://{HOST}/v1/Configuration"),
            "links": {
                "service": format!("https://{HOST}/v1/Services/{}", default_service(account)),
                "webhooks": format!("https://{HOST}/v1/Configuration/Webhooks"),
            },
        })
    }
}

/// A length of ISO 8601, such as `PT10M` or `P1D`.
fn duration(text: &str) -> Option<Duration> {
    let length = text.parse::<jiff::Span>().ok()?;
    length.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
}

/// Attributes have to be JSON.
fn attributes(fields: &Fields<'_>) -> Result<Option<String>, Refusal> {
    match fields.get("Attributes") {
        Some(text) if serde_json::from_str::<Value>(text).is_err() => {
            Err(Refusal::new(400, 20001, "Attributes is not valid JSON"))
        }
        text => Ok(text.map(str::to_owned)),
    }
}
