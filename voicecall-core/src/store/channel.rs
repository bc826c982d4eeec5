//! Over what a session runs, and who began it.

use crate::{open_text, text_enum};

open_text! {
    /// Over what a session runs.
    Channel {
        /// A phone call, over whichever network.
        Voice = "voice",
        /// Text messages to a phone number.
        Sms = "sms",
        /// Messages on WhatsApp.
        WhatsApp = "whatsapp",
        /// A chat in an app or on a page.
        Chat = "chat",
        /// Letters by e-mail.
        Email = "email",
    }
}

text_enum! {
    /// Who began a session.
    Direction, "direction" {
        /// The person.
        Inbound = "inbound",
        /// We.
        Outbound = "outbound",
    }
}
