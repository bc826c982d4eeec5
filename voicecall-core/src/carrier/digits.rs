//! Keys to press on a telephone, with pauses between them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Keys to press: `0`-`9`, `A`-`D`, `*` and `#`, with `w` for a pause of half a second and `W` for one of a second; 1 to
/// 32 characters. They may be a code that nobody else shall know: `Debug` shows only how many they are. `Serialize` shows
/// them, for the recorded inputs of a call.
///
/// ```
/// use voicecall_core::carrier::Digits;
/// let extension: Digits = "ww1234#".parse()?;
/// assert_eq!(extension.reveal(), "ww1234#");
/// assert_eq!(format!("{extension:?}"), "Digits(7)");
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Digits(String);

impl Digits {
    /// The most characters.
    pub const MAX: usize = 32;

    /// The keys and pauses.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digits {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'D' | b'*' | b'#' | b'w' | b'W');
        let fits = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(known);
        if fits { Ok(Self(text.to_owned())) } else { Err(Error::invalid("digits", "1 to 32 keys and pauses")) }
    }
}

impl TryFrom<String> for Digits {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digits({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_keys_and_pauses_are_taken(text in "[0-9A-DwW*#]{0,34}|.{0,34}") {
            let fits = (1..=32).contains(&text.len()) && text.chars().all(|key| "0123456789ABCD*#wW".contains(key));
            prop_assert_eq!(text.parse::<Digits>().is_ok(), fits);
        }
    }
}
