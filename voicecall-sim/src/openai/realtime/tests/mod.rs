//! Sessions in virtual time, without a socket.

mod faults;
mod items;
mod messages;
mod responses;
mod sockets;
mod turns;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::server::{ServiceOptions, Services};
use super::format;
use super::session::{Out, Session};
use crate::clips::Library;
use crate::fault::Rng;

const SCENARIO: &str = r#"
    name = "realtime"
    seed = 1
    caller.answer = "busy"

    [latency]
    first_token = "300 ms"
    per_token = "10 ms"
    speech = "200 ms"
    speech_pace = 4.0
    transcription = "400 ms"
    jitter = 0.0

    [[model.rule]]
    result = "booked"
    reply = "Tack."

    [[model.rule]]
    caller = "Boka"
    calls = [{ tool = "book", arguments = { at = 19 } }]

    [[model.rule]]
    caller = "Hej"
    reply = "Är du kvar?"

    [[model.rule]]
    caller = "Vad sade du?"
    question = "Hur nöjd är"
    reply = "Tack."

    [[model.rule]]
    caller = "Ja, det går bra."
    reply = "Hur nöjd är du med ditt senaste besök?"

    [[model.rule]]
    caller = "Sing"
    reply = "La la la."
"#;

/// What the agent says of [`SCENARIO`] to a caller who agrees.
const QUESTION: &str = "Hur nöjd är du med ditt senaste besök?";

/// A client of a session, and its clock.
struct Client {
    session: Session,
    now: Duration,
}

impl Client {
    /// A client in a session of [`SCENARIO`] with these lines behind it; it has set no turn detection and mu-law.
    fn new(faults: &str) -> Self {
        let mut client = Self::raw(faults);
        client.tell(json!({ "type": "session.update", "session": { "type": "realtime", "audio": {
            "input": { "format": { "type": "audio/pcmu" }, "turn_detection": null },
            "output": { "format": { "type": "audio/pcmu" } },
        } } }));
        client
    }

    /// A client that has said nothing yet, and has taken the greeting.
    fn raw(faults: &str) -> Self {
        let scenario = format!("{SCENARIO}\n{faults}").parse().unwrap();
        Self::with(Services::new(&scenario, "key", ServiceOptions::default()))
    }

    fn with(services: Arc<Services>) -> Self {
        let session = Session::new(services, "gpt-realtime-2.1", Duration::from_secs(3600), Rng::new(1));
        let mut client = Self { session, now: Duration::ZERO };
        client.session.open(false);
        assert_eq!(types(&client.events()), ["session.created"]);
        client
    }

    /// The events that were sent so far.
    fn events(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.session.next())
            .map(|out| match out {
                Out::Event(event) => event,
                other => json!({ "type": format!("{other:?}") }),
            })
            .collect()
    }

    /// Sends an event, and returns what is said at once.
    fn tell(&mut self, event: Value) -> Vec<Value> {
        self.session.receive(self.now, &event.to_string());
        self.session.advance(self.now);
        self.events()
    }

    /// Sends an event that is refused, and returns the error.
    fn refused(&mut self, event: Value) -> Value {
        let mut said = self.tell(event);
        assert_eq!(types(&said), ["error"], "{said:?}");
        said.remove(0)["error"].take()
    }

    /// Lets time pass until an event of this type, and returns all until then.
    fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut said = Vec::new();
        while said.iter().all(|event: &Value| event["type"] != kind) {
            self.now = self.session.due().unwrap();
            self.session.advance(self.now);
            said.extend(self.events());
        }
        said
    }

    /// Lets so much time pass, and returns what is said in it.
    fn pass(&mut self, milliseconds: u64) -> Vec<Value> {
        self.now += Duration::from_millis(milliseconds);
        self.session.advance(self.now);
        self.events()
    }

    /// Writes to the model.
    fn write(&mut self, text: &str) -> String {
        let content = json!([{ "type": "input_text", "text": text }]);
        let said = self.tell(json!({ "type": "conversation.item.create",
            "item": { "type": "message", "role": "user", "content": content } }));
        said[0]["item"]["id"].as_str().unwrap().to_owned()
    }

    /// Says a sentence of a bundled clip, in pieces of 20 ms, and commits it.
    fn say(&mut self, sentence: &str) -> Vec<Value> {
        let audio = Library::bundled().by_text("caller", sentence).unwrap().audio();
        for piece in audio.chunks(160) {
            assert!(self.tell(append(piece)).is_empty());
        }
        self.tell(json!({ "type": "input_audio_buffer.commit" }))
    }

    /// Asks for a response with these members, and returns all of it.
    fn respond(&mut self, response: Value) -> Vec<Value> {
        let mut said = self.tell(json!({ "type": "response.create", "response": response }));
        if said.iter().all(|event| event["type"] != "response.done") {
            said.extend(self.until("response.done"));
        }
        said
    }

    /// The texts of the conversation.
    fn texts(&self) -> Vec<String> {
        let items = self.session.items();
        let part = |item: &Value, name: &str| item["content"][0][name].as_str().map(str::to_owned);
        items.iter().filter_map(|item| part(item, "text").or_else(|| part(item, "transcript"))).collect()
    }
}

/// Services that many sessions of a test may share.
fn shared_services() -> Arc<Services> {
    static SERVICES: OnceLock<Arc<Services>> = OnceLock::new();
    let services = SERVICES.get_or_init(|| Services::new(&SCENARIO.parse().unwrap(), "key", ServiceOptions::default()));
    Arc::clone(services)
}

fn append(audio: &[u8]) -> Value {
    json!({ "type": "input_audio_buffer.append", "audio": format::encode(audio) })
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The types, each once for as often as it comes in a row.
fn order(events: &[Value]) -> Vec<&str> {
    let mut types = types(events);
    types.dedup();
    types
}

/// The event of this type; there is one.
fn only<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    let mut found = events.iter().filter(|event| event["type"] == kind);
    let event = found.next().unwrap_or_else(|| panic!("no {kind} in {:?}", types(events)));
    assert!(found.next().is_none(), "{kind} twice");
    event
}

/// The `delta`s of this type, joined.
fn deltas(events: &[Value], kind: &str) -> String {
    events.iter().filter(|event| event["type"] == kind).map(|event| event["delta"].as_str().unwrap()).collect()
}

/// The audio that was sent.
fn sound(events: &[Value]) -> Vec<u8> {
    use base64::Engine as _;
    let audio = events.iter().filter(|event| event["type"] == "response.output_audio.delta");
    let decode = |event: &Value| base64::engine::general_purpose::STANDARD.decode(event["delta"].as_str().unwrap());
    audio.flat_map(|event| decode(event).unwrap()).collect()
}
