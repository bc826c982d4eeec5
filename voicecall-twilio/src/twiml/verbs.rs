//! Each step as its verb.

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;
use voicecall_core::carrier::{
    Converse, ConverseSettings, Dial, DialNumber, DialOrder, Digits, Gather, GatherInput, Hold, HoldName,
    InterruptedBy, Play, Prompt, RecordCall, RecordMessage, RecordingChannels, RecordingName, Repeat, Say, SpeechEnd,
    StartRecording, StreamTarget, WithoutInput,
};

use super::xml::{Attributes, Xml};
use crate::PROVIDER;
use crate::overrides::ConnectionOverrides;

/// What of a recording is reported.
pub(crate) const RECORDING_EVENTS: &str = "in-progress completed absent";

/// What of a dialled leg is reported.
const LEG_EVENTS: &str = "initiated ringing answered completed";

/// Writes verbs; the addresses Twilio will ask get the overrides.
pub(super) struct Verbs<'a> {
    pub(super) xml: &'a mut Xml,
    pub(super) overrides: &'a ConnectionOverrides,
}

impl Verbs<'_> {
    pub(super) fn stream(&mut self, target: &StreamTarget) {
        let attributes = self.callback(
            Attributes::new().with("url", target.url.as_str()),
            "statusCallback",
            "statusCallbackMethod",
            target.status_url.as_ref(),
        );
        self.xml.inside("Connect", &Attributes::new(), |xml| {
            xml.inside("Stream", &attributes, |xml| {
                parameters(xml, &target.parameters);
            });
        });
    }

    pub(super) fn converse(&mut self, converse: &Converse) {
        let ConverseSettings { language, hints, interrupted_by, .. } = &converse.settings;
        let settings = &converse.settings;
        let interruptible = match interrupted_by {
            InterruptedBy::Nothing => "none",
            InterruptedBy::Keys => "dtmf",
            InterruptedBy::Speech => "speech",
            InterruptedBy::Anything => "any",
        };
        let attributes = Attributes::new()
            .with("url", converse.url.as_str())
            .with("language", language)
            .with_some("ttsProvider", settings.speech_provider.as_deref())
            .with_some("voice", settings.voice.as_deref())
            .with_some("transcriptionProvider", settings.transcription_provider.as_deref())
            .with_some("speechModel", settings.transcription_model.as_deref())
            .with_some("hints", (!hints.is_empty()).then(|| hints.join(",")))
            .with("interruptible", interruptible)
            .with_some("welcomeGreeting", converse.greeting.as_deref())
            .with_some("welcomeGreetingInterruptible", converse.greeting.as_ref().map(|_| interruptible))
            .with("dtmfDetection", "true")
            // Whoever is heard without an interruption has then let the agent finish.
            .with("reportInputDuringAgentSpeech", "none");
        let connect = self.asks(Attributes::new(), Some(&converse.next));
        self.xml.inside("Connect", &connect, |xml| {
            xml.inside("ConversationRelay", &attributes, |xml| parameters(xml, &converse.parameters));
        });
    }

    pub(super) fn press(&mut self, digits: &Digits) {
        // The verb knows half a second only.
        let digits = digits.reveal().replace('W', "ww");
        self.xml.empty("Play", &Attributes::new().with("digits", digits));
    }

    pub(super) fn gather(&mut self, gather: &Gather) {
        let hears = gather.input != GatherInput::Keys;
        let input = match gather.input {
            GatherInput::Keys => "dtmf",
            GatherInput::Speech => "speech",
            GatherInput::KeysOrSpeech => "dtmf speech",
        };
        let speech_timeout = match gather.speech_end {
            SpeechEnd::Automatic => "auto".to_owned(),
            SpeechEnd::Silence(length) => seconds(length),
        };
        let attributes = self.asks(Attributes::new().with("input", input), Some(&gather.next));
        let attributes = attributes
            .with("timeout", seconds(gather.timeout))
            .with("finishOnKey", gather.finish_key.map(String::from).unwrap_or_default())
            .with_some("numDigits", gather.digits.map(|digits| digits.max(1).to_string()))
            .with_some("speechTimeout", hears.then_some(speech_timeout))
            .with_some("language", gather.language.as_deref().filter(|_| hears))
            .with_some("hints", (hears && !gather.hints.is_empty()).then(|| gather.hints.join(",")))
            .with_some("actionOnEmptyResult", (gather.without_input == WithoutInput::Ask).then_some("true"));
        self.xml.inside("Gather", &attributes, |xml| gather.prompts.iter().for_each(|it| prompt(xml, it)));
    }

    pub(super) fn dial(&mut self, dial: &Dial) {
        let attributes = self
            .asks(Attributes::new(), dial.next.as_ref())
            .with("timeout", seconds(dial.ring_timeout))
            .with_some("timeLimit", dial.time_limit.map(seconds))
            .with_some("callerId", dial.caller_id.as_ref().map(|number| number.reveal()))
            .with_some("answerOnBridge", dial.answer_on_bridge.then_some("true"))
            .with_some("ringTone", dial.ring_tone.as_deref())
            .with_some("sequential", (dial.order == DialOrder::InTurn).then_some("true"));
        let attributes = match &dial.record {
            Some(record) => {
                let kind = match record.channels {
                    RecordingChannels::Mono => "record-from-answer",
                    RecordingChannels::Dual => "record-from-answer-dual",
                };
                self.records(attributes.with("record", kind), record.trim, record.status_url.as_ref())
            }
            None => attributes,
        };
        let numbers: Vec<(Attributes, &DialNumber)> =
            dial.numbers.iter().map(|number| (self.number(number), number)).collect();
        self.xml.inside("Dial", &attributes, |xml| {
            for (attributes, number) in &numbers {
                xml.text("Number", attributes, number.number.reveal());
            }
        });
    }

    fn number(&self, number: &DialNumber) -> Attributes {
        let attributes = Attributes::new().with_some("sendDigits", number.digits.as_ref().map(Digits::reveal));
        let attributes = self.callback(attributes, "url", "method", number.screening_url.as_ref());
        let attributes = attributes.with_some("statusCallbackEvent", number.status_url.as_ref().map(|_| LEG_EVENTS));
        self.callback(attributes, "statusCallback", "statusCallbackMethod", number.status_url.as_ref())
    }

    pub(super) fn hold(&mut self, hold: &Hold) {
        let attributes = self.asks(Attributes::new(), hold.next.as_ref());
        let attributes = self.callback(attributes, "waitUrl", "waitUrlMethod", hold.music_url.as_ref());
        self.xml.text("Enqueue", &attributes, hold.name.as_str());
    }

    pub(super) fn join(&mut self, name: &HoldName) {
        self.xml.inside("Dial", &Attributes::new(), |xml| xml.text("Queue", &Attributes::new(), name.as_str()));
    }

    pub(super) fn record(&mut self, message: &RecordMessage) {
        let attributes = self
            .asks(Attributes::new(), Some(&message.next))
            .with("maxLength", seconds(message.max_length))
            .with("timeout", seconds(message.silence_timeout))
            .with("playBeep", if message.beep { "true" } else { "false" })
            // Without the attribute any key ends it.
            .with_some("finishOnKey", message.finish_key);
        let attributes = self.records(attributes, message.trim, message.status_url.as_ref());
        self.xml.empty("Record", &attributes);
    }

    pub(super) fn start_recording(&mut self, start: &StartRecording) {
        let settings: &RecordCall = &start.settings;
        let attributes = Attributes::new()
            .with("name", start.name.as_str())
            .with("channels", channels(settings.channels))
            .with("track", "both");
        let attributes = self.records(attributes, settings.trim, settings.status_url.as_ref());
        self.xml.inside("Start", &Attributes::new(), |xml| xml.empty("Recording", &attributes));
    }

    pub(super) fn stop_recording(&mut self, name: &RecordingName) {
        let attributes = Attributes::new().with("name", name.as_str());
        self.xml.inside("Stop", &Attributes::new(), |xml| xml.empty("Recording", &attributes));
    }

    pub(super) fn redirect(&mut self, url: &Url) {
        self.xml.text("Redirect", &Attributes::new().with("method", "POST"), self.overrides.apply(url).as_str());
    }

    /// The address that is asked for the next steps.
    fn asks(&self, attributes: Attributes, next: Option<&Url>) -> Attributes {
        self.callback(attributes, "action", "method", next)
    }

    /// What all recordings have in common. Twilio's defaults differ from verb to verb, so nothing is left to them.
    fn records(&self, attributes: Attributes, trims: bool, status_url: Option<&Url>) -> Attributes {
        let attributes = attributes
            .with("trim", trim(trims))
            .with_some("recordingStatusCallbackEvent", status_url.map(|_| RECORDING_EVENTS));
        self.callback(attributes, "recordingStatusCallback", "recordingStatusCallbackMethod", status_url)
    }

    fn callback(
        &self,
        attributes: Attributes,
        name: &'static str,
        method: &'static str,
        url: Option<&Url>,
    ) -> Attributes {
        match url {
            Some(url) => attributes.with(name, self.overrides.apply(url)).with(method, "POST"),
            None => attributes,
        }
    }
}

fn parameters(xml: &mut Xml, parameters: &BTreeMap<String, String>) {
    for (name, value) in parameters {
        xml.empty("Parameter", &Attributes::new().with("name", name).with("value", value));
    }
}

fn prompt(xml: &mut Xml, prompt: &Prompt) {
    match prompt {
        Prompt::Say(it) => say(xml, it),
        Prompt::Play(it) => play(xml, it),
        Prompt::Pause(length) => pause(xml, *length),
        _ => tracing::error!(provider = PROVIDER, "a prompt of a newer core is left out"),
    }
}

pub(super) fn say(xml: &mut Xml, say: &Say) {
    let attributes = Attributes::new().with("language", &say.language).with_some("voice", say.voice.as_deref());
    xml.text("Say", &repeated(attributes, say.repeat), &say.text);
}

pub(super) fn play(xml: &mut Xml, play: &Play) {
    xml.text("Play", &repeated(Attributes::new(), play.repeat), play.url.as_str());
}

pub(super) fn pause(xml: &mut Xml, length: Duration) {
    xml.empty("Pause", &Attributes::new().with("length", seconds(length)));
}

fn repeated(attributes: Attributes, repeat: Repeat) -> Attributes {
    match repeat {
        Repeat::Times(0 | 1) => attributes,
        Repeat::Times(times) => attributes.with("loop", times.to_string()),
        Repeat::Forever => attributes.with("loop", "0"),
    }
}

/// How the channels are called, in TwiML and in requests.
pub(crate) const fn channels(channels: RecordingChannels) -> &'static str {
    match channels {
        RecordingChannels::Mono => "mono",
        RecordingChannels::Dual => "dual",
    }
}

/// How cutting off silence is called, in TwiML and in requests.
pub(crate) const fn trim(trims: bool) -> &'static str {
    if trims { "trim-silence" } else { "do-not-trim" }
}

/// Whole seconds, at least one.
fn seconds(length: Duration) -> String {
    length.as_secs().max(1).to_string()
}
