//! From an element to an instruction.

use std::collections::BTreeMap;
use std::time::Duration;

use roxmltree::Node;

use super::TwimlError;
use super::node::{Element, NotEmulated, wrong};
use super::verb::{DialVerb, GatherVerb, NumberNoun, RecordVerb, RecordingSettings, RelayVerb, StreamVerb, Verb};

/// How often something is played that is played without end.
const ENDLESS: u32 = 1000;

/// The pause that ends what is said if the carrier is to find it by itself.
const AUTOMATIC_PAUSE: Duration = Duration::from_secs(1);

/// Where progress of a recording is reported: the attributes of all verbs that record.
const RECORDING_CALLBACK: [&str; 3] =
    ["recordingStatusCallback", "recordingStatusCallbackMethod", "recordingStatusCallbackEvent"];

type Read<T> = Result<T, TwimlError>;

/// Reads a verb of a document.
pub(super) fn verb(node: Node<'_, '_>, noted: &mut NotEmulated) -> Read<Verb> {
    match node.tag_name().name() {
        "Connect" => connect(node, noted),
        "Redirect" => {
            let it = Element::check(node, &["method"], &[], noted)?;
            Ok(Verb::Redirect { url: it.text(), method: it.method("method")? })
        }
        "Hangup" => Element::check(node, &[], &[], noted).map(|_| Verb::Hangup),
        "Leave" => Element::check(node, &[], &[], noted).map(|_| Verb::Leave),
        "Say" | "Play" | "Pause" => prompt(node, noted),
        "Gather" => gather(node, noted),
        "Dial" => dial(node, noted),
        "Enqueue" => {
            let it = Element::check(node, &["action", "method", "waitUrl", "waitUrlMethod"], &["maxQueueSize"], noted)?;
            let queue = it.text();
            if queue.is_empty() || queue.len() > 64 {
                return Err(TwimlError("<Enqueue> needs a name of at most 64 characters".to_owned()));
            }
            let (action, wait_url) = (it.address("action", "method")?, it.address("waitUrl", "waitUrlMethod")?);
            Ok(Verb::Enqueue { queue, action, wait_url })
        }
        "Record" => record(node, noted),
        "Start" | "Stop" => recording(node, noted),
        "Reject" => {
            let it = Element::check(node, &["reason"], &[], noted)?;
            Ok(Verb::Reject { busy: it.word("reason", &[("rejected", false), ("busy", true)])? })
        }
        other => Err(TwimlError(format!("unknown verb <{other}>"))),
    }
}

/// A verb that may also stand in `<Gather>`.
fn prompt(node: Node<'_, '_>, noted: &mut NotEmulated) -> Read<Verb> {
    match node.tag_name().name() {
        "Say" => {
            let it = Element::check(node, &["language", "loop", "voice"], &[], noted)?;
            let language = it.get("language").unwrap_or_else(|| "en-US".to_owned());
            Ok(Verb::Say { text: it.text(), language, times: times(&it)? })
        }
        "Play" => {
            let it = Element::check(node, &["loop", "digits"], &[], noted)?;
            match it.get("digits") {
                Some(digits) if digits.chars().all(|key| "0123456789ABCD*#w".contains(key)) => Ok(Verb::Press(digits)),
                Some(digits) => Err(wrong("digits", &digits, "keys and w")),
                None if it.text().is_empty() => Err(TwimlError("<Play> without an address".to_owned())),
                None => Ok(Verb::Play { url: it.text(), times: times(&it)? }),
            }
        }
        "Pause" => Ok(Verb::Pause(Element::check(node, &["length"], &[], noted)?.seconds("length", 1)?)),
        other => Err(TwimlError(format!("unknown <{other}> in <Gather>"))),
    }
}

fn times(it: &Element<'_, '_>) -> Read<u32> {
    Ok(match it.number("loop", 1)? {
        0 => ENDLESS,
        times => times.min(ENDLESS),
    })
}

/// The one element in `<Connect>`, `<Start>` or `<Stop>`.
fn noun<'a, 'input>(it: &Element<'a, 'input>, verb: &str, name: &str) -> Read<Node<'a, 'input>> {
    let mut nouns = it.children();
    match (nouns.next(), nouns.next()) {
        (Some(noun), None) if noun.tag_name().name() == name => Ok(noun),
        (Some(noun), None) => Err(TwimlError(format!("unknown noun <{}> in <{verb}>", noun.tag_name().name()))),
        _ => Err(TwimlError(format!("<{verb}> needs exactly one noun"))),
    }
}

fn connect(node: Node<'_, '_>, noted: &mut NotEmulated) -> Read<Verb> {
    if node.children().any(|child| child.has_tag_name("ConversationRelay")) {
        return relay(node, noted);
    }
    let it = Element::check(node, &[], &["action", "method"], noted)?;
    let known = ["url", "name", "statusCallback", "statusCallbackMethod"];
    let stream = Element::check(noun(&it, "Connect", "Stream")?, &known, &["track"], noted)?;
    Ok(Verb::Connect(StreamVerb {
        url: stream.required("url")?,
        name: stream.get("name"),
        status_callback: stream.address("statusCallback", "statusCallbackMethod")?,
        parameters: parameters(&stream, "Stream", noted)?,
    }))
}

fn relay(node: Node<'_, '_>, noted: &mut NotEmulated) -> Read<Verb> {
    let it = Element::check(node, &["action", "method"], &[], noted)?;
    let known = ["url", "language", "welcomeGreeting", "interruptible", "dtmfDetection", "hints"];
    let idle = [
        "voice",
        "ttsProvider",
        "ttsLanguage",
        "transcriptionProvider",
        "transcriptionLanguage",
        "speechModel",
        "welcomeGreetingInterruptible",
        "reportInputDuringAgentSpeech",
        "preemptible",
        "interruptSensitivity",
        "profanityFilter",
        "debug",
    ];
    let relay = Element::check(noun(&it, "Connect", "ConversationRelay")?, &known, &idle, noted)?;
    let interrupted_by = relay.word(
        "interruptible",
        &[
            ("any", (true, true)),
            ("none", (false, false)),
            ("dtmf", (true, false)),
            ("speech", (false, true)),
            ("true", (true, true)),
            ("false", (false, false)),
        ],
    )?;
    Ok(Verb::Relay(RelayVerb {
        url: relay.required("url")?,
        action: it.address("action", "method")?,
        language: relay.get("language").unwrap_or_else(|| "en-US".to_owned()),
        greeting: relay.get("welcomeGreeting"),
        interrupted_by,
        reports_keys: relay.flag("dtmfDetection", false)?,
        parameters: parameters(&relay, "ConversationRelay", noted)?,
    }))
}

fn parameters(it: &Element<'_, '_>, noun: &str, noted: &mut NotEmulated) -> Read<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    for child in it.children() {
        if child.tag_name().name() != "Parameter" {
            return Err(TwimlError(format!("unknown <{}> in <{noun}>", child.tag_name().name())));
        }
        let parameter = Element::check(child, &["name", "value"], &[], noted)?;
        let (name, value) = (parameter.required("name")?, parameter.required("value")?);
        if name.len() + value.len() >= 500 {
            return Err(TwimlError(format!("<Parameter name={name:?}> of 500 characters or more")));
        }
        parameters.insert(name, value);
    }
    Ok(parameters)
}

fn gather(node: Node<'_, '_>, noted: &mut NotEmulated) -> Read<Verb> {
    let known = [
        "input",
        "action",
        "method",
        "timeout",
        "speechTimeout",
        "numDigits",
        "finishOnKey",
        "language",
        "hints",
        "actionOnEmptyResult",
    ];
    let idle = [
        "maxSpeechTime",
        "profanityFilter",
        "partialResultCallback",
        "partialResultCallbackMethod",
        "bargeIn",
        "debug",
        "speechModel",
        "enhanced",
    ];
    let it = Element::check(node, &known, &idle, noted)?;
    let (keys, speech) = it.word(
        "input",
        &[
            ("dtmf", (true, false)),
            ("speech", (false, true)),
            ("dtmf speech", (true, true)),
            ("speech dtmf", (true, true)),
        ],
    )?;
    let finish = it.get("finishOnKey").unwrap_or_else(|| "#".to_owned());
    let mut finish_keys = finish.chars();
    let finish_on_key = match (finish_keys.next(), finish_keys.next()) {
        (key @ (None | Some('0'..='9' | '*' | '#')), None) => key,
        _ => return Err(wrong("finishOnKey", &finish, "a key or nothing")),
    };
    let speech_timeout = match it.get("speechTimeout").as_deref() {
        None | Some("auto") => AUTOMATIC_PAUSE,
        Some(_) => it.seconds("speechTimeout", 1)?,
    };
    let num_digits = it.get("numDigits").map(|_| it.number("numDigits", 1)).transpose()?;
    if num_digits == Some(0) {
        return Err(wrong("numDigits", "0", "at least 1"));
    }
    Ok(Verb::Gather(GatherVerb {
        keys,
        speech,
        action: it.address("action", "method")?,
        timeout: it.seconds("timeout", 5)?,
        speech_timeout,
        num_digits,
        finish_on_key,
        language: it.get("language").unwrap_or_else(|| "en-US".to_owned()),
        action_on_empty: it.flag("actionOnEmptyResult", false)?,
        prompts: it.children().map(|child| prompt(child, noted)).collect::<Read<_>>()?,
    }))
}

fn dial(node: Node<'_, '_>, noted: &mut NotEmulated) -> Read<Verb> {
    let known = [
        "action",
        "method",
        "timeout",
        "timeLimit",
        "callerId",
        "record",
        "trim",
        "answerOnBridge",
        "ringTone",
        "sequential",
        RECORDING_CALLBACK[0],
        RECORDING_CALLBACK[1],
        RECORDING_CALLBACK[2],
    ];
    let it = Element::check(node, &known, &["hangupOnStar", "recordingTrack", "referUrl", "referMethod"], noted)?;
    let (action, timeout) = (it.address("action", "method")?, it.seconds("timeout", 30)?);
    let nouns: Vec<Node<'_, '_>> = it.children().collect();
    if let [queue] = nouns.as_slice()
        && queue.tag_name().name() == "Queue"
    {
        let queue = Element::check(*queue, &[], &["url", "method"], noted)?;
        return Ok(Verb::Join { queue: queue.text(), action, timeout });
    }
    let mut numbers = nouns.into_iter().map(|noun| number(noun, noted)).collect::<Read<Vec<_>>>()?;
    if numbers.is_empty() {
        let number = it.text();
        numbers.push(NumberNoun { number, send_digits: None, url: None, status_callback: None });
    }
    if numbers.len() > 10 || numbers.iter().any(|noun| !noun.number.starts_with('+')) {
        return Err(TwimlError("<Dial> needs one to ten numbers in E.164".to_owned()));
    }
    let record = it.word(
        "record",
        &[
            ("do-not-record", None),
            ("record-from-answer", Some(false)),
            ("record-from-answer-dual", Some(true)),
            ("true", Some(false)),
        ],
    )?;
    let record = record.map(|dual| settings(&it, dual, true)).transpose()?;
    Ok(Verb::Dial(DialVerb {
        numbers,
        action,
        timeout,
        time_limit: it.get("timeLimit").map(|_| it.seconds("timeLimit", 0)).transpose()?,
        caller_id: it.get("callerId"),
        answer_on_bridge: it.flag("answerOnBridge", false)?,
        sequential: it.flag("sequential", false)?,
        record,
    }))
}

fn number(node: Node<'_, '_>, noted: &mut NotEmulated) -> Read<NumberNoun> {
    if node.tag_name().name() != "Number" {
        return Err(TwimlError(format!("unknown noun <{}> in <Dial>", node.tag_name().name())));
    }
    let known = ["sendDigits", "url", "method", "statusCallback", "statusCallbackMethod", "statusCallbackEvent"];
    let it =
        Element::check(node, &known, &["machineDetection", "amdStatusCallback", "amdStatusCallbackMethod"], noted)?;
    let callback = it.address("statusCallback", "statusCallbackMethod")?;
    Ok(NumberNoun {
        number: it.text(),
        send_digits: it.get("sendDigits"),
        url: it.address("url", "method")?,
        status_callback: callback.map(|address| (address, events(&it, "statusCallbackEvent"))),
    })
}

fn record(node: Node<'_, '_>, noted: &mut NotEmulated) -> Read<Verb> {
    let known = [
        "action",
        "method",
        "timeout",
        "finishOnKey",
        "maxLength",
        "playBeep",
        "trim",
        RECORDING_CALLBACK[0],
        RECORDING_CALLBACK[1],
        RECORDING_CALLBACK[2],
    ];
    let it = Element::check(node, &known, &["transcribe", "transcribeCallback"], noted)?;
    Ok(Verb::Record(RecordVerb {
        action: it.address("action", "method")?,
        max_length: it.seconds("maxLength", 3600)?,
        timeout: it.seconds("timeout", 5)?,
        finish_on_keys: it.get("finishOnKey").unwrap_or_else(|| "1234567890*#".to_owned()),
        beep: it.flag("playBeep", true)?,
        settings: settings(&it, false, true)?,
    }))
}

fn recording(node: Node<'_, '_>, noted: &mut NotEmulated) -> Read<Verb> {
    let verb = node.tag_name().name();
    let it = Element::check(node, &[], &[], noted)?;
    let known =
        ["name", "channels", "trim", "track", RECORDING_CALLBACK[0], RECORDING_CALLBACK[1], RECORDING_CALLBACK[2]];
    let recording = Element::check(noun(&it, verb, "Recording")?, &known, &[], noted)?;
    if verb == "Stop" {
        return Ok(Verb::StopRecording { name: recording.required("name")? });
    }
    if let Some(track) = recording.get("track").filter(|track| track != "both") {
        noted.push(format!("<Recording track={track:?}>"));
    }
    let dual = recording.word("channels", &[("dual", true), ("mono", false)])?;
    Ok(Verb::StartRecording { name: recording.get("name"), settings: settings(&recording, dual, true)? })
}

fn settings(it: &Element<'_, '_>, dual: bool, trims: bool) -> Read<RecordingSettings> {
    let words = [("trim-silence", true), ("do-not-trim", false)];
    let trim = if it.get("trim").is_some() { it.word("trim", &words)? } else { trims };
    let callback = it.address(RECORDING_CALLBACK[0], RECORDING_CALLBACK[1])?;
    let callback = callback.map(|address| (address, events(it, RECORDING_CALLBACK[2])));
    Ok(RecordingSettings { dual, trim, callback })
}

/// The events of a callback, separated by blanks; only the end unless told otherwise.
fn events(it: &Element<'_, '_>, name: &str) -> Vec<String> {
    let text = it.get(name).unwrap_or_else(|| "completed".to_owned());
    text.split_whitespace().map(str::to_owned).collect()
}
