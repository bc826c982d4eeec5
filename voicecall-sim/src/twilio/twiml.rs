//! The instructions of a call, read from TwiML.

use std::collections::BTreeMap;
use std::time::Duration;

use roxmltree::{Document, Node};

use super::Method;

/// One instruction. Attributes this emulator does not know are ignored, as the carrier does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// `<Connect><Stream>`.
    Connect(StreamVerb),
    /// `<Redirect>`: ask this address, absolute or relative to the document's.
    Redirect {
        /// The address.
        url: String,
        /// `POST` unless told otherwise.
        method: Method,
    },
    /// `<Hangup>`.
    Hangup,
    /// `<Say>`.
    Say {
        /// The text, with surrounding white space removed.
        text: String,
        /// Its BCP 47 language, `en-US` unless told otherwise.
        language: String,
        /// How often.
        times: u32,
    },
    /// `<Pause>`.
    Pause(Duration),
    /// `<Reject>`.
    Reject {
        /// Whether the caller hears that the line is busy, instead of that the number is not in service.
        busy: bool,
    },
}

/// What `<Stream>` says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamVerb {
    /// The socket's address, as written.
    pub url: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where to report on the stream, and how.
    pub status_callback: Option<(String, Method)>,
    /// `<Parameter>` names and values.
    pub parameters: BTreeMap<String, String>,
}

/// A document that is not TwiML as this emulator knows it; on the carrier's side error 12100.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwimlError(pub String);

/// Reads a document.
///
/// # Errors
/// Says what is wrong: the XML, the root element, a verb, an attribute.
pub fn parse(text: &str) -> Result<Vec<Verb>, TwimlError> {
    let document = Document::parse(text.trim_start()).map_err(|error| TwimlError(error.to_string()))?;
    let root = document.root_element();
    if root.tag_name().name() != "Response" {
        return Err(TwimlError(format!("root element <{}>, expected <Response>", root.tag_name().name())));
    }
    root.children().filter(Node::is_element).map(verb).collect()
}

fn verb(node: Node<'_, '_>) -> Result<Verb, TwimlError> {
    match node.tag_name().name() {
        "Connect" => connect(node),
        "Redirect" => Ok(Verb::Redirect { url: text(node), method: method(node, "method")? }),
        "Hangup" => Ok(Verb::Hangup),
        "Say" => Ok(Verb::Say {
            text: text(node),
            language: node.attribute("language").unwrap_or("en-US").to_owned(),
            times: number(node, "loop", 1)?.max(1),
        }),
        "Pause" => Ok(Verb::Pause(Duration::from_secs(number(node, "length", 1)?.into()))),
        "Reject" => match node.attribute("reason") {
            None | Some("rejected") => Ok(Verb::Reject { busy: false }),
            Some("busy") => Ok(Verb::Reject { busy: true }),
            Some(other) => Err(TwimlError(format!("<Reject reason={other:?}>"))),
        },
        other => Err(TwimlError(format!("unknown verb <{other}>"))),
    }
}

fn connect(node: Node<'_, '_>) -> Result<Verb, TwimlError> {
    let mut nouns = node.children().filter(Node::is_element);
    let (Some(noun), None) = (nouns.next(), nouns.next()) else {
        return Err(TwimlError("<Connect> needs exactly one noun".to_owned()));
    };
    if noun.tag_name().name() != "Stream" {
        return Err(TwimlError(format!("unknown noun <{}> in <Connect>", noun.tag_name().name())));
    }
    let required = |node: Node<'_, '_>, name: &str| match node.attribute(name) {
        Some(value) => Ok(value.to_owned()),
        None => Err(TwimlError(format!("<{}> without {name}", node.tag_name().name()))),
    };
    let mut parameters = BTreeMap::new();
    for child in noun.children().filter(Node::is_element) {
        if child.tag_name().name() != "Parameter" {
            return Err(TwimlError(format!("unknown <{}> in <Stream>", child.tag_name().name())));
        }
        let (name, value) = (required(child, "name")?, required(child, "value")?);
        if name.len() + value.len() >= 500 {
            return Err(TwimlError(format!("<Parameter name={name:?}> of 500 characters or more")));
        }
        parameters.insert(name, value);
    }
    let callback_method = method(noun, "statusCallbackMethod")?;
    Ok(Verb::Connect(StreamVerb {
        url: required(noun, "url")?,
        name: noun.attribute("name").map(str::to_owned),
        status_callback: noun.attribute("statusCallback").map(|url| (url.to_owned(), callback_method)),
        parameters,
    }))
}

fn text(node: Node<'_, '_>) -> String {
    let parts: String = node.descendants().filter_map(|inner| inner.text().filter(|_| inner.is_text())).collect();
    parts.trim().to_owned()
}

fn method(node: Node<'_, '_>, attribute: &str) -> Result<Method, TwimlError> {
    let name = node.attribute(attribute).unwrap_or("POST");
    Method::from_name(name).ok_or_else(|| TwimlError(format!("{attribute}={name:?}")))
}

fn number(node: Node<'_, '_>, attribute: &str, default: u32) -> Result<u32, TwimlError> {
    node.attribute(attribute).map_or(Ok(default), |text| {
        text.parse().map_err(|_| TwimlError(format!("{attribute}={text:?}, expected a number")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stream_with_what_follows_it_is_read() {
        let verbs = parse(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <Response>
              <Say language="sv-SE">Hej &amp; <break/>välkommen</Say>
              <Connect><Stream url="wss://h/m" statusCallback="https://h/s"><Parameter name="k" value="v"/></Stream></Connect>
              <Redirect method="GET">https://h/next?a=1&amp;b=2</Redirect>
            </Response>"#,
        )
        .unwrap();
        let stream = StreamVerb {
            url: "wss://h/m".into(),
            name: None,
            status_callback: Some(("https://h/s".into(), Method::Post)),
            parameters: BTreeMap::from([("k".into(), "v".into())]),
        };
        let expected = [
            Verb::Say { text: "Hej & välkommen".into(), language: "sv-SE".into(), times: 1 },
            Verb::Connect(stream),
            Verb::Redirect { url: "https://h/next?a=1&b=2".into(), method: Method::Get },
        ];
        assert_eq!(verbs, expected);
    }

    #[test]
    fn what_the_carrier_would_not_run_is_an_error() {
        let wrong = [
            "",
            "<Response>",
            "<Reply/>",
            "<Response><Dance/></Response>",
            "<Response><Connect/></Response>",
            "<Response><Connect><Stream/></Connect></Response>",
            "<Response><Pause length=\"long\"/></Response>",
            "<Response><Redirect method=\"PUT\">/x</Redirect></Response>",
        ];
        for text in wrong {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("<Response/>"), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(<Response>)?[<>a-zA-Z/=\"& ]{0,60}(</Response>)?") {
            let _ = parse(&text);
        }
    }
}
