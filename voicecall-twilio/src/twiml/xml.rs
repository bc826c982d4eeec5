//! Writing XML so that a parser reads the same names and texts again.

/// A document being written.
#[derive(Debug)]
pub(super) struct Xml(String);

/// An element's attributes, in the order added.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<(&'static str, String)>);

impl Attributes {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    pub(super) fn with_some(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl Xml {
    pub(super) fn new() -> Self {
        Self(String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#))
    }

    /// Writes an element with a text.
    pub(super) fn text(&mut self, name: &str, attributes: &Attributes, text: &str) {
        self.inside(name, attributes, |xml| escape(&mut xml.0, text));
    }

    /// Writes an element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: &Attributes) {
        self.inside(name, attributes, |_| {});
    }

    /// Writes an element and what `content` writes into it.
    pub(super) fn inside(&mut self, name: &str, attributes: &Attributes, content: impl FnOnce(&mut Self)) {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in &attributes.0 {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            escape(&mut self.0, value);
            self.0.push('"');
        }
        self.0.push('>');
        content(self);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Appends `text` so that a parser reads the same text again, in an element and in an attribute.
///
/// Characters XML cannot hold at all are left out (XML 1.0, production 2); white space other than the blank is written
/// by number, because a parser may turn it into a blank.
fn escape(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            '\t' => xml.push_str("&#9;"),
            '\n' => xml.push_str("&#10;"),
            '\r' => xml.push_str("&#13;"),
            '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => {}
            _ => xml.push(character),
        }
    }
}
