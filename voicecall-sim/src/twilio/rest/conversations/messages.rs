//! Messages of a conversation, and their receipts.

use serde_json::Value;

use super::{Answered, Ask, Refusal, attributes};
use crate::twilio::Exchange;
use crate::twilio::conversations::{self, Message, State};

/// The longest text, in characters.
const LONGEST_BODY: usize = 1600;

impl Exchange {
    pub(super) fn conversation_messages_request(
        &mut self,
        conversation: usize,
        method: &str,
        rest: &[&str],
        ask: &Ask<'_>,
    ) -> Answered {
        let known = &self.conversations.all[conversation];
        let place = |sid: &str| {
            let is_it = |it: &Message| !it.gone && it.sid == sid;
            known.messages.iter().position(is_it).ok_or_else(|| ask.not_found())
        };
        let shown = |exchange: &Self, place: usize| {
            Some(conversations::message(exchange, &exchange.conversations.all[conversation], place))
        };
        match (method, rest) {
            ("POST", []) => {
                let place = self.send_to_conversation(conversation, ask)?;
                Ok((201, shown(self, place)))
            }
            ("GET", []) => {
                let present = (0..known.messages.len()).filter(|&place| !known.messages[place].gone);
                let mut all: Vec<Value> = present.map(|place| conversations::message(self, known, place)).collect();
                let query = super::Fields(&ask.request.query);
                match query.get("Order") {
                    Some("desc") => all.reverse(),
                    None | Some("asc") => {}
                    Some(_) => return Err(Refusal::new(400, 20001, "Order must be asc or desc")),
                }
                ask.page("messages", &all, 100)
            }
            ("GET", [sid]) => Ok((200, shown(self, place(sid)?))),
            ("POST", [sid]) => {
                let place = place(sid)?;
                self.update_conversation_message(conversation, place, ask)?;
                Ok((200, shown(self, place)))
            }
            ("DELETE", [sid]) => {
                let place = place(sid)?;
                self.conversation_mut(conversation).messages[place].gone = true;
                self.tell_of_message(conversation, place, "onMessageRemoved", "DateRemoved", ask);
                Ok((204, None))
            }
            ("GET", [sid, "Receipts", rest @ ..]) => {
                let message = &known.messages[place(sid)?];
                let all = message.receipts.iter().filter_map(|it| conversations::receipt(self, known, message, it));
                let mut all: Vec<Value> = all.collect();
                match rest {
                    [] => ask.page("delivery_receipts", &all, 50),
                    [sid] => {
                        all.retain(|receipt| receipt["sid"] == *sid);
                        all.pop().map(|receipt| (200, Some(receipt))).ok_or_else(|| ask.not_found())
                    }
                    _ => Err(ask.not_found()),
                }
            }
            _ => Err(ask.not_found()),
        }
    }

    fn send_to_conversation(&mut self, conversation: usize, ask: &Ask<'_>) -> Result<usize, Refusal> {
        let known = &self.conversations.all[conversation];
        if known.state == State::Closed {
            return Err(Refusal::new(400, 50377, "Conversation is closed"));
        }
        let body = ask.fields.get("Body").map(str::to_owned);
        check_body(body.as_deref())?;
        let media = ask.fields.get("MediaSid");
        if body.is_none() && media.is_none() {
            return Err(Refusal::new(400, 20001, "Body or MediaSid is required"));
        }
        let account = known.account;
        let place = |sid: &str| {
            let is_it = |file: &conversations::File| file.sid == sid && file.account == account;
            let place = self.conversations.files.iter().position(is_it);
            place.ok_or_else(|| Refusal::new(400, 20001, "MediaSid is not valid"))
        };
        let media: Vec<usize> = media.map(place).transpose()?.into_iter().collect();
        let author = ask.fields.get("Author").unwrap_or("system").to_owned();
        let is_author = |it: &&conversations::Participant| {
            let address = it.binding.as_ref().map(|(address, _)| address);
            !it.gone && (it.identity.as_ref() == Some(&author) || address == Some(&author))
        };
        let participant = known.participants.iter().find(is_author).map(|it| it.sid.clone());
        let attributes = attributes(&ask.fields)?;
        let mut message = self.conversation_message(ask.now, author, body);
        (message.media, message.participant) = (media, participant);
        message.attributes = attributes.unwrap_or(message.attributes);
        Ok(self.add_to_conversation(ask.now, conversation, message, ask.source))
    }

    fn update_conversation_message(&mut self, conversation: usize, place: usize, ask: &Ask<'_>) -> Result<(), Refusal> {
        let (body, attributes) = (ask.fields.get("Body").map(str::to_owned), attributes(&ask.fields)?);
        check_body(body.as_deref())?;
        let message = &mut self.conversation_mut(conversation).messages[place];
        message.body = body.or(message.body.take());
        message.attributes = attributes.unwrap_or_else(|| message.attributes.clone());
        message.author = ask.fields.get("Author").map_or_else(|| message.author.clone(), str::to_owned);
        message.updated = ask.now;
        self.tell_of_message(conversation, place, "onMessageUpdated", "DateUpdated", ask);
        Ok(())
    }

    fn tell_of_message(&mut self, conversation: usize, place: usize, event: &str, date: &'static str, ask: &Ask<'_>) {
        if let Some(source) = ask.source {
            let fields = self.message_fields(conversation, place, date, ask.now);
            self.tell(ask.now, conversation, event, source, fields);
        }
    }
}

fn check_body(body: Option<&str>) -> Result<(), Refusal> {
    match body.is_some_and(|body| body.chars().count() > LONGEST_BODY) {
        true => Err(Refusal::new(400, 50504, "Message body parameter is too long")),
        false => Ok(()),
    }
}
