//! The protocol of Twilio's ConversationRelay: what the caller says comes as text, and text is what the caller hears.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use voicecall_core::media::{StreamStart, WireMessages};
use voicecall_core::text_media::{TextCodec, TextCommand, TextEvent};
use voicecall_core::{CarrierCallId, Error, ErrorKind, Result};

use crate::PROVIDER;
use crate::warn_once::WarnOnce;
use crate::wire::{self, RelayMessage, RelayMessageKind};

/// The longest message that is read, in bytes. What somebody says in one turn has some hundred.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The codec of one text socket.
///
/// It takes `setup` once, first; anything else out of order is a [`Protocol`](ErrorKind::Protocol) error, as is a message
/// beyond 64 KiB. Parts of a turn that is not over are skipped.
#[derive(Debug, Default)]
pub struct TwilioRelay {
    started: bool,
    unknown: WarnOnce,
    failed: WarnOnce,
}

/// A token of an utterance.
#[derive(Serialize)]
struct Text<'a> {
    r#type: &'static str,
    token: &'a str,
    last: bool,
    /// The default is what the instructions say.
    #[serde(skip_serializing_if = "Option::is_none")]
    interruptible: Option<bool>,
}

impl TwilioRelay {
    /// A codec for a socket on which nothing was said yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn setup(&mut self, message: &str) -> Result<TextEvent> {
        if self.started {
            return Err(broken("a second setup"));
        }
        let setup: wire::RelaySetup = read(message, "a setup that cannot be read")?;
        self.started = true;
        Ok(TextEvent::Started(StreamStart {
            stream: setup.session_id,
            account: setup.account_sid,
            call: CarrierCallId::new(setup.call_sid),
            parameters: wire::texts(setup.custom_parameters),
        }))
    }
}

impl TextCodec for TwilioRelay {
    fn decode(&mut self, message: &str) -> Result<Option<TextEvent>> {
        if message.len() > MAX_MESSAGE_BYTES {
            return Err(broken("a message beyond 64 KiB"));
        }
        let kind = read::<RelayMessage<'_>>(message, "a message that cannot be read")?.kind();
        match kind {
            RelayMessageKind::Setup => self.setup(message).map(Some),
            RelayMessageKind::Unknown => {
                self.unknown
                    .run(|| tracing::warn!(provider = PROVIDER, "unknown messages of conversations are skipped"));
                Ok(None)
            }
            _ if !self.started => Err(broken("a message before the setup")),
            RelayMessageKind::Prompt => {
                let prompt: wire::RelayPrompt = read(message, "words that cannot be read")?;
                let is_partial = prompt.is_partial();
                let heard = TextEvent::Heard { words: prompt.voice_prompt, language: prompt.lang };
                Ok((!is_partial).then_some(heard))
            }
            RelayMessageKind::Dtmf => {
                let dtmf: wire::StreamDtmf<'_> = read(message, "a key that cannot be read")?;
                Ok(dtmf.key().map(TextEvent::Key))
            }
            RelayMessageKind::Interrupt => {
                let interrupt: wire::RelayInterrupt = read(message, "an interruption that cannot be read")?;
                let after = interrupt.duration_ms().map(Duration::from_millis);
                Ok(Some(TextEvent::Interrupted { heard: interrupt.utterance_until_interrupt, after }))
            }
            RelayMessageKind::Error => {
                // Its description may repeat what was said.
                self.failed.run(|| tracing::warn!(provider = PROVIDER, "the carrier could not do what it was told"));
                Ok(Some(TextEvent::Failed))
            }
        }
    }

    /// Appends the message of `command`. Of keys there are no letters.
    fn encode(&mut self, command: &TextCommand, wire: &mut WireMessages) -> Result<()> {
        if !self.started {
            return Err(broken("a command before the setup"));
        }
        let message = match command {
            TextCommand::Say { words, last, interruptible } => {
                let interruptible = (!interruptible).then_some(false);
                serde_json::to_string(&Text { r#type: "text", token: words, last: *last, interruptible })
                    .map_err(|error| broken("words that cannot be written").with_source(error))?
            }
            TextCommand::Press(digits) => {
                // There is a pause of half a second only.
                let digits = digits.reveal().replace('W', "ww");
                if digits.contains(char::is_uppercase) {
                    return Err(Error::invalid("digits", "no letters: 0-9, * and #").with_provider(PROVIDER));
                }
                json!({ "type": "sendDigits", "digits": digits }).to_string()
            }
            TextCommand::Language { speech, transcription } => {
                let mut message = json!({ "type": "language" });
                for (name, language) in [("ttsLanguage", speech), ("transcriptionLanguage", transcription)] {
                    if let Some(language) = language {
                        message[name] = json!(language);
                    }
                }
                message.to_string()
            }
            TextCommand::End => json!({ "type": "end" }).to_string(),
        };
        wire.push_with(|text| text.push_str(&message));
        Ok(())
    }
}

/// Tells where reading failed and not what was there: the parser's own words quote the message.
fn read<'a, T: Deserialize<'a>>(message: &'a str, otherwise: &'static str) -> Result<T> {
    let unreadable =
        |error: serde_json::Error| broken(otherwise).with_message(format!("{otherwise}, at column {}", error.column()));
    serde_json::from_str(message).map_err(unreadable)
}

fn broken(seen: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, "read conversation").with_provider(PROVIDER).with_message(seen)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETUP: &str = r#"{"type":"setup","sessionId":"VX1","accountSid":"AC1","parentCallSid":"","callSid":"CA1","from":"+1","to":"+2","forwardedFrom":"","callType":"PSTN","callerName":"","direction":"inbound","callStatus":"RINGING","customParameters":{"a":"b","n":1}}"#;

    fn started() -> TwilioRelay {
        let mut relay = TwilioRelay::new();
        relay.decode(SETUP).unwrap();
        relay
    }

    fn written(command: &TextCommand) -> Result<String> {
        let mut wire = WireMessages::new();
        started().encode(command, &mut wire)?;
        Ok(wire.iter().collect())
    }

    #[test]
    fn the_setup_names_the_call_whatever_its_status() {
        let event = TwilioRelay::new().decode(SETUP).unwrap();
        let Some(TextEvent::Started(start)) = event else { panic!("{event:?}") };
        assert_eq!(
            (start.call.as_str(), start.stream.as_deref(), start.account.as_deref()),
            ("CA1", Some("VX1"), Some("AC1"))
        );
        assert_eq!(start.parameters.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "b".to_owned())]);
        for more in [r#","callStatus":"in-progress""#, r#","callStatus":7"#, ""] {
            let bare = format!(r#"{{"type":"setup","callSid":"CA1"{more}}}"#);
            assert!(matches!(TwilioRelay::new().decode(&bare), Ok(Some(TextEvent::Started(_)))), "{bare}");
        }
    }

    #[test]
    fn durations_are_numbers_or_text_and_parts_of_turns_are_skipped() {
        let mut relay = started();
        for (ms, after) in
            [("460", Some(460)), (r#""460""#, Some(460)), (r#""soon""#, None), ("-1", None), ("null", None)]
        {
            let text =
                format!(r#"{{"type":"interrupt","utteranceUntilInterrupt":"We","durationUntilInterruptMs":{ms}}}"#);
            let after = after.map(Duration::from_millis);
            assert_eq!(
                relay.decode(&text).unwrap(),
                Some(TextEvent::Interrupted { heard: "We".into(), after }),
                "{ms}"
            );
        }
        assert_eq!(relay.decode(r#"{"type":"prompt","voicePrompt":"I wo","last":false}"#).unwrap(), None);
        assert_eq!(relay.decode(r#"{"type":"dtmf","digit":"12"}"#).unwrap(), None);
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_and_the_next_is_read() {
        let mut relay = started();
        let long = format!(r#"{{"type":"prompt","voicePrompt":"{}"}}"#, "a".repeat(MAX_MESSAGE_BYTES));
        assert_eq!(relay.decode(&long).unwrap_err().kind(), ErrorKind::Protocol);
        assert!(relay.decode(r#"{"type":"prompt","voicePrompt":"a"}"#).unwrap().is_some());
    }

    #[test]
    fn commands_are_written_as_the_protocol_has_them() {
        let say = |words: &str, last, interruptible| TextCommand::Say { words: words.into(), last, interruptible };
        let language = |speech: Option<&str>, transcription: Option<&str>| TextCommand::Language {
            speech: speech.map(str::to_owned),
            transcription: transcription.map(str::to_owned),
        };
        let expected = [
            (say(" we", false, true), r#"{"type":"text","token":" we","last":false}"#),
            (say("", true, false), r#"{"type":"text","token":"","last":true,"interruptible":false}"#),
            (TextCommand::Press("1wW#".parse().unwrap()), r##"{"digits":"1www#","type":"sendDigits"}"##),
            (language(Some("sv-SE"), None), r#"{"ttsLanguage":"sv-SE","type":"language"}"#),
            (TextCommand::End, r#"{"type":"end"}"#),
        ];
        for (command, text) in expected {
            assert_eq!(written(&command).unwrap(), text);
        }
        assert_eq!(written(&TextCommand::Press("1A".parse().unwrap())).unwrap_err().field(), Some("digits"));
    }

    proptest! {
        #[test]
        fn nothing_a_carrier_sends_panics(text in ".{0,80}", kind in "setup|prompt|dtmf|interrupt|error|x", rest in ".{0,30}") {
            let mut relay = started();
            let _ = relay.decode(&text);
            let _ = relay.decode(&format!(r#"{{"type":"{kind}",{rest}}}"#));
        }

        #[test]
        fn words_are_read_again_as_they_were(words: String) {
            let text = written(&TextCommand::Say { words: words.clone(), last: false, interruptible: true }).unwrap();
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read["token"].as_str(), Some(words.as_str()));
        }
    }
}
