//! Phone numbers in E.164 form that cannot be printed whole by accident.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::error::Error;

/// A phone number in E.164 form (ITU-T E.164: `+` and 7 to 15 digits, the first not zero).
///
/// `Debug` and `Display` show the first three and the last two characters only; there is no `Serialize`.
/// The whole number is had by [`PhoneNumber::reveal`], which is easy to search for in a review.
///
/// ```
/// use voicecall_core::PhoneNumber;
/// let number: PhoneNumber = "+46701234567".parse()?;
/// assert_eq!(number.to_string(), "+46*******67");
/// assert_eq!(number.reveal(), "+46701234567");
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number in E.164 form.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) naming the field `phone`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let digits = text.strip_prefix('+').unwrap_or("");
        let plausible = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if plausible { Ok(Self(text.to_owned())) } else { Err(Error::invalid("phone", "a number in E.164 form")) }
    }

    /// The whole number, for the carrier and for sealing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The number with all but its first three and last two characters hidden.
    #[must_use]
    pub fn masked(&self) -> String {
        let (head, tail) = (&self.0[..3], &self.0[self.0.len() - 2..]);
        format!("{head}{}{tail}", "*".repeat(self.0.len() - 5))
    }
}

impl FromStr for PhoneNumber {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_only_e164() {
        for wrong in ["", "+", "0701234567", "+0701234567", "+4670123456a", "+46", "+1234567890123456", "+46 70123456"]
        {
            assert_eq!(PhoneNumber::parse(wrong).unwrap_err().field(), Some("phone"), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn never_prints_whole(digits in "[1-9][0-9]{6,14}") {
            let number = PhoneNumber::parse(&format!("+{digits}")).unwrap();
            prop_assert!(!format!("{number:?} {number}").contains(&digits));
        }

        #[test]
        fn parsing_never_panics(text in ".{0,20}") {
            let _ = PhoneNumber::parse(&text);
        }
    }
}
