//! The order to send a message, as 46elks's form.

use voicecall_core::messaging::SendMessage;

use crate::address::{About, SecretAddresses};

/// Where the order goes, and its fields. One with a picture is an MMS, for which 46elks has no reports.
pub(super) fn order(message: &SendMessage, addresses: &SecretAddresses) -> (&'static str, Vec<(&'static str, String)>) {
    let mut form = vec![("from", message.from.canonical()), ("to", message.to.canonical())];
    if !message.text.is_empty() {
        form.push(("message", message.text.clone()));
    }
    if let Some(picture) = message.media.first() {
        form.push(("image", picture.url.to_string()));
        return ("mms", form);
    }
    if let Some(url) = &message.report_url {
        form.push(("whendelivered", addresses.seal(url, About::Delivery).into()));
    }
    ("sms", form)
}
