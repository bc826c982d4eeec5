//! Which numbers may be called: those that people have, where the service's own numbers are.

use std::collections::BTreeSet;

use phonenumber::Type;
use phonenumber::metadata::DATABASE;
use voicecall_core::{Error, PhoneNumber, Result};

/// The [code](Error::code) of the refusal to call a number that may not be called.
pub(crate) const DESTINATION: &str = "destination";

/// Which numbers may be called.
///
/// Whoever can have a number called could else have one called that they earn from: premium numbers, and expensive
/// countries. So by default only numbers of the countries in which the accounts have numbers themselves are called, and of
/// those only what people have: fixed and mobile lines, numbers that are free to call, and numbers that follow a person or
/// a company. The kinds are those of Google's libphonenumber.
///
/// ```
/// use voicecall_engine::Destinations;
///
/// let nordic = Destinations::in_countries(["SE", "NO", "DK", "FI"]);
/// assert!(nordic.check(&"+46701234567".parse()?).is_ok());
/// assert!(nordic.check(&"+46900123456".parse()?).is_err(), "a premium number");
/// assert!(nordic.check(&"+442079460000".parse()?).is_err(), "another country");
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Destinations(Allowed);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Allowed {
    #[default]
    OwnCountries,
    Countries(BTreeSet<String>),
    EveryCountry,
    Anything,
}

impl Destinations {
    /// What people have, in these countries, by their ISO 3166-1 codes of two letters such as `SE`.
    #[must_use]
    pub fn in_countries<'a>(countries: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Allowed::Countries(countries.into_iter().map(str::to_ascii_uppercase).collect()))
    }

    /// What people have, in every country.
    #[must_use]
    pub const fn in_every_country() -> Self {
        Self(Allowed::EveryCountry)
    }

    /// Every number, premium ones too, and numbers that nobody can have. For tests, and for services that check themselves.
    #[must_use]
    pub const fn anything() -> Self {
        Self(Allowed::Anything)
    }

    /// Whether a number may be called. Where it goes by the countries of the accounts' own numbers, none may.
    ///
    /// # Errors
    /// `Invalid` naming `remote`, with what is allowed.
    pub fn check(&self, number: &PhoneNumber) -> Result<()> {
        self.check_from(number, [])
    }

    /// The same for accounts with these numbers.
    pub(crate) fn check_from<'a>(
        &self,
        number: &PhoneNumber,
        own: impl IntoIterator<Item = &'a PhoneNumber>,
    ) -> Result<()> {
        let countries = match &self.0 {
            Allowed::Anything => return Ok(()),
            Allowed::EveryCountry => None,
            Allowed::Countries(countries) => Some(countries.clone()),
            Allowed::OwnCountries => {
                let own = own.into_iter().filter_map(|own| phonenumber::parse(None, own.reveal()).ok());
                Some(own.filter_map(|own| country(&own)).collect())
            }
        };
        let parsed = phonenumber::parse(None, number.reveal()).ok();
        match parsed.as_ref().map(|number| number.number_type(&DATABASE)) {
            Some(Type::FixedLine | Type::Mobile | Type::FixedLineOrMobile) => {}
            Some(Type::TollFree | Type::PersonalNumber | Type::Voip | Type::Uan) => {}
            _ => return Err(refusal("a number that a person can have, and no premium one".to_owned())),
        }
        let country = parsed.as_ref().and_then(country);
        match countries {
            Some(countries) if !country.is_some_and(|country| countries.contains(&country)) => {
                let named: Vec<_> = countries.iter().map(String::as_str).collect();
                Err(refusal(format!("a number in an allowed country ({})", named.join(", "))))
            }
            _ => Ok(()),
        }
    }
}

/// The country of a number. Satellites and the like have none.
fn country(number: &phonenumber::PhoneNumber) -> Option<String> {
    number.country().id().map(|country| country.as_ref().to_owned())
}

fn refusal(expected: String) -> Error {
    Error::invalid("remote", expected).with_code(DESTINATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        text.parse().unwrap()
    }

    fn refused(destinations: &Destinations, text: &str) -> Error {
        let error = destinations.check_from(&number(text), [&number("+46700000000")]).unwrap_err();
        assert_eq!((error.field(), error.code()), (Some("remote"), Some(DESTINATION)), "{text}");
        error
    }

    #[test]
    fn by_default_people_are_called_where_our_own_numbers_are() {
        let own = Destinations::default();
        for text in ["+46701234567", "+4681234567", "+46201234567"] {
            own.check_from(&number(text), [&number("+46700000000")]).unwrap();
        }
        for premium in ["+46900123456", "+46939123456", "+46944123456", "+46771123456", "+46112123"] {
            assert!(refused(&own, premium).to_string().contains("premium"), "{premium}");
        }
        for abroad in ["+442079460000", "+12025550123", "+18767901234"] {
            assert!(refused(&own, abroad).to_string().contains("(SE)"), "{abroad}");
        }
        refused(&own, "+881612345678");
        assert!(own.check(&number("+46701234567")).is_err(), "no number of ours");
    }

    #[test]
    fn what_is_allowed_beyond_that_is_said() {
        let nordic = Destinations::in_countries(["se", "NO"]);
        nordic.check(&number("+4740612345")).unwrap();
        refused(&nordic, "+442079460000");
        let everywhere = Destinations::in_every_country();
        everywhere.check(&number("+442079460000")).unwrap();
        refused(&everywhere, "+19005551234");
        Destinations::anything().check(&number("+19005551234")).unwrap();
    }
}
