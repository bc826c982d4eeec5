//! An amount of money: whole millionths of a US dollar, so that sums are exact.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of money in millionths of a US dollar; as data, that integer.
///
/// ```
/// use voicecall_core::money::Money;
///
/// let minute = Money::from_micros(18_400);
/// assert_eq!(minute.checked_mul(2).map(|two| two.to_string()).as_deref(), Some("0.0368 USD"));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

const MICROS: u64 = 1_000_000;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The largest amount there is.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount of `micros` millionths of a US dollar.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Millionths of a US dollar.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The sum; `None` if it is too large.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` if it is too large.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// This amount `times` over; `None` if that is too large.
    #[must_use]
    pub fn checked_mul(self, times: u64) -> Option<Self> {
        self.0.checked_mul(i64::try_from(times).ok()?).map(Self)
    }

    /// The sum, or the largest amount: whoever adds up what was spent must come to a limit rather than pass it.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or the largest amount there is in its direction.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// What quantities cost at their prices for `per` of them: the sum rounded up to a millionth once, and no more
    /// than the largest amount.
    pub(super) fn of(quantities: &[(Self, u64)], per: u64) -> Self {
        let product = |(price, quantity): &(Self, u64)| i128::from(price.0).saturating_mul(i128::from(*quantity));
        let sum = quantities.iter().map(product).fold(0, i128::saturating_add);
        let per = i128::from(per.max(1));
        let rounded = sum.div_euclid(per).saturating_add(i128::from(sum.rem_euclid(per) > 0));
        Self(i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX }))
    }
}

/// In US dollars with at least two decimals: `0.0368 USD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (mut fraction, mut digits) = (amount % MICROS, 6);
        while digits > 2 && fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, "{sign}{}.{fraction:0digits$} USD", amount / MICROS)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_shown_in_dollars() {
        let shown = |micros| Money::from_micros(micros).to_string();
        assert_eq!(shown(36_800), "0.0368 USD");
        assert_eq!(shown(250_000), "0.25 USD");
        assert_eq!(shown(0), "0.00 USD");
        assert_eq!(shown(1), "0.000001 USD");
        assert_eq!(shown(-12_500_000), "-12.50 USD");
        assert_eq!(shown(i64::MIN), "-9223372036854.775808 USD");
    }

    #[test]
    fn a_part_of_a_millionth_is_charged_whole_and_only_once() {
        let price = Money::from_micros(4500);
        assert_eq!(Money::of(&[(price, 1)], 60_000), Money::from_micros(1));
        assert_eq!(Money::of(&[(price, 60_000)], 60_000), price);
        assert_eq!(Money::of(&[(Money::from_micros(1), 1), (Money::from_micros(1), 1)], 1000), Money::from_micros(1));
        assert_eq!(Money::of(&[], 1000), Money::ZERO);
    }

    proptest! {
        #[test]
        fn arithmetic_notices_what_does_not_fit_and_never_panics(a: i64, b: i64, times: u64, per: u64) {
            let (one, two) = (Money::from_micros(a), Money::from_micros(b));
            prop_assert_eq!(one.checked_add(two).map(Money::micros), a.checked_add(b));
            prop_assert_eq!(one.checked_sub(two).map(Money::micros), a.checked_sub(b));
            let product = i64::try_from(i128::from(a) * i128::from(times)).ok();
            prop_assert_eq!(i64::try_from(times).ok().and(one.checked_mul(times)).map(Money::micros), i64::try_from(times).ok().and(product));
            let cost = Money::of(&[(one, times), (two, times)], per);
            prop_assert!(a < 0 || b < 0 || cost >= Money::ZERO);
            let _ = (one.saturating_add(two), one.saturating_sub(two), one.to_string());
        }

        #[test]
        fn an_amount_reads_back_as_it_was_written(micros: i64) {
            let json = serde_json::to_string(&Money::from_micros(micros)).unwrap();
            prop_assert_eq!(&json, &micros.to_string());
            prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), Money::from_micros(micros));
        }
    }
}
