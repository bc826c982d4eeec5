//! Speech to speech against the simulated Realtime API, over real sockets: the agent hears a clip and answers with another.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use voicecall_core::ErrorKind;
use voicecall_core::agent::{
    AgentEvent, AgentSession, AgentSetup, AgentTask, Cascade, OpId, Realtime, Respond, VoiceAgent as _,
};
use voicecall_core::audio::Frame;
use voicecall_core::model::{
    ChatMessage, ChatRole, RealtimeModel as _, RealtimeOptions, SpeechOptions, ToolSpec, TranscriptionOptions,
};
use voicecall_core::testing::{ScriptedModel, ScriptedTranscriber, ScriptedVoice};
use voicecall_openai::{Endpoint, OpenAiRealtime, RealtimeShape};
use voicecall_sim::clips::Library;
use voicecall_sim::openai::Server;
use voicecall_sim::openai::realtime::Socket;

const KEY: &str = "sk-canary";
const ASKED: &str = "Hi, when are you open on Sunday?";
const ANSWER: &str = "On Sunday we are open from eight to two.";
const PATIENCE: Duration = Duration::from_secs(20);

fn scenario(rest: &str) -> String {
    let pace = r#"latency = { first_token = "20 ms", per_token = "1 ms", speech = "20 ms", speech_pace = 50.0, transcription = "10 ms" }"#;
    let rules = format!(
        r#"
        [[model.rule]]
        result = "until"
        reply = "{ANSWER}"

        [[model.rule]]
        caller = "a table for two"
        calls = [{{ tool = "opening_hours", arguments = {{ day = "Sunday" }} }}]

        [[model.rule]]
        caller = "open on Sunday"
        reply = "{ANSWER}"
        "#
    );
    format!("name = \"realtime\"\nseed = 1\ncaller.answer = \"busy\"\n{pace}\n{rules}\n{rest}")
}

fn model(server: &Server, key: &str) -> OpenAiRealtime {
    let endpoint = Endpoint::new(&server.base_url(), "gpt-realtime-2.1").unwrap().with_api_key(key);
    OpenAiRealtime::new(endpoint).unwrap()
}

/// A sentence as somebody says it on the phone.
fn said(sentence: &str) -> Vec<Frame> {
    let mut audio = Library::bundled().voice("caller", sentence).unwrap().audio;
    audio.resize(audio.len().next_multiple_of(160), 0xFF);
    audio.chunks_exact(160).map(|frame| Frame::from(<[u8; 160]>::try_from(frame).unwrap())).collect()
}

struct Call {
    session: Box<dyn AgentSession>,
    server: Server,
}

impl Call {
    async fn begin(rest: &str) -> Self {
        let server = Server::start(&scenario(rest).parse().unwrap(), KEY).await.unwrap();
        let cascade = Cascade::new(
            Arc::new(ScriptedTranscriber::new().with_text(ASKED)),
            Arc::new(ScriptedModel::new().with_answer(["The cascade answers."])),
            Arc::new(ScriptedVoice::new().with_silence(1, Duration::from_secs(1))),
        );
        let setup = AgentSetup {
            transcription: TranscriptionOptions { language: Some("en".into()), keywords: vec!["Sunday".into()] },
            speech: SpeechOptions { voice: Some("marin".into()), language: None },
        };
        let session = Realtime::new(Arc::new(model(&server, KEY)), cascade).open(&setup).await.unwrap();
        Self { session, server }
    }

    /// The events of `op` until its end, or until it has delivered so many samples.
    async fn events(&mut self, op: u32, samples: usize) -> Vec<AgentEvent> {
        let (mut events, mut delivered) = (Vec::new(), 0);
        loop {
            let (of, event) = timeout(PATIENCE, self.session.next()).await.unwrap_or_else(|_| panic!("{events:?}"));
            // What an answer used that was given up is told whenever the service tells it.
            if of != OpId(op) && matches!(event, AgentEvent::Usage(_)) {
                continue;
            }
            assert_eq!(of, OpId(op), "{event:?}");
            if let AgentEvent::Speech(chunk) = &event {
                delivered += chunk.audio.len();
                self.session.grant(of, chunk.audio.len() as u64);
            }
            let last = matches!(event, AgentEvent::Done | AgentEvent::Failed(_)) || delivered >= samples;
            events.push(event);
            if last {
                return events;
            }
        }
    }

    async fn turn(&mut self, op: u32, sentence: &str) -> String {
        let mut frames = said(sentence);
        let rest = frames.split_off(20);
        self.session.start(OpId(op), AgentTask::Listen { audio: frames });
        for frame in &rest {
            self.session.hear(OpId(op), frame).unwrap();
        }
        self.session.finish(OpId(op));
        let events = self.events(op, usize::MAX).await;
        let finals = events.iter().filter_map(|event| match event {
            AgentEvent::Transcript(transcript) if transcript.is_final => Some(transcript.text.clone()),
            _ => None,
        });
        finals.last().unwrap_or_else(|| panic!("{events:?}"))
    }

    fn respond(&mut self, op: u32, messages: &[ChatMessage]) {
        let mut all = vec![ChatMessage::new(ChatRole::System, "You answer the phone of a bakery.")];
        all.extend_from_slice(messages);
        let tool = ToolSpec {
            name: "opening_hours".into(),
            description: "Looks opening hours up.".into(),
            parameters: serde_json::json!({ "type": "object" }),
        };
        let request = Respond { messages: all, tools: vec![tool], max_tokens: 300 };
        self.session.start(OpId(op), AgentTask::Respond(request));
    }

    fn socket(&self) -> Socket {
        self.server.realtime().all().remove(0)
    }
}

fn caller(words: &str) -> ChatMessage {
    ChatMessage::new(ChatRole::User, words)
}

fn words(events: &[AgentEvent]) -> String {
    let tokens = events.iter().filter_map(|event| match event {
        AgentEvent::Token(text) => Some(text.as_str()),
        _ => None,
    });
    tokens.collect::<String>().trim().to_owned()
}

/// Speech of the events, in one piece.
fn sound(events: &[AgentEvent]) -> Vec<u8> {
    let chunks = events.iter().filter_map(|event| match event {
        AgentEvent::Speech(chunk) => Some(chunk.audio.clone()),
        _ => None,
    });
    chunks.flatten().collect()
}

#[tokio::test]
async fn a_caller_is_heard_and_answered_and_the_sound_is_passed_through_untouched() {
    let mut call = Call::begin("").await;
    assert_eq!(call.turn(1, ASKED).await, ASKED);
    call.respond(2, &[caller(ASKED)]);
    let events = call.events(2, usize::MAX).await;
    assert_eq!(words(&events), ANSWER);
    let clip = Library::bundled().voice("agent", ANSWER).unwrap().audio;
    assert!(sound(&events).starts_with(&clip), "mu-law, sample by sample");
    let usage =
        events.iter().find_map(|event| if let AgentEvent::Usage(usage) = event { Some(*usage) } else { None }).unwrap();
    assert!(usage.sound.output > 0 && usage.input > usage.sound.input && usage.sound.input > 0, "{usage:?}");
    let socket = call.socket();
    let update = socket.wait_for("session.update").await.unwrap();
    assert_eq!(update["session"]["audio"]["input"]["transcription"]["language"], "en");
    assert_eq!(update["session"]["audio"]["input"]["turn_detection"], Value::Null);
    assert_eq!(socket.settings()["instructions"], "You answer the phone of a bakery.");
    assert_eq!(socket.settings()["tools"][0]["name"], "opening_hours");
}

#[tokio::test]
async fn of_an_interrupted_answer_the_model_keeps_what_was_heard() {
    let mut call = Call::begin("").await;
    call.turn(1, ASKED).await;
    call.respond(2, &[caller(ASKED)]);
    call.events(2, 8000).await;
    call.session.truncate(OpId(2), 8000, "On Sunday we");
    call.session.cancel(OpId(2));
    // Whatever is asked next finds the conversation as the caller knows it.
    let socket = call.socket();
    let told = async {
        loop {
            tokio::select! {
                (of, event) = call.session.next() => {
                    assert!(of == OpId(2) && matches!(event, AgentEvent::Usage(_)), "{event:?}");
                }
                truncated = socket.wait_for("conversation.item.truncate") => return truncated,
            }
        }
    };
    let truncated = timeout(PATIENCE, told).await.unwrap().unwrap();
    assert_eq!(truncated["audio_end_ms"], 1000);
    let heard = call.turn(3, ASKED).await;
    call.respond(4, &[caller(ASKED), ChatMessage::new(ChatRole::Assistant, "On Sunday we"), caller(&heard)]);
    assert_eq!(words(&call.events(4, usize::MAX).await), ANSWER);
    let items = call.socket().items();
    let roles: Vec<_> = items.iter().map(|item| item["role"].as_str().unwrap_or_default()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"], "{items:?}");
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_answered() {
    let mut call = Call::begin("").await;
    let wish = call.turn(1, "Good, then I would like a table for two at ten.").await;
    call.respond(2, &[caller(&wish)]);
    let events = call.events(2, usize::MAX).await;
    let AgentEvent::ToolCall(called) = &events[0] else { panic!("{events:?}") };
    assert_eq!((called.name.as_str(), called.arguments.contains("Sunday")), ("opening_hours", true));
    let mut own = called.clone();
    own.id = "call_1".into();
    let said = [caller(&wish), ChatMessage::calling("", vec![own]), ChatMessage::tool_result("call_1", "until two")];
    call.respond(3, &said);
    assert_eq!(words(&call.events(3, usize::MAX).await), ANSWER);
}

#[tokio::test]
async fn a_socket_that_breaks_in_an_answer_leaves_it_to_the_cascade() {
    let mut call =
        Call::begin("[[fault]]\nwhere = \"openai.realtime.response\"\nnth = [1]\nkind = \"drop_before\"").await;
    call.turn(1, ASKED).await;
    call.respond(2, &[caller(ASKED)]);
    assert_eq!(words(&call.events(2, usize::MAX).await), "The cascade answers.");
    // The next turn finds a connection again.
    let again = timeout(PATIENCE, async {
        tokio::select! {
            event = call.session.next() => panic!("{event:?}"),
            socket = async { call.server.realtime().wait_for_socket(2).await.wait_for("session.update").await } => socket,
        }
    });
    assert!(again.await.unwrap().is_some());
}

#[tokio::test]
async fn refusals_have_their_kind() {
    let connect = async |server: &Server, key: &str, shape| {
        let model = model(server, key).with_shape(shape);
        model.connect(&RealtimeOptions::default()).await.unwrap_err()
    };
    let server = Server::start(&scenario("").parse().unwrap(), KEY).await.unwrap();
    let error = connect(&server, "sk-other", RealtimeShape::Current).await;
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unauthenticated, false), "{error}");
    // What the server thinks of the beta is an error of the configuration.
    let error = connect(&server, KEY, RealtimeShape::Beta).await;
    assert!(!error.is_retryable() && error.code() == Some("beta_api_shape_disabled"), "{error}");
    for (fault, kind) in [
        ("kind = \"rate_limit\"\nretry_after = \"2 s\"", ErrorKind::RateLimited),
        ("kind = \"error\"\nstatus = 500", ErrorKind::Unavailable),
    ] {
        let plan = scenario(&format!("[[fault]]\nwhere = \"openai.realtime\"\n{fault}"));
        let server = Server::start(&plan.parse().unwrap(), KEY).await.unwrap();
        let error = connect(&server, KEY, RealtimeShape::Current).await;
        assert_eq!((error.kind(), error.is_retryable()), (kind, true), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
    let error = OpenAiRealtime::new(Endpoint::new("http://127.0.0.1:1/v1", "m").unwrap()).unwrap();
    assert_eq!(error.connect(&RealtimeOptions::default()).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_setting_that_the_service_does_not_know_is_refused_at_once() {
    let server = Server::start(&scenario("").parse().unwrap(), KEY).await.unwrap();
    let model = model(&server, KEY).with_reasoning_effort("loud");
    let error = model.connect(&RealtimeOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Rejected, false), "{error}");
}
