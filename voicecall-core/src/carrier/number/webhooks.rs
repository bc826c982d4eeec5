//! Where a carrier turns to about calls to a number.

use url::Url;

use crate::error::{Error, ErrorKind};
use crate::phone::PhoneNumber;

/// Where a carrier turns to about calls to one of an account's numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberWebhooks {
    /// Is asked what to do with a call that comes in; `None` if nobody is, or the number is tied to something else.
    pub incoming: Option<Url>,
    /// Is told how such calls end. Carriers that tell it by themselves have no place for it.
    pub status: Option<Url>,
}

impl NumberWebhooks {
    /// The error about a number that does not belong to the account.
    #[must_use]
    pub fn not_ours(operation: &'static str, provider: &'static str, number: &PhoneNumber) -> Error {
        Error::new(ErrorKind::NotFound, operation)
            .with_provider(provider)
            .with_field("number")
            .with_message(format!("{number} does not belong to this account"))
    }
}
