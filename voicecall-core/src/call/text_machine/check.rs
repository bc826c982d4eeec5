//! What can be conducted in text, found out before the call.

use super::TextMachine;
use crate::call::settings::{CallSettings, Keep};
use crate::error::{Error, Result};

impl TextMachine {
    /// Checks whether a call can be conducted in text. `announcement` is what the carrier says to its end before the socket
    /// opens.
    ///
    /// # Errors
    /// `Invalid` naming what needs audio, or needs a disclosure that cannot be shown to have been heard.
    pub fn check(settings: &CallSettings, asks_consent: bool, announcement: Option<&str>) -> Result<()> {
        if asks_consent {
            let expected = "one that asks for no consent: in a conversation in text nothing shows that what is agreed to was heard";
            return Err(Error::invalid("plan.dialogue", expected));
        }
        match &settings.keep {
            Keep::Nothing => {}
            Keep::Announced(text) if announcement == Some(text) => {}
            Keep::Announced(_) => {
                let expected = "the announcement of the account's `ConverseSettings`, which the carrier says first";
                return Err(Error::invalid("plan.keep", expected));
            }
            Keep::AfterConsent => {
                let expected = "`Nothing` or `Announced`: in a conversation in text nothing shows that what is agreed to was heard";
                return Err(Error::invalid("plan.keep", expected));
            }
        }
        if settings.recording {
            return Err(Error::invalid("plan.recording", "none: a conversation in text has no sound"));
        }
        Ok(())
    }
}
