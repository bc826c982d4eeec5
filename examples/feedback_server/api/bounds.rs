//! Values with bounds, checked as they are read. What the document says of them comes from the same constants.

use std::borrow::Cow;
use std::fmt;

use jiff::civil;
use serde::de::{Deserialize, Deserializer, Error as _, Unexpected, Visitor};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};
use voicecall::PhoneNumber;

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole<const MIN: u64, const MAX: u64>(u64);

/// A number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number<const MIN: i64, const MAX: i64>(f64);

/// A text of `MIN` to `MAX` characters, none of which steers how it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<const MIN: usize, const MAX: usize>(String);

/// A Swedish phone number in E.164 form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SwedishPhone(pub(super) PhoneNumber);

/// A time of day as `HH:MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeOfDay(pub(super) civil::Time);

/// The code of a language (ISO 639-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LanguageCode(pub(super) String);

/// A text of at most `MAX` characters with something in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<const MAX: usize>(pub(super) String);

/// What no text holds: control characters but tabs and ends of lines, and those that turn the direction of writing, by which a
/// text is read as another one.
const PLAIN: &str = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F\u202A-\u202E\u2066-\u2069]*$";

pub(super) fn is_plain(text: &str) -> bool {
    let steers = |char: char| {
        (char.is_ascii_control() && !matches!(char, '\t' | '\n' | '\r'))
            || matches!(char, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    !text.contains(steers)
}

impl<const MIN: u64, const MAX: u64> Whole<MIN, MAX> {
    pub(super) const fn get(self) -> u64 {
        self.0
    }

    /// The number where bounds make it small; cut off otherwise.
    pub(super) fn small(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl<const MIN: i64, const MAX: i64> Number<MIN, MAX> {
    pub(super) const fn get(self) -> f64 {
        self.0
    }
}

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_inner(self) -> String {
        self.0
    }
}

/// Takes whole numbers however JSON writes them: 7 and 7.0 are the same to its schemas.
struct WholeVisitor<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Visitor<'_> for WholeVisitor<MIN, MAX> {
    type Value = Whole<MIN, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match MAX {
            u64::MAX => write!(f, "a whole number from {MIN}"),
            _ => write!(f, "a whole number from {MIN} to {MAX}"),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
        if (MIN..=MAX).contains(&value) {
            Ok(Whole(value))
        } else {
            Err(E::invalid_value(Unexpected::Unsigned(value), &self))
        }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
        // Up to 2^53 every whole number is one of these.
        if value.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&value) {
            return self.visit_u64(value as u64);
        }
        Err(E::invalid_value(Unexpected::Float(value), &self))
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(WholeVisitor::<MIN, MAX>)
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Number<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        if (MIN as f64..=MAX as f64).contains(&value) {
            return Ok(Self(value));
        }
        Err(D::Error::custom(format_args!("a number from {MIN} to {MAX}")))
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if (MIN..=MAX).contains(&text.chars().count()) && is_plain(&text) {
            return Ok(Self(text));
        }
        Err(D::Error::custom(format_args!("a text of {MIN} to {MAX} characters without control characters")))
    }
}

impl SwedishPhone {
    const PATTERN: &str = r"^\+46[0-9]{7,9}$";

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("+46")?;
        (7..=9).contains(&digits.len()).then(|| PhoneNumber::parse(text).ok().map(Self)).flatten()
    }
}

impl<'de> Deserialize<'de> for SwedishPhone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?)
            .ok_or_else(|| D::Error::custom("a Swedish number, +46 and 7 to 9 digits"))
    }
}

impl TimeOfDay {
    const PATTERN: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]$";

    fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let two = |digits: &str| {
            let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse::<i8>().ok()).flatten()
        };
        civil::Time::new(two(hour)?, two(minute)?, 0, 0).ok().map(Self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("a time of day as HH:MM"))
    }
}

impl serde::Serialize for TimeOfDay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02}:{:02}", self.0.hour(), self.0.minute()))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Word<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::<1, MAX>::deserialize(deserializer)?.into_inner();
        if text.trim().is_empty() { Err(D::Error::custom("a text that is not blank")) } else { Ok(Self(text)) }
    }
}

impl LanguageCode {
    const PATTERN: &str = "^[a-z]{2}$";
}

impl<'de> Deserialize<'de> for LanguageCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let good = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase());
        if good { Ok(Self(text)) } else { Err(D::Error::custom("an ISO 639-1 code")) }
    }
}

pub(super) fn object(of: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(of)
}

pub(super) fn done(object: ObjectBuilder) -> RefOr<Schema> {
    RefOr::T(Schema::Object(object.build()))
}

impl<const MIN: u64, const MAX: u64> PartialSchema for Whole<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        let number = object(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
        done(number.minimum(Some(MIN)).maximum((MAX != u64::MAX).then_some(MAX)))
    }
}

impl<const MIN: i64, const MAX: i64> PartialSchema for Number<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        done(object(Type::Number).minimum(Some(MIN)).maximum(Some(MAX)))
    }
}

impl<const MIN: usize, const MAX: usize> PartialSchema for Text<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        done(object(Type::String).min_length((MIN > 0).then_some(MIN)).max_length(Some(MAX)).pattern(Some(PLAIN)))
    }
}

impl PartialSchema for SwedishPhone {
    fn schema() -> RefOr<Schema> {
        done(object(Type::String).pattern(Some(Self::PATTERN)))
    }
}

impl PartialSchema for TimeOfDay {
    fn schema() -> RefOr<Schema> {
        done(object(Type::String).pattern(Some(Self::PATTERN)))
    }
}

impl PartialSchema for LanguageCode {
    fn schema() -> RefOr<Schema> {
        done(object(Type::String).pattern(Some(Self::PATTERN)))
    }
}

impl<const MAX: usize> PartialSchema for Word<MAX> {
    fn schema() -> RefOr<Schema> {
        done(object(Type::String).min_length(Some(1)).max_length(Some(MAX)).pattern(Some(PLAIN)))
    }
}

impl<const MIN: u64, const MAX: u64> ToSchema for Whole<MIN, MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("Whole{MIN}To{MAX}"))
    }
}

impl<const MIN: i64, const MAX: i64> ToSchema for Number<MIN, MAX> {
    fn name() -> Cow<'static, str> {
        // Names become names of types in clients, where a minus cannot stand.
        Cow::Owned(format!("Number{MIN}To{MAX}").replace('-', "Minus"))
    }
}

impl<const MIN: usize, const MAX: usize> ToSchema for Text<MIN, MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("Text{MIN}To{MAX}"))
    }
}

impl ToSchema for SwedishPhone {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SwedishPhone")
    }
}

impl ToSchema for TimeOfDay {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("TimeOfDay")
    }
}

impl ToSchema for LanguageCode {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("LanguageCode")
    }
}

impl<const MAX: usize> ToSchema for Word<MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("WordTo{MAX}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, from_value, json};

    use super::*;

    fn takes<T: for<'de> Deserialize<'de>>(value: Value) -> bool {
        from_value::<T>(value).is_ok()
    }

    #[test]
    fn bounds_are_inclusive_and_kinds_are_not_mixed_up() {
        for (value, good) in [(json!(1), true), (json!(100), true), (json!(7.0), true)] {
            assert_eq!(takes::<Whole<1, 100>>(value), good);
        }
        for wrong in [json!(0), json!(101), json!(-1), json!(1.5), json!("7"), json!(null), json!(true), json!([7])] {
            assert!(!takes::<Whole<1, 100>>(wrong.clone()), "{wrong}");
        }
        for wrong in [json!(-1.01), json!(1.01), json!("0"), json!(null)] {
            assert!(!takes::<Number<-1, 1>>(wrong.clone()), "{wrong}");
        }
        assert!(takes::<Number<-1, 1>>(json!(-1)) && takes::<Number<-1, 1>>(json!(0.5)));
        assert!(takes::<Text<2, 3>>(json!("åäö")), "characters, not bytes");
        assert!(!takes::<Text<2, 3>>(json!("å")) && !takes::<Text<2, 3>>(json!("åäöå")));
        assert!(
            takes::<Word<9>>(json!(" a "))
                && !takes::<Word<9>>(json!(" \t"))
                && !takes::<Word<9>>(json!("a".repeat(10)))
        );
    }

    #[test]
    fn no_text_steers_how_it_is_shown() {
        assert!(takes::<Text<0, 9>>(json!("a\tb\r\nc")));
        for wrong in ["\0", "a\u{8}", "\u{1b}[2J", "\u{7f}", "\u{202e}", "\u{2066}"] {
            assert!(!takes::<Text<0, 9>>(json!(wrong)), "{wrong:?}");
            assert!(!takes::<Word<9>>(json!(format!("a{wrong}"))), "{wrong:?}");
        }
    }

    #[test]
    fn times_of_day_have_one_form() {
        for good in ["00:00", "08:30", "23:59"] {
            assert_eq!(json!(TimeOfDay::parse(good).unwrap()), json!(good));
        }
        for wrong in ["", "8:30", "24:00", "12:60", "12:00:00", "+1:00", "1200", "-0:00"] {
            assert!(TimeOfDay::parse(wrong).is_none(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn only_swedish_numbers_are_taken_and_nothing_panics(text in ".{0,16}", digits in "[0-9]{0,12}") {
            for text in [text.clone(), format!("+46{digits}"), format!("+46{text}")] {
                let good = text.strip_prefix("+46").is_some_and(|rest| {
                    (7..=9).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit())
                });
                prop_assert_eq!(SwedishPhone::parse(&text).is_some(), good);
                let _ = TimeOfDay::parse(&text);
            }
        }
    }
}
