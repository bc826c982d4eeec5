//! The instructions of a call, read from TwiML as strictly as the carrier reads it.

mod node;
mod read;
mod verb;

use roxmltree::{Document, Node};

pub use verb::{Address, DialVerb, GatherVerb, NumberNoun, RecordVerb, RecordingSettings, RelayVerb, StreamVerb, Verb};

/// A document that is not TwiML as this emulator knows it; on the carrier's side error 12100.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwimlError(pub String);

/// Reads a document.
///
/// # Errors
/// Says what is wrong: the XML, the root element, a verb, an attribute.
pub fn parse(text: &str) -> Result<Vec<Verb>, TwimlError> {
    read(text).map(|(verbs, _)| verbs)
}

/// Reads a document, and what in it the carrier has and this emulator does not act on.
pub(super) fn read(text: &str) -> Result<(Vec<Verb>, Vec<String>), TwimlError> {
    let document = Document::parse(text.trim_start()).map_err(|error| TwimlError(error.to_string()))?;
    let root = document.root_element();
    if root.tag_name().name() != "Response" {
        return Err(TwimlError(format!("root element <{}>, expected <Response>", root.tag_name().name())));
    }
    let mut noted = Vec::new();
    let verbs = root.children().filter(Node::is_element).map(|node| read::verb(node, &mut noted));
    let verbs = verbs.collect::<Result<_, _>>()?;
    Ok((verbs, noted))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::Method;
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
            "<Response><Say lang=\"sv-SE\">hej</Say></Response>",
            "<Response><Gather><Dial>+46700000001</Dial></Gather></Response>",
            "<Response><Gather numDigits=\"0\"/></Response>",
            "<Response><Gather input=\"thought\"/></Response>",
            "<Response><Dial/></Response>",
            "<Response><Dial>12</Dial></Response>",
            "<Response><Dial><Sip>sip:a@b</Sip></Dial></Response>",
            "<Response><Enqueue/></Response>",
            "<Response><Play digits=\"1x\"/></Response>",
            "<Response><Stop><Recording/></Stop></Response>",
            "<Response><Start><Stream url=\"wss://h/m\"/></Start></Response>",
        ];
        for text in wrong {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("<Response/>"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_known_and_not_acted_on_is_noted() {
        let (verbs, noted) = read(r#"<Response><Gather speechModel="x" timeout="3"/></Response>"#).unwrap();
        let [Verb::Gather(gather)] = &verbs[..] else { panic!("{verbs:?}") };
        assert_eq!(gather.timeout, Duration::from_secs(3));
        assert_eq!(noted, ["<Gather speechModel>"]);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(<Response>)?[<>a-zA-Z/=\"& ]{0,60}(</Response>)?") {
            let _ = parse(&text);
        }
    }
}
