//! The forms of webhooks.

use std::borrow::Cow;

use url::form_urlencoded;

/// The fields of a form.
#[derive(Debug)]
pub(crate) struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Form<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(body).collect())
    }

    /// The first field of that name that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| &**value)
    }

    /// The call: `callid` in questions, `id` in the report of its end, either in some samples.
    pub(crate) fn call(&self) -> Option<&str> {
        self.get("callid").or_else(|| self.get("id"))
    }

    /// The addresses of pictures: `image`, `image2`, `image3`, …
    pub(crate) fn images(&self) -> impl Iterator<Item = &str> {
        let is_image =
            |name: &str| name.strip_prefix("image").is_some_and(|rest| rest.bytes().all(|it| it.is_ascii_digit()));
        self.0.iter().filter(move |(name, value)| is_image(name) && !value.is_empty()).map(|(_, value)| &**value)
    }
}
