//! Messages of a conversation on their way to those who get them by SMS or WhatsApp.

use voicecall_core::CallTime;

use super::{Message, Receipt, Source, State};
use crate::twilio::Exchange;
use crate::twilio::exchange::Timer;
use crate::twilio::sid::sid;

/// The carrier's code for a phone that cannot be reached.
const UNREACHABLE: u32 = 30003;

impl Exchange {
    /// Adds a message, sends it to everybody else, and tells of it if there is a source to tell of. Returns its index.
    pub(in crate::twilio) fn add_to_conversation(
        &mut self,
        now: CallTime,
        conversation: usize,
        mut message: Message,
        source: Option<Source>,
    ) -> usize {
        let known = &self.conversations.all[conversation];
        let index = known.messages.len();
        let reached: Vec<usize> = (0..known.participants.len())
            .filter(|&place| {
                let participant = &known.participants[place];
                let wrote = message.participant.as_ref() == Some(&participant.sid);
                !participant.gone && participant.binding.is_some() && !wrote
            })
            .collect();
        for participant in reached {
            let (receipt, channel_message) = (sid("DY", &mut self.rng), sid("SM", &mut self.rng));
            let receipt = Receipt {
                sid: receipt,
                participant,
                channel_message,
                status: None,
                error: 0,
                created: now,
                updated: now,
            };
            self.at(now + self.options.messaging.step, Timer::Receipt(conversation, index, message.receipts.len()));
            message.receipts.push(receipt);
        }
        self.conversations.all[conversation].messages.push(message);
        if self.conversations.all[conversation].state == State::Inactive {
            self.change_state(now, conversation, State::Active, "EVENT", source);
        }
        self.touch(now, conversation);
        if let Some(source) = source {
            let fields = self.message_fields(conversation, index, "DateCreated", now);
            self.tell(now, conversation, "onMessageAdded", source, fields);
        }
        index
    }

    /// A message comes one status further with one participant.
    pub(in crate::twilio) fn receipt_moves_on(
        &mut self,
        now: CallTime,
        conversation: usize,
        index: usize,
        place: usize,
    ) {
        let options = self.options.messaging.clone();
        let known = &mut self.conversations.all[conversation];
        let message = &mut known.messages[index];
        if known.gone || message.gone {
            return;
        }
        let receipt = &mut message.receipts[place];
        let participant = &known.participants[receipt.participant];
        let address = participant.binding.as_ref().map(|(address, _)| address.as_str()).unwrap_or_default();
        let next = match receipt.status {
            None => "sent",
            Some("sent") if options.unreachable.contains(address) => "undelivered",
            Some("sent") => "delivered",
            Some("delivered") if participant.channel() == "whatsapp" && options.reads => "read",
            Some(_) => return,
        };
        (receipt.status, receipt.updated) = (Some(next), now);
        receipt.error = if next == "undelivered" { UNREACHABLE } else { 0 };
        let fields = vec![
            ("MessageSid", message.sid.clone()),
            ("DeliveryReceiptSid", receipt.sid.clone()),
            ("ChannelMessageSid", receipt.channel_message.clone()),
            ("ParticipantSid", participant.sid.clone()),
            ("Status", next.to_owned()),
            ("ErrorCode", receipt.error.to_string()),
        ];
        let created = receipt.created;
        let dates = [("DateCreated", self.timestamp(created)), ("DateUpdated", self.timestamp(now))];
        let fields = fields.into_iter().chain(dates.map(|(name, at)| (name, at.to_string()))).collect();
        self.at(now + options.step, Timer::Receipt(conversation, index, place));
        self.tell(now, conversation, "onDeliveryUpdated", Source::Api, fields);
    }
}
