//! Countries, as numbers are assigned to them.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// A country by its two letters (ISO 3166-1 alpha-2), such as `SE`.
///
/// ```
/// use voicecall_core::carrier::CountryCode;
/// assert_eq!("se".parse::<CountryCode>()?.to_string(), "SE");
/// assert_eq!("Sweden".parse::<CountryCode>().unwrap_err().field(), Some("country"));
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// The two letters, upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // They are ASCII letters: `from_str` takes nothing else.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for CountryCode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match *text.as_bytes() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                Ok(Self([first.to_ascii_uppercase(), second.to_ascii_uppercase()]))
            }
            _ => Err(Error::invalid("country", "two letters, such as SE")),
        }
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
