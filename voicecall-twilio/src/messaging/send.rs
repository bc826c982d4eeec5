//! The order to send a message as Twilio's form.

use voicecall_core::messaging::SendMessage;
use voicecall_core::{Error, Result};

use crate::PROVIDER;
use crate::config::has_underscore;
use crate::order::Form;
use crate::overrides::ConnectionOverrides;

/// The form. A messaging service chooses the sender if there is one.
///
/// # Errors
/// `Invalid` naming `report_url` if Twilio would refuse it.
pub(super) fn order(message: &SendMessage, service: Option<&str>, overrides: &ConnectionOverrides) -> Result<Form> {
    let mut form = Form::default();
    form.add("To", message.to.canonical());
    match service {
        Some(service) => form.add("MessagingServiceSid", service),
        None => form.add("From", message.from.canonical()),
    }
    if !message.text.is_empty() {
        form.add("Body", message.text.as_str());
    }
    for medium in &message.media {
        form.add("MediaUrl", medium.url.as_str());
    }
    if let Some(url) = &message.report_url {
        if has_underscore(url) {
            return Err(Error::invalid("report_url", "a host without underscore").with_provider(PROVIDER));
        }
        form.add("StatusCallback", overrides.apply(url));
    }
    Ok(form)
}
