//! Looking for a number, and ordering one.

use super::{CountryCode, NumberAbilities};
use crate::error::{Error, Result};
use crate::phone::PhoneNumber;

/// The most numbers one search asks for.
const MAX_FOUND: u16 = 1000;

/// Which numbers to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NumberSearch {
    /// Numbers of this country.
    pub country: CountryCode,
    /// Numbers of this kind.
    pub kind: NumberKind,
    /// Numbers that can at least this.
    pub abilities: NumberAbilities,
    /// Numbers with these digits in a row anywhere, 2 to 16 of them.
    pub digits: Option<String>,
    /// How many are wanted at most, 1 to 1000; a carrier may find fewer.
    pub limit: u16,
}

impl NumberSearch {
    /// Up to 20 numbers of a country.
    #[must_use]
    pub const fn new(country: CountryCode, kind: NumberKind, abilities: NumberAbilities) -> Self {
        Self { country, kind, abilities, digits: None, limit: 20 }
    }

    /// Checks what holds for every carrier.
    ///
    /// # Errors
    /// `Invalid` naming `digits` or `limit`.
    pub fn validate(&self) -> Result<()> {
        let is_fit =
            |digits: &str| (2..=16).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if self.digits.as_deref().is_some_and(|digits| !is_fit(digits)) {
            return Err(Error::invalid("digits", "2 to 16 digits"));
        }
        if !(1..=MAX_FOUND).contains(&self.limit) {
            return Err(Error::invalid("limit", "1 to 1000"));
        }
        Ok(())
    }
}

/// What kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberKind {
    /// Of a place.
    Local,
    /// Of a mobile network.
    Mobile,
    /// Of the country, and no place of it.
    National,
    /// Free for who calls it.
    TollFree,
}

/// A number that can be bought.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AvailableNumber {
    /// The number.
    pub number: PhoneNumber,
    /// What it is good for.
    pub abilities: NumberAbilities,
    /// The place it belongs to.
    pub locality: Option<String>,
    /// Whether it is only sold to who has shown the carrier an address.
    pub needs_address: bool,
}

impl AvailableNumber {
    /// A number of no place that needs no address.
    #[must_use]
    pub const fn new(number: PhoneNumber, abilities: NumberAbilities) -> Self {
        Self { number, abilities, locality: None, needs_address: false }
    }
}

/// The order to buy a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberOrder {
    /// This one, as it was found.
    Chosen(PhoneNumber),
    /// One that the carrier chooses.
    Any {
        /// Of this country.
        country: CountryCode,
        /// That can at least this.
        abilities: NumberAbilities,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_carrier_can_look_for_is_named() {
        let mut search = NumberSearch::new("SE".parse().unwrap(), NumberKind::Mobile, NumberAbilities::VOICE);
        assert!(search.validate().is_ok());
        for wrong in ["1", "12345678901234567", "46a", "+46"] {
            search.digits = Some(wrong.to_owned());
            assert_eq!(search.validate().unwrap_err().field(), Some("digits"), "{wrong}");
        }
        search.digits = Some("46".to_owned());
        for wrong in [0, 1001] {
            search.limit = wrong;
            assert_eq!(search.validate().unwrap_err().field(), Some("limit"));
        }
    }

    #[test]
    fn a_number_with_more_than_is_wanted_will_do() {
        let all = NumberAbilities { voice: true, sms: true, mms: true };
        assert!(all.include(&NumberAbilities::VOICE_AND_SMS) && all.include(&NumberAbilities::default()));
        assert!(!NumberAbilities::VOICE.include(&NumberAbilities::VOICE_AND_SMS));
    }
}
