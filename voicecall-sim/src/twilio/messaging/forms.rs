//! The fields of what is told of messages.

use super::MessageStatus;
use crate::twilio::Exchange;

impl Exchange {
    pub(super) fn status_form(&self, index: usize) -> Vec<(String, String)> {
        let message = &self.messages.all[index];
        let status = message.status.as_str();
        let mut form = vec![
            ("SmsSid", message.sid.clone()),
            ("SmsStatus", status.to_owned()),
            ("MessageStatus", status.to_owned()),
            ("To", message.to.clone()),
            ("MessageSid", message.sid.clone()),
            ("AccountSid", self.options.accounts[message.account].sid.clone()),
            ("From", message.from.clone()),
            ("ApiVersion", "2010-04-01".to_owned()),
        ];
        form.extend(message.error_code.map(|code| ("ErrorCode", code.to_string())));
        form.extend(message.service.clone().map(|service| ("MessagingServiceSid", service)));
        if message.is_whatsapp() {
            form.push(("ChannelPrefix", "whatsapp".to_owned()));
            if message.status != MessageStatus::Sent {
                form.push(("EventType", status.to_ascii_uppercase()));
            }
        }
        owned(form)
    }

    pub(super) fn incoming_form(&self, index: usize) -> Vec<(String, String)> {
        let message = &self.messages.all[index];
        let account = &self.options.accounts[message.account].sid;
        let mut form = vec![
            ("SmsMessageSid".to_owned(), message.sid.clone()),
            ("NumMedia".to_owned(), message.media.len().to_string()),
            ("SmsSid".to_owned(), message.sid.clone()),
            ("SmsStatus".to_owned(), "received".to_owned()),
            ("Body".to_owned(), message.body.clone()),
            ("To".to_owned(), message.to.clone()),
            ("NumSegments".to_owned(), message.segments().to_string()),
            ("ReferralNumMedia".to_owned(), "0".to_owned()),
            ("MessageSid".to_owned(), message.sid.clone()),
            ("AccountSid".to_owned(), account.clone()),
            ("From".to_owned(), message.from.clone()),
            ("ApiVersion".to_owned(), "2010-04-01".to_owned()),
        ];
        if message.is_whatsapp() {
            let number = message.from.trim_start_matches("whatsapp:+").to_owned();
            let kind = message.media.first().and_then(|medium| medium.content_type.split('/').next()).unwrap_or("text");
            form.extend(owned(vec![
                ("ProfileName", "Simulated".to_owned()),
                ("WaId", number),
                ("MessageType", kind.to_owned()),
            ]));
        } else {
            let places = ["FromCountry", "FromState", "FromCity", "FromZip", "ToCountry", "ToState", "ToCity", "ToZip"];
            form.extend(places.map(|name| (name.to_owned(), String::new())));
        }
        for (place, medium) in message.media.iter().enumerate() {
            let sid = message.medium_sid(place);
            let url =
                format!("https://api.twilio.com/2010-04-01/Accounts/{account}/Messages/{}/Media/{sid}", message.sid);
            form.push((format!("MediaContentType{place}"), medium.content_type.to_owned()));
            form.push((format!("MediaUrl{place}"), url));
        }
        form
    }
}

fn owned(form: Vec<(&str, String)>) -> Vec<(String, String)> {
    form.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
