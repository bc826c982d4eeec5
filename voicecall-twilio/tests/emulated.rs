//! Whole calls with the emulator over real sockets: what we ask for is acted out, and what it reports is understood.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use support::{ACCOUNT, PUBLIC_URL, TOKEN};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use voicecall_core::audio::Frame;
use voicecall_core::carrier::{
    AnsweredBy, CallFlow, CallPage, CallQuery, CallStatus, CallStep, CarrierEvent, CarrierEventKind, CarrierRecording,
    Dial, Gather, Gathered, GreetingEnd, Hold, HoldEnd, MachineDetection, PausedAudio, PlaceCall, Play, RecordCall,
    RecordMessage, RecordingChannels, RecordingId, RecordingStatus, Say, VoiceBackend, WebhookRequest,
};
use voicecall_core::{CallTime, CarrierCallId, ConsentToken, ErrorKind, SessionId};
use voicecall_sim::phone::{Answer, Answerer, Automaton, HangsUp, Party, PartyAction, PressesKeys, Ring, Silent, Tone};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, Number};
use voicecall_twilio::{ConnectionOverrides, TwilioVoice};

const FROM: &str = "+46100000001";
const TO: &str = "+46700000001";
const DESK: &str = "+46700000002";

/// The application, the carrier between them, and what the carrier told.
struct Stage {
    twilio: Arc<TwilioVoice>,
    _server: TwilioServer,
    told: mpsc::UnboundedReceiver<(String, CarrierEvent)>,
    seen: Vec<(String, CarrierEvent)>,
}

struct App {
    twilio: Arc<TwilioVoice>,
    flows: HashMap<String, CallFlow>,
    told: mpsc::UnboundedSender<(String, CarrierEvent)>,
}

fn url(path: &str) -> url::Url {
    format!("{PUBLIC_URL}{path}").parse().unwrap()
}

fn consent() -> ConsentToken {
    ConsentToken::operator_declares_legal_basis(SessionId::new())
}

fn pause(seconds: u64) -> CallStep {
    CallStep::Pause(Duration::from_secs(seconds))
}

fn order(to: &str, answer_path: &str) -> PlaceCall {
    PlaceCall::new(to.parse().unwrap(), FROM.parse().unwrap(), url(answer_path), url("/status"))
}

/// Answers with the flow of the path, or an end, once the request has proved to be the carrier's.
async fn answer(State(app): State<Arc<App>>, request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let headers: Vec<(&str, &str)> =
        parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let path = parts.uri.path().to_owned();
    let request = WebhookRequest {
        method: parts.method.as_str(),
        path_and_query: parts.uri.path_and_query().unwrap().as_str(),
        headers: &headers,
        body: &body,
    };
    let event = app.twilio.webhook(&request).unwrap();
    let asks = event.kind.asks();
    let _ = app.told.send((path.clone(), event));
    let flow = app.flows.get(&path).filter(|_| asks).cloned().unwrap_or_else(CallFlow::hang_up);
    let reply = app.twilio.reply(&flow).unwrap();
    ([("content-type", reply.content_type)], reply.body)
}

impl Stage {
    async fn open(
        people: impl FnMut(&Ring) -> Box<dyn Party> + Send + 'static,
        flows: impl IntoIterator<Item = (&'static str, Vec<CallStep>)>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local = listener.local_addr().unwrap();
        let account = Account::new(ACCOUNT, TOKEN, vec![Number::new(FROM)]);
        let mut options = ExchangeOptions::new(1, vec![account]);
        options.dial_interval = Duration::ZERO;
        let exchange = Exchange::new(options, people)
            .with_speaker(|_, _| Some(vec![0x21; 1600]))
            .with_files(|_| Some(vec![0x21; 4000]))
            .with_recogniser(|_, _| Some(("ja tack".to_owned(), 0.75)));
        let server = TwilioServer::start(exchange, ServerOptions::default().route(&url("/"), local)).await.unwrap();
        let twilio = TwilioVoice::builder()
            .account_sid(ACCOUNT)
            .auth_token(TOKEN)
            .public_url(PUBLIC_URL)
            .api_base_url(server.api())
            // So that every address the emulator is given proves to carry them.
            .connection_overrides(ConnectionOverrides::new().retries(2))
            .build()
            .unwrap();
        let twilio = Arc::new(twilio);
        let (sender, told) = mpsc::unbounded_channel();
        let flows = flows.into_iter().map(|(path, steps)| (path.to_owned(), CallFlow(steps))).collect();
        let app = Arc::new(App { twilio: Arc::clone(&twilio), flows, told: sender });
        let router = Router::new().fallback(answer).with_state(app);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { twilio, _server: server, told, seen: Vec::new() }
    }

    /// Waits for the next event that came to a path.
    async fn told(&mut self, path: &str) -> CarrierEvent {
        self.until(path, |_| true).await
    }

    /// Waits for the next event that came to a path and is wanted; others stay for later.
    async fn until(&mut self, path: &str, wanted: impl Fn(&CarrierEventKind) -> bool + Send + Sync) -> CarrierEvent {
        let fits = |(known, event): &(String, CarrierEvent)| known == path && wanted(&event.kind);
        loop {
            if let Some(at) = self.seen.iter().position(fits) {
                return self.seen.remove(at).1;
            }
            let next = tokio::time::timeout(Duration::from_secs(60), self.told.recv()).await;
            self.seen.push(next.unwrap().unwrap());
        }
    }

    async fn answered(&mut self, to: &str, path: &str) -> CarrierCallId {
        let call = self.twilio.place(&order(to, path)).await.unwrap();
        self.told(path).await;
        call.id
    }
}

fn whistles(seconds: u64) -> Box<dyn Party> {
    let party = Tone { frequency: 440.0, amplitude: 9000.0 };
    Box::new(HangsUp { party, at: Duration::from_secs(seconds) })
}

#[tokio::test]
async fn a_question_is_answered_by_keys_and_the_call_goes_on() {
    let gather = Gather::keys(url("/chosen")).with_prompt(Say::new("Tryck en knapp", "sv-SE"));
    let people = |_: &Ring| -> Box<dyn Party> {
        Box::new(PressesKeys::new(
            [(300, '4'), (500, '2'), (700, '#')].map(|(at, key)| (Duration::from_millis(at), key)),
        ))
    };
    let mut stage = Stage::open(people, [("/answer", vec![CallStep::Gather(gather)])]).await;
    let call = stage.answered(TO, "/answer").await;
    let event = stage.told("/chosen").await;
    assert_eq!((event.call, event.kind), (call, CarrierEventKind::Gathered(Gathered::digits("42"))));
    let ended = |kind: &CarrierEventKind| matches!(kind, CarrierEventKind::Status { status, .. } if status.is_final());
    stage.until("/status", ended).await;
}

#[tokio::test]
async fn a_question_is_answered_by_words() {
    #[derive(Debug)]
    struct SaysYes;
    impl Party for SaysYes {
        fn speak(&mut self, now: CallTime) -> PartyAction {
            let speaks = (300..600).contains(&now.as_millis());
            if speaks { Tone { frequency: 300.0, amplitude: 9000.0 }.speak(now) } else { PartyAction::Listen }
        }
        fn hear(&mut self, _now: CallTime, _frame: &Frame) {}
    }
    let gather = Gather::speech(url("/said"), "sv-SE");
    let mut stage = Stage::open(|_| Box::new(SaysYes), [("/answer", vec![CallStep::Gather(gather)])]).await;
    stage.answered(TO, "/answer").await;
    let event = stage.told("/said").await;
    assert_eq!(event.kind, CarrierEventKind::Gathered(Gathered::speech("ja tack", Some(0.75))));
}

#[tokio::test]
async fn a_leg_that_cannot_be_reached_and_one_that_is_are_told_apart() {
    let people = |ring: &Ring| -> Box<dyn Party> {
        match ring.to.as_str() {
            DESK => Box::new(Silent(Answer::Busy)),
            TO => Box::new(Silent(Answer::AT_ONCE)),
            _ => whistles(1),
        }
    };
    let dial = |number: &str, next: &str| {
        let mut dial = Dial::new(number.parse().unwrap());
        dial.next = Some(url(next));
        vec![CallStep::Dial(dial)]
    };
    let flows = [("/answer", dial(DESK, "/busy")), ("/busy", dial("+46700000003", "/done"))];
    let mut stage = Stage::open(people, flows).await;
    stage.answered(TO, "/answer").await;
    let busy = stage.told("/busy").await.kind;
    assert_eq!(busy, CarrierEventKind::DialEnded { status: CallStatus::Busy, leg: None, duration: None });
    let CarrierEventKind::DialEnded { status: CallStatus::Completed, leg: Some(leg), duration: Some(_) } =
        stage.told("/done").await.kind
    else {
        panic!("it was connected")
    };
    let leg = stage.twilio.fetch(&leg).await.unwrap();
    assert_eq!(leg.status, CallStatus::Completed);
    assert!(leg.parent.is_some());
}

#[tokio::test]
async fn a_caller_is_transferred_with_music_and_comes_back() {
    let people = |ring: &Ring| -> Box<dyn Party> {
        if ring.to == DESK { whistles(1) } else { Box::new(Silent(Answer::AT_ONCE)) }
    };
    let name = "desk-7";
    let mut hold = Hold::new(name.parse().unwrap());
    (hold.music_url, hold.next) = (Some(url("/music")), Some(url("/back")));
    let flows = [
        ("/answer", vec![pause(30)]),
        ("/music", vec![CallStep::Play(Play::new(url("/music.wav")))]),
        ("/desk", vec![CallStep::Join(name.parse().unwrap())]),
        ("/back", vec![CallStep::Say(Say::new("Välkommen tillbaka", "sv-SE"))]),
    ];
    let mut stage = Stage::open(people, flows).await;
    let call = stage.answered(TO, "/answer").await;
    stage.twilio.update_call(&call, &CallFlow(vec![CallStep::Hold(hold)])).await.unwrap();
    assert!(matches!(stage.told("/music").await.kind, CarrierEventKind::Holding { .. }));
    stage.twilio.place(&order(DESK, "/desk")).await.unwrap();
    let event = stage.told("/back").await;
    assert_eq!(event.call, call);
    assert!(matches!(event.kind, CarrierEventKind::HoldEnded { end: HoldEnd::Joined, .. }), "{event:?}");
}

#[tokio::test]
async fn a_caller_whose_target_does_not_answer_is_let_out_of_the_music() {
    let mut hold = Hold::new("desk-8".parse().unwrap());
    (hold.music_url, hold.next) = (Some(url("/music")), Some(url("/back")));
    let flows = [("/answer", vec![CallStep::Hold(hold)]), ("/music", vec![CallStep::Leave])];
    let mut stage = Stage::open(|_| Box::new(Silent(Answer::AT_ONCE)), flows).await;
    stage.answered(TO, "/answer").await;
    let event = stage.told("/back").await;
    assert!(matches!(event.kind, CarrierEventKind::HoldEnded { end: HoldEnd::Left, .. }), "{event:?}");
}

#[tokio::test]
async fn who_answered_is_told_with_the_question_or_in_the_background() {
    let machine = Answerer::Machine { greeting: Duration::from_millis(1500), beep: true };
    for background in [false, true] {
        let mut stage = Stage::open(move |_| Box::new(Automaton(machine)), [("/answer", vec![pause(5)])]).await;
        let mut order = order(TO, "/answer");
        let detection = if background {
            MachineDetection::in_background(url("/verdict"))
        } else {
            MachineDetection::before_instructions()
        };
        let mut detection = detection.after_greeting();
        detection.speech_threshold = Some(Duration::from_secs(1));
        order.machine_detection = Some(detection);
        let call = stage.twilio.place(&order).await.unwrap();
        let answer = stage.told("/answer").await.kind;
        let CarrierEventKind::Instruct { detection, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(detection.is_none(), background);
        let detection = match detection {
            Some(detection) => detection,
            None => match stage.told("/verdict").await.kind {
                CarrierEventKind::Detected(detection) => detection,
                other => panic!("{other:?}"),
            },
        };
        assert_eq!(detection.answered_by, AnsweredBy::MachineEnd(GreetingEnd::Beep));
        assert_eq!(detection.took, Some(Duration::from_millis(1500)));
        assert_eq!(stage.twilio.fetch(&call.id).await.unwrap().answered_by, Some(detection.answered_by));
    }
}

/// Number of channels and of samples in each.
fn shape(wav: &[u8]) -> (u16, usize) {
    assert_eq!((&wav[..4], &wav[8..12]), (&b"RIFF"[..], &b"WAVE"[..]));
    let channels = u16::from_le_bytes([wav[22], wav[23]]);
    (channels, (wav.len() - 44) / 2 / usize::from(channels))
}

async fn finished(stage: &mut Stage, path: &str) -> CarrierRecording {
    let completed = |kind: &CarrierEventKind| matches!(kind, CarrierEventKind::Recording(recording) if recording.status == RecordingStatus::Completed);
    match stage.until(path, completed).await.kind {
        CarrierEventKind::Recording(recording) => recording,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_live_call_is_recorded_and_its_audio_fetched_and_deleted() {
    let mut stage = Stage::open(|_| whistles(60), [("/answer", vec![pause(50)])]).await;
    let call = stage.answered(TO, "/answer").await;
    let mut settings = RecordCall::new(consent());
    settings.status_url = Some(url("/recorded"));

    let begun = stage.twilio.start_recording(&call, &settings).await.unwrap();
    assert_eq!((begun.status, begun.channels), (RecordingStatus::InProgress, Some(RecordingChannels::Dual)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    stage.twilio.pause_recording(&call, &begun.id, PausedAudio::Nothing).await.unwrap();
    assert_eq!(stage.twilio.recording(&begun.id).await.unwrap().status, RecordingStatus::Paused);
    stage.twilio.resume_recording(&call, &begun.id, &consent()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    stage.twilio.stop_recording(&call, &begun.id).await.unwrap();
    stage.twilio.stop_recording(&call, &begun.id).await.expect("what has ended has ended");
    assert_eq!(stage.twilio.recording_audio(&begun.id).await.unwrap_err().kind(), ErrorKind::NotFound);

    let told = finished(&mut stage, "/recorded").await;
    assert_eq!((&told.id, told.channels), (&begun.id, Some(RecordingChannels::Dual)));
    let listed = stage.twilio.recordings(&call).await.unwrap();
    assert_eq!((listed.len(), &listed[0].id, &listed[0].call), (1, &begun.id, &Some(call.clone())));
    let wav = stage.twilio.recording_audio(&begun.id).await.unwrap().read(1_000_000).await.unwrap();
    let (channels, samples) = shape(&wav);
    assert!(channels == 2 && samples > 3000, "{channels} {samples}");
    stage.twilio.delete_recording(&begun.id).await.unwrap();
    stage.twilio.delete_recording(&begun.id).await.expect("what is gone is gone");
    assert_eq!(stage.twilio.recording(&begun.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    stage.twilio.hang_up(&call).await.unwrap();
    let late = stage.twilio.start_recording(&call, &settings).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_message_is_left_and_told_once_by_what_asks_and_once_by_the_recording() {
    let mut message = RecordMessage::new(url("/left"), consent());
    message.max_length = Duration::from_secs(1);
    message.status_url = Some(url("/recorded"));
    let mut stage = Stage::open(|_| whistles(60), [("/answer", vec![CallStep::Record(message)])]).await;
    stage.answered(TO, "/answer").await;
    let CarrierEventKind::MessageRecorded { recording, duration, hung_up } = stage.told("/left").await.kind else {
        panic!("a message was left")
    };
    assert_eq!((duration, hung_up), (Some(Duration::from_secs(1)), false));
    assert_eq!(finished(&mut stage, "/recorded").await.id, recording);
    let wav = stage.twilio.recording_audio(&recording).await.unwrap().read(1_000_000).await.unwrap();
    assert_eq!(shape(&wav).0, 1);
    let unknown = RecordingId::new(format!("RE{}", "0".repeat(32)));
    assert_eq!(stage.twilio.recording_audio(&unknown).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn keys_are_pressed_in_a_live_call_and_after_the_answer() {
    #[derive(Debug, Clone, Default)]
    struct Notes(Arc<Mutex<String>>);
    impl Party for Notes {
        fn speak(&mut self, _now: CallTime) -> PartyAction {
            PartyAction::Listen
        }
        fn hear(&mut self, _now: CallTime, _frame: &Frame) {}
        fn hear_key(&mut self, _now: CallTime, key: char) {
            self.0.lock().unwrap().push(key);
        }
    }
    let notes = Notes::default();
    let keys = Arc::clone(&notes.0);
    let mut stage = Stage::open(move |_| Box::new(notes.clone()), [("/answer", vec![pause(30)])]).await;
    let mut order = order(TO, "/answer");
    order.digits = Some("1w2".parse().unwrap());
    let call = stage.twilio.place(&order).await.unwrap().id;
    stage.told("/answer").await;
    let then = CallFlow(vec![CallStep::Redirect(url("/pressed"))]);
    stage.twilio.press(&call, &"W3#".parse().unwrap(), &then).await.unwrap();
    stage.told("/pressed").await;
    assert_eq!(*keys.lock().unwrap(), "123#");
}

#[tokio::test]
async fn calls_are_listed_page_by_page() {
    let stage = Stage::open(|_| Box::new(Silent(Answer::Never)), []).await;
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.push(stage.twilio.place(&order(TO, "/answer")).await.unwrap().id);
    }
    let mut query = CallQuery::new();
    (query.to, query.page_size) = (Some(TO.parse().unwrap()), 2);
    let mut found = Vec::new();
    loop {
        let CallPage { calls, next } = stage.twilio.list(&query).await.unwrap();
        assert!(calls.len() <= 2 && calls.iter().all(|call| call.to == query.to));
        found.extend(calls.into_iter().map(|call| call.id));
        query.page = next;
        if query.page.is_none() {
            break;
        }
    }
    placed.reverse();
    assert_eq!(found, placed);
    let mut others = CallQuery::new();
    others.status = Some(CallStatus::Busy);
    assert!(stage.twilio.list(&others).await.unwrap().calls.is_empty());
}
