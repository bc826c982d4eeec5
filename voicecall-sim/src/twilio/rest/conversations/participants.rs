//! Participants of a conversation.

use serde_json::Value;

use super::super::create::is_e164;
use super::{Answered, Ask, Refusal, attributes};
use crate::twilio::Exchange;
use crate::twilio::conversations::{self, Participant, State};
use crate::twilio::sid::sid;

impl Exchange {
    pub(super) fn participants_request(
        &mut self,
        conversation: usize,
        method: &str,
        rest: &[&str],
        ask: &Ask<'_>,
    ) -> Answered {
        let known = &self.conversations.all[conversation];
        let place = |name: &str| {
            let is_it = |it: &Participant| !it.gone && (it.sid == name || it.identity.as_deref() == Some(name));
            known.participants.iter().position(is_it).ok_or_else(|| ask.not_found())
        };
        let shown = |exchange: &Self, place: usize| {
            let known = &exchange.conversations.all[conversation];
            Some(conversations::participant(exchange, known, &known.participants[place]))
        };
        match (method, rest) {
            ("POST", []) => {
                let place = self.add_participant(conversation, ask)?;
                Ok((201, shown(self, place)))
            }
            ("GET", []) => {
                let present = known.participants.iter().filter(|it| !it.gone);
                let all: Vec<Value> = present.map(|it| conversations::participant(self, known, it)).collect();
                ask.page("participants", &all, 100)
            }
            ("GET", [name]) => Ok((200, shown(self, place(name)?))),
            ("POST", [name]) => {
                let place = place(name)?;
                self.update_participant(conversation, place, ask)?;
                Ok((200, shown(self, place)))
            }
            ("DELETE", [name]) => {
                let place = place(name)?;
                self.conversation_mut(conversation).participants[place].gone = true;
                self.tell_of_participant(conversation, place, "onParticipantRemoved", "DateRemoved", ask);
                Ok((204, None))
            }
            _ => Err(ask.not_found()),
        }
    }

    fn add_participant(&mut self, conversation: usize, ask: &Ask<'_>) -> Result<usize, Refusal> {
        let known = &self.conversations.all[conversation];
        if known.state == State::Closed {
            return Err(Refusal::new(400, 50377, "Conversation is closed"));
        }
        let text = |name: &str| ask.fields.get(name).map(str::to_owned);
        let (address, proxy) = (text("MessagingBinding.Address"), text("MessagingBinding.ProxyAddress"));
        let (identity, binding) = match (text("Identity"), address.zip(proxy)) {
            (Some(identity), None) => (Some(identity), None),
            (None, Some(binding)) => (None, Some(binding)),
            _ => return Err(Refusal::new(400, 20001, "Identity, or MessagingBinding.Address and .ProxyAddress")),
        };
        let is_in = |it: &Participant| !it.gone && it.identity.is_some() && it.identity == identity;
        if known.participants.iter().any(is_in) {
            return Err(Refusal::new(409, 50433, "Participant already exists"));
        }
        if let Some((address, proxy)) = &binding {
            self.check_binding(known.account, address, proxy, None)?;
        }
        let attributes = attributes(&ask.fields)?.unwrap_or_else(|| "{}".to_owned());
        let participant = Participant {
            sid: sid("MB", &mut self.rng),
            identity,
            binding,
            role: text("RoleSid"),
            attributes,
            last_read: None,
            created: ask.now,
            updated: ask.now,
            gone: false,
        };
        let known = self.conversation_mut(conversation);
        known.participants.push(participant);
        let place = known.participants.len() - 1;
        self.tell_of_participant(conversation, place, "onParticipantAdded", "DateCreated", ask);
        Ok(place)
    }

    /// Whether a participant may have these addresses: nobody else has, `who` being the conversation and place of one that
    /// there is.
    fn check_binding(
        &self,
        account: usize,
        address: &str,
        proxy: &str,
        who: Option<(usize, usize)>,
    ) -> Result<(), Refusal> {
        let bare = |address: &str| address.trim_start_matches("whatsapp:").to_owned();
        if !is_e164(&bare(address)) {
            return Err(Refusal::new(400, 50407, "Invalid messaging binding address"));
        }
        let is_ours = self.options.accounts[account].numbers.iter().any(|own| own.number == bare(proxy));
        if !is_ours || address.starts_with("whatsapp:") != proxy.starts_with("whatsapp:") {
            return Err(Refusal::new(400, 50408, "Invalid messaging binding proxy address"));
        }
        if self.conversations.bound(account, address, proxy).is_some_and(|other| Some(other) != who) {
            return Err(Refusal::new(409, 50416, "Participant and proxy address pair is already in use"));
        }
        Ok(())
    }

    fn update_participant(&mut self, conversation: usize, place: usize, ask: &Ask<'_>) -> Result<(), Refusal> {
        let attributes = attributes(&ask.fields)?;
        let last_read = ask.fields.get("LastReadMessageIndex").map(str::parse).transpose();
        let last_read = last_read.map_err(|_| Refusal::new(400, 20001, "LastReadMessageIndex must be a number"))?;
        let proxy = ask.fields.get("MessagingBinding.ProxyAddress").map(str::to_owned);
        let known = &self.conversations.all[conversation];
        if let Some(proxy) = &proxy {
            let (address, _) = known.participants[place]
                .binding
                .as_ref()
                .ok_or_else(|| Refusal::new(400, 50441, "Failed to add a proxy address to a participant"))?;
            self.check_binding(known.account, address, proxy, Some((conversation, place)))?;
        }
        let participant = &mut self.conversation_mut(conversation).participants[place];
        participant.attributes = attributes.unwrap_or_else(|| participant.attributes.clone());
        participant.last_read = last_read.or(participant.last_read);
        participant.role = ask.fields.get("RoleSid").map(str::to_owned).or(participant.role.take());
        if let (Some(proxy), Some(binding)) = (proxy, &mut participant.binding) {
            binding.1 = proxy;
        }
        participant.updated = ask.now;
        self.tell_of_participant(conversation, place, "onParticipantUpdated", "DateUpdated", ask);
        Ok(())
    }

    fn tell_of_participant(
        &mut self,
        conversation: usize,
        place: usize,
        event: &str,
        date: &'static str,
        ask: &Ask<'_>,
    ) {
        if let Some(source) = ask.source {
            let participant = self.conversations.all[conversation].participants[place].clone();
            let fields = self.participant_fields(&participant, date, ask.now);
            self.tell(ask.now, conversation, event, source, fields);
        }
    }
}
