//! Addresses of the people at the other end of a contact, which cannot be printed whole by accident.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::phone::PhoneNumber;
use crate::store::Channel;

/// Where somebody is reached, or reached us from.
///
/// `Debug` shows the kind and as little of the address as tells two apart; there is no `Serialize`. The whole address is
/// had by [`Address::canonical`], which [`FromStr`] reads back.
///
/// ```
/// use voicecall_core::Address;
/// let address: Address = "sip:anna@example.com".parse()?;
/// assert_eq!(address.canonical(), "sip:anna@example.com");
/// assert_eq!(format!("{address:?}"), "Sip(a***)");
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A phone number; canonically `+46701234567`.
    Phone(PhoneNumber),
    /// A SIP user, without the scheme; canonically `sip:user@host`.
    Sip(String),
    /// A WhatsApp account, by its number; canonically `whatsapp:+46701234567`.
    WhatsApp(PhoneNumber),
    /// A client of the carrier's or of an app, by its name; canonically `client:name`.
    Client(String),
    /// An e-mail address; canonically `mailto:user@host`.
    Email(String),
}

impl Address {
    /// The number, if it is one that a phone call reaches.
    #[must_use]
    pub const fn as_phone(&self) -> Option<&PhoneNumber> {
        match self {
            Self::Phone(number) => Some(number),
            _ => None,
        }
    }

    /// Over what messages to it go.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Phone(_) => Channel::Sms,
            Self::WhatsApp(_) => Channel::WhatsApp,
            Self::Client(_) => Channel::Chat,
            Self::Sip(_) => Channel::Voice,
            Self::Email(_) => Channel::Email,
        }
    }

    /// The address by which somebody is known who may be reached in several ways: a WhatsApp account belongs to whoever has
    /// its number.
    #[must_use]
    pub fn of_person(&self) -> Self {
        match self {
            Self::WhatsApp(number) => Self::Phone(number.clone()),
            other => other.clone(),
        }
    }

    /// The whole address in the one form in which it is sealed, compared and given to carriers.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::Phone(number) => number.reveal().to_owned(),
            Self::Sip(user) => format!("sip:{user}"),
            Self::WhatsApp(number) => format!("whatsapp:{}", number.reveal()),
            Self::Client(name) => format!("client:{name}"),
            Self::Email(mailbox) => format!("mailto:{mailbox}"),
        }
    }
}

impl From<PhoneNumber> for Address {
    fn from(number: PhoneNumber) -> Self {
        Self::Phone(number)
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let Some((scheme, rest)) = text.split_once(':') else { return PhoneNumber::parse(text).map(Self::Phone) };
        let is_fit = !rest.is_empty() && rest.chars().all(|char| !char.is_whitespace() && !char.is_control());
        match scheme {
            "whatsapp" => PhoneNumber::parse(rest).map(Self::WhatsApp),
            "sip" if is_fit => Ok(Self::Sip(rest.to_owned())),
            "client" if is_fit => Ok(Self::Client(rest.to_owned())),
            "mailto" if is_fit => Ok(Self::Email(rest.to_owned())),
            _ => Err(Error::invalid("address", "a number in E.164 form, or sip:, whatsapp:, client: or mailto:")),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = |text: &str| format!("{}***", text.chars().next().unwrap_or('*'));
        match self {
            Self::Phone(number) => write!(f, "Phone({})", number.masked()),
            Self::WhatsApp(number) => write!(f, "WhatsApp({})", number.masked()),
            Self::Sip(user) => write!(f, "Sip({})", masked(user)),
            Self::Client(name) => write!(f, "Client({})", masked(name)),
            Self::Email(mailbox) => write!(f, "Email({})", masked(mailbox)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_and_is_masked() {
        let all = ["+46701234567", "sip:anna@example.com", "whatsapp:+46701234567", "client:anna", "mailto:anna@b.se"];
        for text in all {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.canonical(), text);
            assert_eq!(address.as_phone().is_some(), text.starts_with('+'));
            let printed = format!("{address:?}");
            assert!(!printed.contains("anna") && !printed.contains("701234"), "{printed}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in ["", "anna", "sip:", "sip:a b", "fax:1", "whatsapp:anna"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
