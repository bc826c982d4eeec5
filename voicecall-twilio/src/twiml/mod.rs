//! A call's steps as TwiML, the XML a call's instructions are written in.

mod verbs;
mod xml;

use voicecall_core::carrier::{CallFlow, CallStep, RejectReason};

use verbs::Verbs;
pub(crate) use verbs::{RECORDING_EVENTS, channels, trim};
use xml::{Attributes, Xml};

use crate::PROVIDER;
use crate::overrides::ConnectionOverrides;

/// The media type of an answer with instructions.
pub(crate) const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// Writes `flow`. The addresses Twilio will ask get `overrides`.
pub(crate) fn render(flow: &CallFlow, overrides: &ConnectionOverrides) -> String {
    let mut xml = Xml::new();
    xml.inside("Response", &Attributes::new(), |xml| {
        let mut verbs = Verbs { xml, overrides };
        flow.0.iter().for_each(|step| write(&mut verbs, step));
    });
    xml.finish()
}

fn write(verbs: &mut Verbs<'_>, step: &CallStep) {
    match step {
        CallStep::Stream(target) => verbs.stream(target),
        CallStep::Converse(converse) => verbs.converse(converse),
        CallStep::Say(say) => verbs::say(verbs.xml, say),
        CallStep::Play(play) => verbs::play(verbs.xml, play),
        CallStep::Pause(length) => verbs::pause(verbs.xml, *length),
        CallStep::Press(digits) => verbs.press(digits),
        CallStep::Gather(gather) => verbs.gather(gather),
        CallStep::Dial(dial) => verbs.dial(dial),
        CallStep::Hold(hold) => verbs.hold(hold),
        CallStep::Join(name) => verbs.join(name),
        CallStep::Leave => verbs.xml.empty("Leave", &Attributes::new()),
        CallStep::Record(message) => verbs.record(message),
        CallStep::StartRecording(start) => verbs.start_recording(start),
        CallStep::StopRecording(name) => verbs.stop_recording(name),
        CallStep::Redirect(url) => verbs.redirect(url),
        CallStep::Reject(reason) => {
            let reason = if *reason == RejectReason::Busy { "busy" } else { "rejected" };
            verbs.xml.empty("Reject", &Attributes::new().with("reason", reason));
        }
        CallStep::HangUp => verbs.xml.empty("Hangup", &Attributes::new()),
        _ => tracing::error!(provider = PROVIDER, "a step of a newer core is left out"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use voicecall_core::carrier::{Say, StreamTarget};

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
            let say = CallStep::Say(Say::new(&text, &language));
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
