//! Ending a call, giving it new instructions, forgetting it.

use voicecall_core::CallTime;

use super::create::status_callback;
use super::{Answered, Fields, Refusal};
use crate::twilio::call::Instructions;
use crate::twilio::exchange::Timer;
use crate::twilio::{CallStatus, Exchange, StreamEnd, json};

impl Exchange {
    pub(super) fn update(&mut self, now: CallTime, index: usize, fields: &Fields<'_>) -> Answered {
        let loopback = self.options.allow_loopback;
        let status = self.calls[index].status;
        let address = fields.address("Url", 21205, loopback)?;
        let document = fields.get("Twiml");
        let callback = status_callback(fields, loopback)?;
        let limit = fields.seconds("TimeLimit", 24 * 3600)?;
        if address.is_some() && document.is_some() {
            return Err(Refusal::new(400, 20001, "Url and Twiml exclude each other"));
        }
        let steers = address.is_some() || document.is_some();
        if status.is_final() || (steers && status != CallStatus::InProgress) {
            return Err(Refusal::new(400, 21220, "Call is not in-progress. Cannot redirect."));
        }
        if callback.is_some() {
            self.calls[index].status_callback = callback;
        }
        if let Some(limit) = limit {
            self.calls[index].time_limit = limit;
            if let Some(answered) = self.calls[index].answered {
                self.at((answered + limit).max(now), Timer::Limit(index));
            }
        }
        match fields.get("Status") {
            None => {}
            Some("completed") if status == CallStatus::InProgress => {
                self.end(now, index, CallStatus::Completed, 200);
            }
            Some("completed" | "canceled") if status != CallStatus::InProgress => {
                self.end(now, index, CallStatus::Canceled, 487);
            }
            Some("canceled") => {}
            Some(_) => return Err(Refusal::new(400, 20001, "Status must be canceled or completed")),
        }
        if steers && !self.calls[index].status.is_final() {
            self.close_stream(now, index, StreamEnd::Redirected);
            self.let_go(now, index, false);
            match (address, document) {
                (Some(address), _) => self.calls[index].instructions = Instructions::Address(address),
                (_, Some(document)) => self.calls[index].instructions = Instructions::Document(document.to_owned()),
                (None, None) => {}
            }
            self.calls[index].verbs.clear();
            self.ask(now, index);
        }
        Ok((200, Some(json::call(self, &self.calls[index]))))
    }

    pub(super) fn delete(&mut self, index: usize) -> Answered {
        if !self.calls[index].status.is_final() {
            return Err(Refusal::new(409, 20409, "A call that is not over cannot be deleted"));
        }
        self.calls[index].deleted = true;
        Ok((204, None))
    }
}
