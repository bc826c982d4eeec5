//! Messages: sending, listing, their media, redacting and deleting.

use serde_json::Value;
use voicecall_core::CallTime;

use super::create::is_e164;
use super::list::within;
use super::{Answered, Fields, Refusal, RestReply, RestRequest, is_web_address, plain};
use crate::fault::Site;
use crate::twilio::{Exchange, Message, json};

/// The longest text, in characters, and the most media.
const LONGEST_BODY: usize = 1600;
const MOST_MEDIA: usize = 10;

/// What a request about messages asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageOperation {
    Send,
    List,
    Fetch(usize),
    Update(usize),
    Delete(usize),
    Media(usize),
    Medium(usize, usize),
    File(usize, usize),
}

impl MessageOperation {
    pub(super) const fn site(self) -> Site {
        match self {
            Self::Send => Site::RestCreate,
            Self::List | Self::Fetch(_) | Self::Media(_) | Self::Medium(..) | Self::File(..) => Site::RestFetch,
            Self::Update(_) | Self::Delete(_) => Site::RestUpdate,
        }
    }
}

/// Whether a path names a medium itself.
pub(super) fn is_medium(path: &str) -> bool {
    path.contains("/Messages/") && path.contains("/Media/") && !path.ends_with(".json")
}

impl Exchange {
    pub(super) fn messages_of(
        &self,
        account: usize,
        method: &str,
        rest: &[&str],
        request: &RestRequest,
    ) -> Result<MessageOperation, Refusal> {
        let known = |sid: &str| {
            let is_it = |message: &Message| message.sid == sid && message.account == account && !message.deleted;
            self.messages.all.iter().position(is_it).ok_or_else(|| Refusal::not_found(&request.path))
        };
        match (method, rest) {
            ("POST", []) => Ok(MessageOperation::Send),
            ("GET", []) => Ok(MessageOperation::List),
            ("GET", [sid]) => Ok(MessageOperation::Fetch(known(sid)?)),
            ("POST", [sid]) => Ok(MessageOperation::Update(known(sid)?)),
            ("DELETE", [sid]) => Ok(MessageOperation::Delete(known(sid)?)),
            ("GET", [sid, "Media"]) => Ok(MessageOperation::Media(known(sid)?)),
            ("GET", [sid, "Media", medium]) => {
                let index = known(sid)?;
                let message = &self.messages.all[index];
                let place = (0..message.media.len()).find(|place| message.medium_sid(*place) == *medium);
                let place = place.ok_or_else(|| Refusal::not_found(&request.path))?;
                let is_file = is_medium(&request.path);
                Ok(if is_file { MessageOperation::File(index, place) } else { MessageOperation::Medium(index, place) })
            }
            (_, [] | [_]) => Err(Refusal::new(405, 20004, "Method not allowed")),
            _ => Err(Refusal::not_found(&request.path)),
        }
    }

    pub(super) fn messages_request(
        &mut self,
        now: CallTime,
        account: usize,
        operation: MessageOperation,
        request: &RestRequest,
    ) -> Answered {
        let shown = |exchange: &Self, index: usize| Some(json::message(exchange, &exchange.messages.all[index]));
        match operation {
            MessageOperation::Send => {
                let index = self.send_message(now, account, &Fields(&request.form))?;
                Ok((201, shown(self, index)))
            }
            MessageOperation::List => self.list_messages(account, request),
            MessageOperation::Fetch(index) => Ok((200, shown(self, index))),
            MessageOperation::Update(index) => {
                // An empty text redacts it; there is nothing else to change in a message that was not scheduled.
                if Fields(&request.form).all("Body").next() != Some("") {
                    return Err(Refusal::new(400, 20001, "Body must be empty"));
                }
                self.messages.all[index].body.clear();
                Ok((200, shown(self, index)))
            }
            MessageOperation::Delete(index) => {
                self.messages.all[index].deleted = true;
                Ok((204, None))
            }
            MessageOperation::Medium(index, place) => {
                Ok((200, Some(json::medium(self, &self.messages.all[index], place))))
            }
            MessageOperation::Media(index) | MessageOperation::File(index, _) => {
                let message = &self.messages.all[index];
                let media: Vec<Value> =
                    (0..message.media.len()).map(|place| json::medium(self, message, place)).collect();
                Ok((200, Some(json::page("media_list", &request.path, "", &media, 0, 50))))
            }
        }
    }

    fn send_message(&mut self, now: CallTime, account: usize, fields: &Fields<'_>) -> Result<usize, Refusal> {
        let refuse = |code, text: &str| Err(Refusal::new(400, code, text));
        let Some(to) = fields.get("To") else { return refuse(21604, "A 'To' phone number is required.") };
        let service = fields.get("MessagingServiceSid");
        let numbers = &self.options.accounts[account].numbers;
        let chosen = service.and_then(|_| numbers.first()).map(|number| number.number.clone());
        let Some(from) = fields.get("From").map(str::to_owned).or(chosen) else {
            return refuse(21603, "A 'From' phone number is required.");
        };
        let bare = |address: &str| address.trim_start_matches("whatsapp:").to_owned();
        if !is_e164(&bare(to)) || to.starts_with("whatsapp:") != from.starts_with("whatsapp:") || to == from {
            return refuse(21211, "The 'To' number is not a valid phone number.");
        }
        if !numbers.iter().any(|number| number.number == bare(&from)) {
            return refuse(21606, "The 'From' phone number is not a valid, message-capable number of the account.");
        }
        let body = fields.get("Body").unwrap_or_default();
        let media: Vec<String> = fields.all("MediaUrl").map(str::to_owned).collect();
        if body.is_empty() && media.is_empty() {
            return refuse(21602, "Message body is required.");
        }
        if body.chars().count() > LONGEST_BODY {
            return refuse(21617, "The concatenated message body exceeds the 1600 character limit");
        }
        let loopback = self.options.allow_loopback;
        if media.len() > MOST_MEDIA || !media.iter().all(|url| is_web_address(url, loopback)) {
            return refuse(21620, "Invalid media URL(s)");
        }
        let callback = fields.get("StatusCallback").map(str::to_owned);
        if callback.as_ref().is_some_and(|url| !is_web_address(url, loopback)) {
            return refuse(21609, "The 'StatusCallback' URL is not a valid URL.");
        }
        if self.messages.has_opted_out(to, &from) {
            return refuse(21610, "Attempt to send to unsubscribed recipient");
        }
        let mut message = self.new_message(now, account, to, &from, body);
        if !media.is_empty() {
            message.sid.replace_range(..2, "MM");
        }
        (message.media_urls, message.callback, message.service) = (media, callback, service.map(str::to_owned));
        Ok(self.add_message(now, message))
    }

    /// The account's messages, newest first. A message that was not passed on yet has no time by which it is found.
    fn list_messages(&self, account: usize, request: &RestRequest) -> Answered {
        let fields = Fields(&request.query);
        let (size, page) = (fields.number("PageSize", 50)?.clamp(1, 1000), fields.number("Page", 0)?);
        let equals = |name: &str, value: &str| fields.get(name).is_none_or(|wanted| wanted == value);
        let mut found = Vec::new();
        for message in self.messages.all.iter().rev().filter(|message| message.account == account && !message.deleted) {
            let sent = if message.is_incoming { Some(message.created) } else { message.sent };
            let is_then = within(&fields, "DateSent", sent.map(|sent| self.timestamp(sent)))?;
            if is_then && equals("To", &message.to) && equals("From", &message.from) {
                found.push(json::message(self, message));
            }
        }
        let is_filter = |(name, _): &&(String, String)| !matches!(name.as_str(), "PageSize" | "Page" | "PageToken");
        let filters = request.query.iter().filter(is_filter);
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(filters).finish();
        Ok((200, Some(json::page("messages", &request.path, &encoded, &found, page, size))))
    }

    /// A medium's bytes. The carrier redirects to where they lie; here they lie at once.
    pub(super) fn medium(&self, index: usize, place: usize) -> RestReply {
        let medium = &self.messages.all[index].media[place];
        RestReply { content_type: medium.content_type, ..plain(200, medium.bytes.clone()) }
    }
}
