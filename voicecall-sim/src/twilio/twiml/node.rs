//! Reading one element strictly: what it may have and hold, and nothing else.

use std::time::Duration;

use roxmltree::Node;

use super::super::Method;
use super::TwimlError;

/// Attributes the carrier has and this emulator does not act on, by name.
pub(super) type NotEmulated = Vec<String>;

/// An element whose attributes were checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a, 'input>(Node<'a, 'input>);

impl<'a, 'input> Element<'a, 'input> {
    /// Checks that every attribute is known; those in `idle` are noted, because nothing acts on them.
    pub(super) fn check(
        node: Node<'a, 'input>,
        known: &[&str],
        idle: &[&str],
        noted: &mut NotEmulated,
    ) -> Result<Self, TwimlError> {
        for attribute in node.attributes() {
            let name = attribute.name();
            if idle.contains(&name) {
                noted.push(format!("<{} {name}>", node.tag_name().name()));
            } else if !known.contains(&name) {
                return Err(TwimlError(format!("unknown attribute {name} of <{}>", node.tag_name().name())));
            }
        }
        Ok(Self(node))
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0.attribute(name).map(str::to_owned)
    }

    pub(super) fn required(&self, name: &str) -> Result<String, TwimlError> {
        self.get(name).ok_or_else(|| TwimlError(format!("<{}> without {name}", self.0.tag_name().name())))
    }

    /// The text of the element, with surrounding white space removed.
    pub(super) fn text(&self) -> String {
        let texts = self.0.descendants().filter_map(|inner| inner.text().filter(|_| inner.is_text()));
        texts.collect::<String>().trim().to_owned()
    }

    /// The elements in it.
    pub(super) fn children(&self) -> impl Iterator<Item = Node<'a, 'input>> + use<'a, 'input> {
        self.0.children().filter(Node::is_element)
    }

    pub(super) fn number(&self, name: &str, default: u32) -> Result<u32, TwimlError> {
        self.get(name).map_or(Ok(default), |text| text.parse().map_err(|_| wrong(name, &text, "a number")))
    }

    pub(super) fn seconds(&self, name: &str, default: u32) -> Result<Duration, TwimlError> {
        self.number(name, default).map(|seconds| Duration::from_secs(seconds.into()))
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, TwimlError> {
        match self.get(name).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(wrong(name, other, "true or false")),
        }
    }

    /// The one of `words` the attribute is; the first if there is none.
    pub(super) fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<T, TwimlError> {
        let text = self.get(name);
        let found = match &text {
            None => words.first(),
            Some(text) => words.iter().find(|(word, _)| word == text),
        };
        found.map(|(_, value)| *value).ok_or_else(|| wrong(name, &text.unwrap_or_default(), "another word"))
    }

    /// An address and the method it is asked by.
    pub(super) fn address(&self, name: &str, method: &str) -> Result<Option<(String, Method)>, TwimlError> {
        let method = self.method(method)?;
        Ok(self.get(name).map(|url| (url, method)))
    }

    pub(super) fn method(&self, name: &str) -> Result<Method, TwimlError> {
        self.word(name, &[("POST", Method::Post), ("GET", Method::Get)])
    }
}

pub(super) fn wrong(name: &str, text: &str, expected: &str) -> TwimlError {
    TwimlError(format!("{name}={text:?}, expected {expected}"))
}
