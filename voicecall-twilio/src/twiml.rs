//! A call's steps as TwiML, the XML a call's instructions are written in.

use voicecall_core::carrier::{CallFlow, CallStep, StreamTarget};

use crate::PROVIDER;
use crate::overrides::ConnectionOverrides;

/// The media type of an answer with instructions.
pub(crate) const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// Writes `flow`. The addresses Twilio will ask get `overrides`.
pub(crate) fn render(flow: &CallFlow, overrides: &ConnectionOverrides) -> String {
    let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#);
    for step in &flow.0 {
        match step {
            CallStep::Stream(target) => stream(&mut xml, target, overrides),
            CallStep::Say { text, language } => element(&mut xml, "Say", &[("language", language)], Some(text)),
            CallStep::Redirect(url) => {
                element(&mut xml, "Redirect", &[("method", "POST")], Some(overrides.apply(url).as_str()));
            }
            CallStep::HangUp => element(&mut xml, "Hangup", &[], None),
            _ => tracing::error!(provider = PROVIDER, "a step of a newer core is left out"),
        }
    }
    xml.push_str("</Response>");
    xml
}

fn stream(xml: &mut String, target: &StreamTarget, overrides: &ConnectionOverrides) {
    let status_url = target.status_url.as_ref().map(|url| overrides.apply(url));
    let mut attributes = vec![("url", target.url.as_str())];
    if let Some(url) = &status_url {
        attributes.extend([("statusCallback", url.as_str()), ("statusCallbackMethod", "POST")]);
    }
    xml.push_str("<Connect>");
    open(xml, "Stream", &attributes);
    for (name, value) in &target.parameters {
        element(xml, "Parameter", &[("name", name), ("value", value)], None);
    }
    xml.push_str("</Stream></Connect>");
}

fn element(xml: &mut String, name: &str, attributes: &[(&str, &str)], text: Option<&str>) {
    open(xml, name, attributes);
    escape(xml, text.unwrap_or_default());
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

fn open(xml: &mut String, name: &str, attributes: &[(&str, &str)]) {
    xml.push('<');
    xml.push_str(name);
    for (name, value) in attributes {
        xml.push(' ');
        xml.push_str(name);
        xml.push_str("=\"");
        escape(xml, value);
        xml.push('"');
    }
    xml.push('>');
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rendered(flow: &CallFlow) -> String {
        render(flow, &ConnectionOverrides::default())
    }

    fn target() -> StreamTarget {
        StreamTarget {
            url: "wss://calls.example/media".parse().unwrap(),
            parameters: [("session".to_owned(), "s & 1".to_owned())].into(),
            status_url: Some("https://calls.example/stream?a=1&b=2".parse().unwrap()),
        }
    }

    #[test]
    fn a_stream_goes_on_with_the_next_step() {
        let flow = CallFlow::stream(target(), "https://calls.example/next".parse().unwrap());
        assert_eq!(
            rendered(&flow),
            r#"<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="wss://calls.example/media" statusCallback="https://calls.example/stream?a=1&amp;b=2" statusCallbackMethod="POST"><Parameter name="session" value="s &amp; 1"></Parameter></Stream></Connect><Redirect method="POST">https://calls.example/next</Redirect></Response>"#
        );
    }

    #[test]
    fn a_farewell_speaks_and_ends() {
        assert_eq!(
            rendered(&CallFlow::farewell("Hej då!", "sv-SE")),
            r#"<?xml version="1.0" encoding="UTF-8"?><Response><Say language="sv-SE">Hej då!</Say><Hangup></Hangup></Response>"#
        );
    }

    #[test]
    fn addresses_carry_the_overrides_and_the_socket_does_not() {
        let overrides = ConnectionOverrides::new().retries(2);
        let xml = render(&CallFlow::stream(target(), "https://calls.example/next".parse().unwrap()), &overrides);
        assert!(xml.contains(r#"statusCallback="https://calls.example/stream?a=1&amp;b=2#rc=2""#), "{xml}");
        assert!(xml.contains(">https://calls.example/next#rc=2<"), "{xml}");
        assert!(xml.contains(r#"url="wss://calls.example/media""#), "{xml}");
    }

    #[test]
    fn no_step_is_an_empty_response() {
        let xml = rendered(&CallFlow::default());
        assert_eq!(roxmltree::Document::parse(&xml).unwrap().root_element().children().count(), 0);
    }

    fn expressible(text: &str) -> String {
        text.chars()
            .filter(|&character| !matches!(character, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}'))
            .collect()
    }

    proptest! {
        #[test]
        fn any_text_is_read_again_and_stays_in_its_place(
            text in any::<String>(), language in any::<String>(), name in any::<String>(), value in "(.|[\\x00-\\x20<>&'\"\\]])*",
        ) {
            let stream = StreamTarget { parameters: [(name.clone(), value.clone())].into(), ..target() };
            let say = CallStep::Say { text: text.clone(), language: language.clone() };
            let xml = rendered(&CallFlow(vec![CallStep::Stream(stream), say, CallStep::HangUp]));

            let document = roxmltree::Document::parse(&xml).unwrap();
            let names: Vec<_> = document.descendants().filter(|node| node.is_element()).map(|node| node.tag_name().name()).collect();
            prop_assert_eq!(names, ["Response", "Connect", "Stream", "Parameter", "Say", "Hangup"]);
            let find = |name| document.descendants().find(|node| node.has_tag_name(name)).unwrap();
            prop_assert_eq!(find("Say").text().unwrap_or_default(), expressible(&text));
            prop_assert_eq!(find("Say").attribute("language").unwrap(), expressible(&language));
            prop_assert_eq!(find("Parameter").attribute("name").unwrap(), expressible(&name));
            prop_assert_eq!(find("Parameter").attribute("value").unwrap(), expressible(&value));
        }
    }
}
