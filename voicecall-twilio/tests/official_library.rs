//! Twilio's own Python library as the judge of our signatures and our TwiML.
//!
//! It runs in the interpreter named by `VOICECALL_PYTHON`, or in the one `./scripts/python-env` prepares.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{PUBLIC_URL, TOKEN, sign};
use url::form_urlencoded;
use voicecall_core::carrier::{
    CallFlow, CallStep, Converse, ConverseSettings, Dial, DialNumber, DialOrder, Gather, GatherInput, Hold,
    InterruptedBy, Play, Prompt, RecordCall, RecordMessage, RecordingChannels, RejectReason, Repeat, Say, SpeechEnd,
    StartRecording, StreamTarget, VoiceBackend, WebhookRequest, WithoutInput,
};
use voicecall_core::messaging::ConversationalBackend;
use voicecall_core::{ConsentToken, Error, ErrorKind, SessionId};
use voicecall_twilio::{TwilioBuilder, TwilioConversations, TwilioMessaging, TwilioVoice, VoiceGrant};

const CASES: usize = 500;

type Fields = Vec<(String, String)>;

#[test]
fn the_official_validator_and_ours_agree() {
    let requests =
        generated((form_request(), json_request(), any::<bool>()).prop_map(
            |(form, json, is_form)| {
                if is_form { form } else { json }
            },
        ));
    let asked: Vec<_> = requests.iter().map(Request::question).collect();

    let answers = ask(&json!({"token": TOKEN, "requests": asked, "flows": []}));

    let twilio = (twilio(), messaging(), conversations());
    for (request, answer) in requests.iter().zip(answers["checks"].as_array().unwrap()) {
        assert_eq!(answer["accepts"], true, "the official validator refuses our signature: {request:?}");
        let official = answer["signature"].as_str().unwrap();
        assert!(request.is_authentic(&twilio, official), "we refuse the official signature: {request:?}");
        assert!(!request.is_authentic(&twilio, &official.to_lowercase()), "we accept anything: {request:?}");
        if let Some(body) = &request.body {
            assert_eq!(answer["hash"], hash(body));
        }
    }
}

#[test]
fn the_official_twiml_says_the_same_as_ours() {
    let flows = generated(proptest::collection::vec(step(), 0..5));
    let asked: Vec<Vec<Value>> = flows.iter().map(|flow| flow.iter().map(question_of).collect()).collect();

    let answers = ask(&json!({"token": TOKEN, "requests": [], "flows": asked}));

    let twilio = twilio();
    for (flow, official) in flows.iter().zip(answers["twiml"].as_array().unwrap()) {
        let ours = twilio.reply(&CallFlow(flow.clone())).unwrap().body;
        assert_eq!(outline(&ours), outline(official.as_str().unwrap()), "{ours}\n{official}");
    }
}

#[test]
fn the_official_library_reads_our_access_tokens() {
    let key = ("SK00000000000000000000000000000001", "the secret of a key, which is 32 bytes or longer");
    let builder = TwilioBuilder::new().account_sid(support::ACCOUNT).api_key(key.0, key.1).region("ie1");
    let tokens = builder.build_access_tokens().unwrap();
    let application = "AP00000000000000000000000000000002";
    let mut both = VoiceGrant::new("anna").receiving().calling_by(application);
    both.parameters.insert("desk".to_owned(), "7".to_owned());
    both.lifetime = Duration::from_secs(600);
    let incoming = VoiceGrant::new("anna").receiving();
    let now = jiff::Timestamp::now();
    let made = [&both, &incoming].map(|grant| tokens.voice(grant, now).unwrap().expose_secret().to_owned());

    let asked = json!({"token": TOKEN, "requests": [], "flows": [], "access": {"secret": key.1, "tokens": made}});
    let answers = ask(&asked);

    let [both, incoming] = answers["access"].as_array().unwrap().as_slice() else { panic!("{answers}") };
    assert_eq!(both["headers"], json!({"alg": "HS256", "typ": "JWT", "cty": "twilio-fpa;v=1", "twr": "ie1"}));
    let at = now.as_second();
    let voice =
        json!({"incoming": {"allow": true}, "outgoing": {"application_sid": application, "params": {"desk": "7"}}});
    let payload = json!({
        "jti": format!("{}-{at}", key.0), "iss": key.0, "sub": support::ACCOUNT, "nbf": at, "exp": at + 600,
        "grants": {"identity": "anna", "voice": voice},
    });
    assert_eq!(both["payload"], payload);
    assert_eq!(incoming["payload"]["grants"]["voice"], json!({"incoming": {"allow": true}}));
    for token in [both, incoming] {
        assert_eq!(token["forged"], true, "another secret is refused");
        assert_eq!(token["same"], true, "the library makes the same of the same grants");
    }
}

#[derive(Debug)]
struct Request {
    port: &'static str,
    target: String,
    fields: Fields,
    body: Option<String>,
}

impl Request {
    /// The address the validator is shown, always without a port; what was signed may have one.
    fn question(&self) -> Value {
        let signed_url = format!("{PUBLIC_URL}{}{}", self.port, self.target);
        json!({
            "url": format!("{PUBLIC_URL}{}", self.target),
            "signed_url": signed_url,
            "fields": self.fields,
            "body": self.body,
            "signature": sign(TOKEN, &signed_url, &self.fields),
        })
    }

    fn is_authentic(&self, sides: &(TwilioVoice, TwilioMessaging, TwilioConversations), signature: &str) -> bool {
        let (calls, messages, conversations) = sides;
        let (content_type, body) = match &self.body {
            Some(body) => ("application/json", body.clone()),
            None => {
                let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish();
                ("application/x-www-form-urlencoded", form)
            }
        };
        let headers = [("Content-Type", content_type), ("X-Twilio-Signature", signature)];
        let request =
            WebhookRequest { method: "POST", path_and_query: &self.target, headers: &headers, body: body.as_bytes() };
        let is_refused = |error: Option<Error>| error.is_some_and(|error| error.kind() == ErrorKind::Unauthenticated);
        let refused = is_refused(calls.webhook(&request).err());
        assert_eq!(is_refused(messages.webhook(&request).err()), refused, "all sides judge alike: {self:?}");
        assert_eq!(is_refused(conversations.webhook(&request).err()), refused, "all sides judge alike: {self:?}");
        !refused
    }
}

fn target() -> impl Strategy<Value = String> {
    "(/[A-Za-z0-9._~%+-]{0,8}){1,3}(\\?[a-z]{1,5}=[A-Za-z0-9%+'!*,/:@_.-]{1,12}(&[a-z]{1,5}=[A-Za-z0-9%+-]{1,8}){0,2})?"
}

fn port() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(""), Just(":443")]
}

fn form_request() -> impl Strategy<Value = Request> {
    let field = ("[A-C][a-z.]{0,2}|.{1,8}", prop_oneof!["[x-z]?", ".{0,20}"]);
    (port(), target(), proptest::collection::vec(field, 0..10)).prop_map(|(port, target, fields)| Request {
        port,
        target,
        fields,
        body: None,
    })
}

fn json_request() -> impl Strategy<Value = Request> {
    (port(), target(), ".{1,60}").prop_map(|(port, target, body)| {
        let mark = if target.contains('?') { '&' } else { '?' };
        let target = format!("{target}{mark}bodySHA256={}", hash(&body));
        Request { port, target, fields: Vec::new(), body: Some(body) }
    })
}

fn hash(body: &str) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Text as people write it and as they should not, within what the official builder can express.
fn text() -> impl Strategy<Value = String> {
    "[ -~åäöÅÄÖé€🙂<>&'\"]{0,40}"
}

fn url(scheme: &'static str) -> impl Strategy<Value = url::Url> {
    target().prop_map(move |target| format!("{scheme}://calls.example{target}").parse().unwrap())
}

fn repeat() -> impl Strategy<Value = Repeat> {
    prop_oneof![Just(Repeat::ONCE), (2..9u32).prop_map(Repeat::Times), Just(Repeat::Forever)]
}

fn say() -> impl Strategy<Value = Say> {
    let voice = proptest::option::of("Polly\\.[A-Z][a-z]{2,6}");
    (text(), "[a-z]{2}-[A-Z]{2}", voice, repeat()).prop_map(|(text, language, voice, repeat)| {
        let mut say = Say::new(text, language);
        (say.voice, say.repeat) = (voice, repeat);
        say
    })
}

fn play() -> impl Strategy<Value = Play> {
    (url("https"), repeat()).prop_map(|(url, repeat)| {
        let mut play = Play::new(url);
        play.repeat = repeat;
        play
    })
}

fn seconds() -> impl Strategy<Value = Duration> {
    (1..600u64).prop_map(Duration::from_secs)
}

fn prompt() -> impl Strategy<Value = Prompt> {
    prop_oneof![say().prop_map(Prompt::Say), play().prop_map(Prompt::Play), seconds().prop_map(Prompt::Pause)]
}

fn gather() -> impl Strategy<Value = Gather> {
    let input = prop::sample::select(vec![GatherInput::Keys, GatherInput::Speech, GatherInput::KeysOrSpeech]);
    let end = prop_oneof![Just(SpeechEnd::Automatic), seconds().prop_map(SpeechEnd::Silence)];
    let keys = (proptest::option::of(1..20u32), proptest::option::of(prop::sample::select(vec!['#', '*', '5'])));
    let words = (proptest::option::of("[a-z]{2}-[A-Z]{2}"), proptest::collection::vec("[a-zåäö ]{1,9}", 0..3));
    let prompts = proptest::collection::vec(prompt(), 0..3);
    (url("https"), input, end, keys, words, prompts, seconds(), any::<bool>()).prop_map(
        |(next, input, end, (digits, finish_key), (language, hints), prompts, timeout, asks)| {
            let mut gather = Gather::keys(next);
            (gather.input, gather.speech_end, gather.digits, gather.finish_key) = (input, end, digits, finish_key);
            (gather.language, gather.hints, gather.prompts, gather.timeout) = (language, hints, prompts, timeout);
            gather.without_input = if asks { WithoutInput::Ask } else { WithoutInput::Continue };
            gather
        },
    )
}

fn consent() -> ConsentToken {
    ConsentToken::operator_declares_legal_basis(SessionId::new())
}

fn record_call() -> impl Strategy<Value = RecordCall> {
    (any::<bool>(), any::<bool>(), proptest::option::of(url("https"))).prop_map(|(dual, trim, status_url)| {
        let mut record = RecordCall::new(consent());
        record.channels = if dual { RecordingChannels::Dual } else { RecordingChannels::Mono };
        (record.trim, record.status_url) = (trim, status_url);
        record
    })
}

fn dial_number() -> impl Strategy<Value = DialNumber> {
    let urls = (proptest::option::of(url("https")), proptest::option::of(url("https")));
    ("\\+46[1-9][0-9]{8}", proptest::option::of("[0-9w#]{1,9}"), urls).prop_map(
        |(number, digits, (screening, status))| {
            let mut number = DialNumber::new(number.parse().unwrap());
            number.digits = digits.map(|digits| digits.parse().unwrap());
            (number.screening_url, number.status_url) = (screening, status);
            number
        },
    )
}

fn dial() -> impl Strategy<Value = Dial> {
    let numbers = proptest::collection::vec(dial_number(), 1..4);
    let times = (seconds(), proptest::option::of(seconds()));
    let flags = (any::<bool>(), any::<bool>());
    let rest = (proptest::option::of(record_call()), proptest::option::of(url("https")), any::<bool>());
    (numbers, times, flags, rest).prop_map(|(numbers, (ring, limit), (in_turn, on_bridge), (record, next, shown))| {
        let mut dial = Dial::new("+46700000001".parse().unwrap());
        (dial.numbers, dial.ring_timeout, dial.time_limit) = (numbers, ring, limit);
        (dial.answer_on_bridge, dial.record, dial.next) = (on_bridge, record, next);
        dial.order = if in_turn { DialOrder::InTurn } else { DialOrder::Together };
        if shown {
            dial.caller_id = Some("+46700000009".parse().unwrap());
            dial.ring_tone = Some("se".to_owned());
        }
        dial
    })
}

fn hold() -> impl Strategy<Value = Hold> {
    let urls = (proptest::option::of(url("https")), proptest::option::of(url("https")));
    ("[a-z0-9._-]{1,12}", urls).prop_map(|(name, (music_url, next))| {
        let mut hold = Hold::new(name.parse().unwrap());
        (hold.music_url, hold.next) = (music_url, next);
        hold
    })
}

fn record_message() -> impl Strategy<Value = RecordMessage> {
    let rest = (proptest::option::of(Just('#')), any::<bool>(), any::<bool>(), proptest::option::of(url("https")));
    (url("https"), seconds(), seconds(), rest).prop_map(|(next, length, silence, (key, beep, trim, status_url))| {
        let mut message = RecordMessage::new(next, consent());
        (message.max_length, message.silence_timeout, message.finish_key) = (length, silence, key);
        (message.beep, message.trim, message.status_url) = (beep, trim, status_url);
        message
    })
}

fn converse() -> impl Strategy<Value = CallStep> {
    let named = || proptest::option::of((text(), text()));
    let interrupts = [InterruptedBy::Nothing, InterruptedBy::Keys, InterruptedBy::Speech, InterruptedBy::Anything];
    let parameters = proptest::collection::btree_map("[a-zA-Z<&\"]{1,8}", text(), 0..4);
    let hints = proptest::collection::vec("[a-z& ]{1,8}", 0..3);
    let said = (proptest::option::of(text()), proptest::sample::select(interrupts.to_vec()));
    (url("wss"), url("https"), text(), named(), named(), hints, parameters, said).prop_map(
        |(url, next, language, voice, transcription, hints, parameters, (greeting, interrupted_by))| {
            let mut settings = ConverseSettings::new(language).with_interrupted_by(interrupted_by);
            settings.hints = hints;
            if let Some((provider, voice)) = voice {
                settings = settings.with_voice(provider, voice);
            }
            if let Some((provider, model)) = transcription {
                settings = settings.with_transcription(provider, model);
            }
            let mut converse = Converse::new(url, next, settings);
            (converse.parameters, converse.greeting) = (parameters, greeting);
            CallStep::Converse(converse)
        },
    )
}

fn converse_question(converse: &Converse) -> Value {
    let settings = &converse.settings;
    let parameters: Fields = converse.parameters.clone().into_iter().collect();
    let interrupted_by = match settings.interrupted_by {
        InterruptedBy::Nothing => "none",
        InterruptedBy::Keys => "dtmf",
        InterruptedBy::Speech => "speech",
        InterruptedBy::Anything => "any",
    };
    json!({
        "step": "converse",
        "url": converse.url,
        "next": converse.next,
        "language": settings.language,
        "speech_provider": settings.speech_provider,
        "voice": settings.voice,
        "transcription_provider": settings.transcription_provider,
        "transcription_model": settings.transcription_model,
        "hints": settings.hints,
        "interrupted_by": interrupted_by,
        "greeting": converse.greeting,
        "parameters": parameters,
    })
}

fn step() -> impl Strategy<Value = CallStep> {
    let parameters = proptest::collection::btree_map("[a-zA-Z<&\"]{1,8}", text(), 0..4);
    let stream = (url("wss"), parameters, proptest::option::of(url("https")));
    let name = "[a-z0-9._-]{1,12}";
    prop_oneof![
        stream.prop_map(|(url, parameters, status_url)| CallStep::Stream(StreamTarget { url, parameters, status_url })),
        say().prop_map(CallStep::Say),
        play().prop_map(CallStep::Play),
        seconds().prop_map(CallStep::Pause),
        "[0-9A-D*#w]{1,32}".prop_map(|digits| CallStep::Press(digits.parse().unwrap())),
        converse(),
        gather().prop_map(CallStep::Gather),
        dial().prop_map(CallStep::Dial),
        hold().prop_map(CallStep::Hold),
        name.prop_map(|name| CallStep::Join(name.parse().unwrap())),
        Just(CallStep::Leave),
        record_message().prop_map(CallStep::Record),
        (name, record_call())
            .prop_map(|(name, record)| CallStep::StartRecording(StartRecording::new(name.parse().unwrap(), record))),
        name.prop_map(|name| CallStep::StopRecording(name.parse().unwrap())),
        url("https").prop_map(CallStep::Redirect),
        any::<bool>().prop_map(|busy| CallStep::Reject(if busy { RejectReason::Busy } else { RejectReason::Rejected })),
        Just(CallStep::HangUp),
    ]
}

fn loops(repeat: Repeat) -> Option<u32> {
    match repeat {
        Repeat::Times(times) => Some(times).filter(|times| *times > 1),
        Repeat::Forever => Some(0),
    }
}

fn trim(trims: bool) -> &'static str {
    if trims { "trim-silence" } else { "do-not-trim" }
}

fn prompt_question(prompt: &Prompt) -> Value {
    match prompt {
        Prompt::Say(say) => question_of(&CallStep::Say(say.clone())),
        Prompt::Play(play) => question_of(&CallStep::Play(play.clone())),
        Prompt::Pause(length) => question_of(&CallStep::Pause(*length)),
        other => panic!("{other:?}"),
    }
}

fn gather_question(gather: &Gather) -> Value {
    let hears = gather.input != GatherInput::Keys;
    let speech_timeout = match gather.speech_end {
        SpeechEnd::Automatic => "auto".to_owned(),
        SpeechEnd::Silence(length) => length.as_secs().to_string(),
    };
    json!({
        "step": "gather",
        "input": match gather.input {
            GatherInput::Keys => "dtmf",
            GatherInput::Speech => "speech",
            GatherInput::KeysOrSpeech => "dtmf speech",
        },
        "next": gather.next,
        "timeout": gather.timeout.as_secs(),
        "finish_key": gather.finish_key.map(String::from).unwrap_or_default(),
        "digits": gather.digits,
        "speech_timeout": hears.then_some(speech_timeout),
        "language": gather.language.as_ref().filter(|_| hears),
        "hints": (hears && !gather.hints.is_empty()).then(|| gather.hints.join(",")),
        "on_empty": (gather.without_input == WithoutInput::Ask).then_some(true),
        "prompts": gather.prompts.iter().map(prompt_question).collect::<Vec<_>>(),
    })
}

fn dial_question(dial: &Dial) -> Value {
    let numbers: Vec<Value> = dial
        .numbers
        .iter()
        .map(|number| {
            json!({
                "number": number.number.reveal(),
                "digits": number.digits.as_ref().map(|digits| digits.reveal()),
                "screening_url": number.screening_url,
                "status_url": number.status_url,
            })
        })
        .collect();
    let record = dial.record.as_ref();
    json!({
        "step": "dial",
        "numbers": numbers,
        "next": dial.next,
        "timeout": dial.ring_timeout.as_secs(),
        "time_limit": dial.time_limit.map(|limit| limit.as_secs()),
        "caller_id": dial.caller_id.as_ref().map(|number| number.reveal()),
        "answer_on_bridge": dial.answer_on_bridge.then_some(true),
        "ring_tone": dial.ring_tone,
        "sequential": (dial.order == DialOrder::InTurn).then_some(true),
        "record": record.map(|record| match record.channels {
            RecordingChannels::Mono => "record-from-answer",
            RecordingChannels::Dual => "record-from-answer-dual",
        }),
        "trim": record.map(|record| trim(record.trim)),
        "recording_url": record.and_then(|record| record.status_url.as_ref()),
    })
}

fn question_of(step: &CallStep) -> Value {
    match step {
        CallStep::Stream(target) => {
            let parameters: Fields = target.parameters.clone().into_iter().collect();
            json!({"step": "stream", "url": target.url, "parameters": parameters, "status_url": target.status_url})
        }
        CallStep::Say(say) => {
            json!({"step": "say", "text": say.text, "language": say.language, "voice": say.voice, "loop": loops(say.repeat)})
        }
        CallStep::Play(play) => json!({"step": "play", "url": play.url, "loop": loops(play.repeat)}),
        CallStep::Pause(length) => json!({"step": "pause", "seconds": length.as_secs()}),
        CallStep::Press(digits) => json!({"step": "press", "digits": digits.reveal()}),
        CallStep::Converse(converse) => converse_question(converse),
        CallStep::Gather(gather) => gather_question(gather),
        CallStep::Dial(dial) => dial_question(dial),
        CallStep::Hold(hold) => {
            json!({"step": "hold", "name": hold.name.as_str(), "music_url": hold.music_url, "next": hold.next})
        }
        CallStep::Join(name) => json!({"step": "join", "name": name.as_str()}),
        CallStep::Leave => json!({"step": "leave"}),
        CallStep::Record(message) => json!({
            "step": "record",
            "next": message.next,
            "max_length": message.max_length.as_secs(),
            "timeout": message.silence_timeout.as_secs(),
            "finish_key": message.finish_key,
            "beep": message.beep,
            "trim": trim(message.trim),
            "recording_url": message.status_url,
        }),
        CallStep::StartRecording(start) => json!({
            "step": "start_recording",
            "name": start.name.as_str(),
            "channels": if start.settings.channels == RecordingChannels::Dual { "dual" } else { "mono" },
            "trim": trim(start.settings.trim),
            "recording_url": start.settings.status_url,
        }),
        CallStep::StopRecording(name) => json!({"step": "stop_recording", "name": name.as_str()}),
        CallStep::Redirect(url) => json!({"step": "redirect", "url": url}),
        CallStep::Reject(reason) => {
            json!({"step": "reject", "reason": if *reason == RejectReason::Busy { "busy" } else { "rejected" }})
        }
        CallStep::HangUp => json!({"step": "hang_up"}),
        other => panic!("{other:?}"),
    }
}

/// What a document says, whatever way it is written.
fn outline(xml: &str) -> Vec<(usize, String, Fields, String)> {
    let document = roxmltree::Document::parse(xml).unwrap();
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    elements
        .map(|element| {
            let mut attributes: Vec<_> =
                element.attributes().map(|it| (it.name().to_owned(), it.value().to_owned())).collect();
            attributes.sort();
            let text = element.text().unwrap_or_default().to_owned();
            (element.ancestors().count(), element.tag_name().name().to_owned(), attributes, text)
        })
        .collect()
}

fn generated<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> Vec<T> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..CASES).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn twilio() -> TwilioVoice {
    TwilioVoice::builder().account_sid(support::ACCOUNT).auth_token(TOKEN).public_url(PUBLIC_URL).build().unwrap()
}

fn messaging() -> TwilioMessaging {
    let builder = TwilioMessaging::builder().account_sid(support::ACCOUNT).auth_token(TOKEN).public_url(PUBLIC_URL);
    builder.build_messaging().unwrap()
}

fn conversations() -> TwilioConversations {
    let builder = TwilioConversations::builder().account_sid(support::ACCOUNT).auth_token(TOKEN).public_url(PUBLIC_URL);
    builder.build_conversations().unwrap()
}

fn ask(questions: &Value) -> Value {
    let python = interpreter();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/official_library.py");
    let mut child = Command::new(&python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not run ({error}): run ./scripts/test", python.display()));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(questions.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "Twilio's library cannot be asked with {}: run ./scripts/test", python.display());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn interpreter() -> PathBuf {
    if let Some(python) = std::env::var_os("VOICECALL_PYTHON") {
        return python.into();
    }
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from(workspace).join("target"), PathBuf::from);
    let python = target.join("python/bin/python3");
    assert!(python.exists(), "{} is missing: run ./scripts/test", python.display());
    python
}
