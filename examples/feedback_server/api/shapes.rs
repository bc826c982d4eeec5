//! Lists, objects and addresses with bounds, checked as they are read; what texts and numbers hold is in `bounds`.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::{Map, Value};
use url::Url;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::bounds::{done, is_plain, object};

/// A list of `MIN` to `MAX` items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List<T, const MIN: usize, const MAX: usize>(Vec<T>);

/// An https address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HttpsAddress(Url);

/// An object of at most [`LONGEST_OBJECT`] bytes as JSON, none of whose texts steers how it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SmallObject(Map<String, Value>);

/// The longest particulars of an event, as JSON without spaces.
pub(super) const LONGEST_OBJECT: usize = 4096;

/// The most members of an object at its top, so that the document can say of it what a schema can.
const MOST_MEMBERS: usize = 50;

/// The longest address.
const LONGEST_ADDRESS: usize = 2000;

fn is_plain_value(value: &Value) -> bool {
    match value {
        Value::String(text) => is_plain(text),
        Value::Array(values) => values.iter().all(is_plain_value),
        Value::Object(members) => members.iter().all(|(name, value)| is_plain(name) && is_plain_value(value)),
        _ => true,
    }
}

impl<T, const MIN: usize, const MAX: usize> List<T, MIN, MAX> {
    pub(super) fn into_inner(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for List<T, 0, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MIN: usize, const MAX: usize> Deserialize<'de> for List<T, MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::deserialize(deserializer)?;
        if (MIN..=MAX).contains(&items.len()) {
            return Ok(Self(items));
        }
        Err(D::Error::custom(format_args!("{MIN} to {MAX} items")))
    }
}

impl HttpsAddress {
    pub(super) fn into_inner(self) -> String {
        self.0.into()
    }
}

impl<'de> Deserialize<'de> for HttpsAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let url = (text.len() <= LONGEST_ADDRESS).then(|| Url::parse(&text).ok()).flatten();
        url.filter(|url| url.scheme() == "https").map(Self).ok_or_else(|| D::Error::custom("an https address"))
    }
}

impl SmallObject {
    pub(super) fn into_inner(self) -> Map<String, Value> {
        self.0
    }
}

impl<'de> Deserialize<'de> for SmallObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::deserialize(deserializer)?;
        let value = Value::Object(members);
        let is_small = value.to_string().len() <= LONGEST_OBJECT && is_plain_value(&value);
        match value {
            Value::Object(members) if is_small && members.len() <= MOST_MEMBERS => Ok(Self(members)),
            _ => Err(D::Error::custom(format_args!(
                "an object of at most {MOST_MEMBERS} members and {LONGEST_OBJECT} bytes without control characters"
            ))),
        }
    }
}

impl<T: PartialSchema, const MIN: usize, const MAX: usize> PartialSchema for List<T, MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        let list = ArrayBuilder::new().items(T::schema()).min_items((MIN > 0).then_some(MIN)).max_items(Some(MAX));
        RefOr::T(Schema::Array(list.build()))
    }
}

impl PartialSchema for HttpsAddress {
    fn schema() -> RefOr<Schema> {
        done(object(Type::String).pattern(Some("^https://")).max_length(Some(LONGEST_ADDRESS)))
    }
}

impl PartialSchema for SmallObject {
    fn schema() -> RefOr<Schema> {
        let object = object(Type::Object).max_properties(Some(MOST_MEMBERS));
        done(object.description(Some(format!("At most {LONGEST_OBJECT} bytes as JSON, without control characters."))))
    }
}

impl<T: ToSchema, const MIN: usize, const MAX: usize> ToSchema for List<T, MIN, MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}List{MIN}To{MAX}", T::name()))
    }
}

impl ToSchema for HttpsAddress {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("HttpsAddress")
    }
}

impl ToSchema for SmallObject {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SmallObject")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn takes<T: for<'de> Deserialize<'de>>(value: Value) -> bool {
        from_value::<T>(value).is_ok()
    }

    #[test]
    fn lists_objects_and_addresses_have_an_end() {
        assert!(takes::<List<u8, 1, 2>>(json!([1, 2])));
        assert!(!takes::<List<u8, 1, 2>>(json!([])) && !takes::<List<u8, 1, 2>>(json!([1, 2, 3])));
        let of_bytes = |bytes: usize| json!({ "a": "x".repeat(bytes - 8) });
        assert!(takes::<SmallObject>(of_bytes(LONGEST_OBJECT)) && !takes::<SmallObject>(of_bytes(LONGEST_OBJECT + 1)));
        assert!(takes::<HttpsAddress>(json!("https://example.com/r.wav")));
        let long = format!("https://example.com/{}", "x".repeat(LONGEST_ADDRESS));
        for wrong in ["javascript:alert(1)", "http://example.com", "data:text/html,x", "/r.wav", "", &long] {
            assert!(!takes::<HttpsAddress>(json!(wrong)), "{wrong}");
        }
    }

    #[test]
    fn no_text_in_an_object_steers_how_it_is_shown() {
        assert!(takes::<SmallObject>(json!({ "a": [{ "b": "c" }] })));
        for wrong in ["\0", "\u{202e}"] {
            assert!(!takes::<SmallObject>(json!({ "a": [{ "b": wrong }] })), "{wrong:?}");
            assert!(!takes::<SmallObject>(json!({ wrong: 1 })), "{wrong:?}");
        }
    }
}
