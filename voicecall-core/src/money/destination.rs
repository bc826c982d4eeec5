//! What a carrier charges by where the call goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::prices::{CarrierPrice, Price};
use crate::error::{Error, Result};
use crate::phone::PhoneNumber;

/// What a carrier charges by destination: prices by the beginning of the number that is called, in E.164. As data, a map.
///
/// ```
/// use voicecall_core::money::DestinationPrices;
///
/// let prices: DestinationPrices = serde_json::from_str(r#"{
///     "+":   { "per_minute": 90000 },
///     "+46": { "per_minute": 14000 },
///     "+467": { "per_minute": 30000 }
/// }"#).unwrap();
/// prices.validate()?;
/// let mobile = prices.price_to(&"+46701234567".parse()?).unwrap();
/// assert_eq!(mobile.per_minute.micros(), 30_000);
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DestinationPrices(BTreeMap<String, CarrierPrice>);

impl DestinationPrices {
    /// No prices.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the price of calls to numbers that begin with `prefix`: `+` and digits, `+` alone for all.
    #[must_use]
    pub fn with(mut self, prefix: impl Into<String>, price: CarrierPrice) -> Self {
        self.0.insert(prefix.into(), price);
        self
    }

    /// The price of a call to this number: that of the longest beginning, `None` if no beginning is its.
    #[must_use]
    pub fn price_to(&self, number: &PhoneNumber) -> Option<CarrierPrice> {
        let is_its = |prefix: &str| number.reveal().starts_with(prefix);
        let (_, price) = self.0.iter().filter(|(prefix, _)| is_its(prefix)).max_by_key(|(prefix, _)| prefix.len())?;
        Some(*price)
    }

    /// Checks every price.
    ///
    /// # Errors
    /// `Config` naming the beginning, and the amount if it is that.
    pub fn validate(&self) -> Result<()> {
        for (prefix, price) in &self.0 {
            let digits = prefix.strip_prefix('+').unwrap_or("-");
            if digits.len() > 15 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Error::config(
                    format!("\"{prefix}\""),
                    "the beginning of a number in E.164 form, such as +46",
                ));
            }
            if let Some((name, _)) = price.amounts().find(|(_, amount)| amount.micros() < 0) {
                return Err(Error::config(format!("\"{prefix}\".{name}"), "not negative"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;

    fn price(micros: i64) -> CarrierPrice {
        CarrierPrice { per_minute: Money::from_micros(micros), ..CarrierPrice::default() }
    }

    #[test]
    fn the_longest_beginning_of_a_number_has_its_price() {
        let prices = DestinationPrices::new().with("+46", price(1)).with("+4670", price(2)).with("+1", price(3));
        let to = |number: &str| prices.price_to(&number.parse().unwrap()).map(|price| price.per_minute.micros());
        assert_eq!(to("+46701234567"), Some(2));
        assert_eq!(to("+46812345678"), Some(1));
        assert_eq!(to("+4712345678"), None);
        assert_eq!(prices.clone().with("+", price(4)).price_to(&"+4712345678".parse().unwrap()), Some(price(4)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |prefix: &str, price| {
            DestinationPrices::new().with(prefix, price).validate().unwrap_err().field().unwrap().to_owned()
        };
        assert!(DestinationPrices::new().with("+", price(0)).with("+46", price(1)).validate().is_ok());
        for prefix in ["46", "", "+4x", "+1234567890123456"] {
            assert_eq!(wrong(prefix, price(1)), format!("\"{prefix}\""));
        }
        assert_eq!(wrong("+46", price(-1)), "\"+46\".per_minute");
    }
}
