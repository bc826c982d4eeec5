//! Whole calls in virtual time: an application in memory at the other end of the exchange's orders.

mod control;
mod conversations;
mod faults;
mod incoming;
mod relay;

use std::time::Duration;

use serde_json::Value;
use voicecall_core::CallTime;
use voicecall_core::audio::Frame;

use super::*;
use crate::fault::{Fault, FaultPlan, FaultRule, Site};
use crate::phone::{Answer, Echo, FixedAudio, HangsUp, Party, PressesKeys, Ring, Silent};

const AC: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "12345";
const FROM: &str = "+46100000001";
const TO: &str = "+46700000001";
const STREAM: &str = r#"<Response><Connect><Stream url="wss://demo.example/media/1?lost=1" statusCallback="https://demo.example/stream"><Parameter name="attempt" value="a1"/></Stream></Connect><Redirect>/resume</Redirect></Response>"#;

/// The application: what it answers, what it got.
struct World {
    exchange: Exchange,
    now: CallTime,
    twiml: Box<dyn FnMut(&Webhook) -> String>,
    /// Texts over media sockets, with the time.
    texts: Vec<(CallTime, String)>,
    /// What the application sends when a stream starts.
    script: Vec<String>,
    /// Opened and ended sockets.
    sockets: Vec<String>,
    delivered: Vec<Webhook>,
}

impl World {
    fn new(exchange: Exchange, twiml: impl FnMut(&Webhook) -> String + 'static) -> Self {
        Self {
            exchange,
            now: CallTime::ZERO,
            twiml: Box::new(twiml),
            texts: Vec::new(),
            script: Vec::new(),
            sockets: Vec::new(),
            delivered: Vec::new(),
        }
    }

    fn rest(&mut self, method: &str, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let reply = self.raw(method, path, form);
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    fn raw(&mut self, method: &str, path: &str, fields: &[(&str, &str)]) -> RestReply {
        self.request(method, &format!("/2010-04-01/Accounts/{AC}{path}"), fields)
    }

    fn request(&mut self, method: &str, path: &str, fields: &[(&str, &str)]) -> RestReply {
        use base64::Engine as _;
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{AC}:{TOKEN}"));
        let fields: Vec<_> = fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (query, form) = if method == "GET" { (fields, Vec::new()) } else { (Vec::new(), fields) };
        let request = RestRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            form,
            authorization: Some(format!("Basic {credentials}")),
            ..RestRequest::default()
        };
        self.exchange.rest(self.now, &request)
    }

    fn place(&mut self) -> String {
        let all = ["initiated", "ringing", "answered", "completed"].map(|event| ("StatusCallbackEvent", event));
        let mut form = vec![
            ("To", TO),
            ("From", FROM),
            ("Url", "https://demo.example/voice"),
            ("StatusCallback", "https://demo.example/status"),
            ("Timeout", "20"),
        ];
        form.extend(all);
        let (status, call) = self.rest("POST", "/Calls.json", &form);
        assert_eq!(status, 201, "{call}");
        call["sid"].as_str().unwrap().to_owned()
    }

    /// Lets time pass and answers whatever is asked.
    fn run(&mut self, until: CallTime) {
        loop {
            while let Some(order) = self.exchange.pop() {
                self.carry_out(order);
            }
            match self.exchange.next_due().filter(|due| *due <= until) {
                Some(due) => {
                    self.now = self.now.max(due);
                    self.exchange.advance(self.now);
                }
                None => break,
            }
        }
        self.now = until;
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Webhook(webhook) => {
                let body = if webhook.kind == WebhookKind::Voice { (self.twiml)(&webhook) } else { String::new() };
                let id = webhook.id;
                self.delivered.push(webhook);
                let outcome = WebhookOutcome::Answered { status: 200, content_type: Some("text/xml".to_owned()), body };
                self.exchange.webhook_done(self.now, id, outcome);
            }
            Order::OpenSocket { stream, url, signature } => {
                assert_eq!(signature, sign(TOKEN, &url, &[]));
                self.sockets.push(format!("open {url}"));
                self.exchange.socket_opened(self.now, &stream);
                for text in std::mem::take(&mut self.script) {
                    self.exchange.socket_text(self.now, &stream, &text.replace("$SID", &stream));
                }
            }
            Order::SendText { text, .. } => self.texts.push((self.now, text)),
            Order::CloseSocket { .. } => self.sockets.push("close".to_owned()),
            Order::BreakSocket { fault, .. } => self.sockets.push(format!("break {fault:?}")),
        }
    }

    fn statuses(&self) -> Vec<CallStatus> {
        let status = |entry: &LogEntry| match entry.event {
            LogEvent::Status { status } => Some(status),
            _ => None,
        };
        self.exchange.log().iter().filter_map(status).collect()
    }

    fn warnings(&self) -> Vec<u32> {
        let warning = |entry: &LogEntry| match entry.event {
            LogEvent::Warning { code, .. } => Some(code),
            _ => None,
        };
        self.exchange.log().iter().filter_map(warning).collect()
    }

    fn events(&self) -> Vec<Value> {
        self.texts.iter().map(|(_, text)| serde_json::from_str(text).unwrap()).collect()
    }

    fn reports(&self) -> Vec<(String, String)> {
        let reports = self.delivered.iter().filter(|webhook| webhook.kind == WebhookKind::Status);
        reports.map(|webhook| (field(webhook, "SequenceNumber"), field(webhook, "CallStatus"))).collect()
    }
}

fn field(webhook: &Webhook, name: &str) -> String {
    webhook.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

fn options(rules: Vec<FaultRule>) -> ExchangeOptions {
    let account = Account::new(AC, TOKEN, vec![Number::answered_by(FROM, "https://demo.example/voice")]);
    ExchangeOptions { faults: FaultPlan::new(3, rules).unwrap(), ..ExchangeOptions::new(1, vec![account]) }
}

fn exchange(rules: Vec<FaultRule>, party: impl FnMut(&Ring) -> Box<dyn Party> + Send + 'static) -> Exchange {
    Exchange::new(options(rules), party)
}

fn hangs_up_after(seconds: u64) -> impl FnMut(&Ring) -> Box<dyn Party> + Send + 'static {
    move |_| Box::new(HangsUp { party: Echo::default(), at: Duration::from_secs(seconds) })
}

const S: fn(u64) -> CallTime = |seconds| CallTime::from_millis(seconds * 1000);

#[test]
fn a_call_rings_is_answered_streams_and_ends_with_every_report_in_order() {
    let mut world = World::new(exchange(vec![], hangs_up_after(2)), |_| STREAM.to_owned());
    world.place();
    world.run(S(10));
    assert_eq!(world.statuses(), [CallStatus::Ringing, CallStatus::InProgress, CallStatus::Completed]);
    let expected = [("0", "initiated"), ("1", "ringing"), ("2", "in-progress"), ("3", "completed")];
    assert_eq!(world.reports(), expected.map(|(number, status)| (number.to_owned(), status.to_owned())));
    let last = world.delivered.iter().rfind(|webhook| webhook.kind == WebhookKind::Status).unwrap();
    assert_eq!(field(last, "CallDuration"), "2");
    assert_eq!(field(last, "Duration"), "1");
    assert_eq!(field(last, "SipResponseCode"), "200");
    assert_eq!(field(last, "Timestamp"), "Thu, 01 Jan 2026 00:00:02 +0000");
    assert!(world.delivered.iter().all(|webhook| webhook.signature == sign(TOKEN, &webhook.url, &webhook.form)));
    assert_eq!(world.sockets, ["open wss://demo.example/media/1", "close"]);
    assert_eq!(world.exchange.rings(TO), 1);
}

#[test]
fn the_stream_speaks_the_documented_protocol() {
    let keys = |_: &Ring| -> Box<dyn Party> {
        let keys = PressesKeys::new([(Duration::from_millis(50), '7')]);
        Box::new(HangsUp { party: keys, at: Duration::from_millis(120) })
    };
    let mut world = World::new(exchange(vec![], keys), |_| STREAM.to_owned());
    world.script = vec![r#"{"event":"mark","streamSid":"$SID","mark":{"name":"m"}}"#.to_owned()];
    let call = world.place();
    world.run(S(1));
    let events = world.events();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["connected", "start", "mark", "media", "media", "dtmf", "media", "media", "media", "stop"]);
    assert_eq!(events[0]["sequenceNumber"], Value::Null);
    let numbers: Vec<&str> = events[1..].iter().map(|event| event["sequenceNumber"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(events[1]["start"]["callSid"], call.as_str());
    assert_eq!(events[1]["start"]["customParameters"]["attempt"], "a1");
    assert_eq!(events[1]["start"]["mediaFormat"]["sampleRate"], 8000);
    assert_eq!((&events[3]["media"]["chunk"], &events[3]["media"]["timestamp"]), (&"1".into(), &"20".into()));
    assert_eq!(events[5]["dtmf"]["digit"], "7");
}

#[test]
fn audio_reaches_the_caller_and_comes_back_from_an_echo() {
    let mut world = World::new(exchange(vec![], hangs_up_after(1)), |_| STREAM.to_owned());
    let payload = serde_json::to_string(&Frame::from([0x21; 160])).unwrap();
    world.script = vec![format!(r#"{{"event":"media","streamSid":"$SID","media":{{"payload":{payload}}}}}"#)];
    world.place();
    world.run(S(3));
    let back: Vec<usize> = world
        .events()
        .iter()
        .filter(|event| event["event"] == "media")
        .enumerate()
        .filter(|(_, event)| event["media"]["payload"].as_str() == Some(payload.trim_matches('"')))
        .map(|(index, _)| index)
        .collect();
    assert_eq!(back, [1]);
    let media = world.exchange.log().iter().find_map(|entry| match &entry.event {
        LogEvent::StreamClosed { media, .. } => Some(media.clone()),
        _ => None,
    });
    assert_eq!(media.unwrap().heard, 160);
}

#[test]
fn an_illegal_message_is_one_warning_however_often_it_comes() {
    let mut world = World::new(exchange(vec![], hangs_up_after(1)), |_| STREAM.to_owned());
    world.script = vec!["{".to_owned(), r#"{"event":"stop"}"#.to_owned()];
    world.place();
    world.run(S(3));
    assert_eq!(world.warnings(), [31951]);
}

#[test]
fn the_text_after_connect_goes_on_when_the_application_closes_the_socket() {
    let mut documents = vec!["<Response><Hangup/></Response>".to_owned(), STREAM.to_owned()];
    let mut world = World::new(exchange(vec![], hangs_up_after(60)), move |_| documents.pop().unwrap());
    world.place();
    world.run(S(1));
    let stream = world.exchange.streams.keys().next().unwrap().clone();
    world.exchange.socket_closed(S(1), &stream, SocketEnd::Closed);
    world.run(S(3));
    let asked: Vec<&str> = world
        .delivered
        .iter()
        .filter(|webhook| webhook.kind == WebhookKind::Voice)
        .map(|webhook| webhook.url.as_str())
        .collect();
    assert_eq!(asked, ["https://demo.example/voice", "https://demo.example/resume"]);
    assert_eq!(world.statuses().last(), Some(&CallStatus::Completed));
    let streams: Vec<String> = world
        .delivered
        .iter()
        .filter(|webhook| webhook.kind == WebhookKind::Stream)
        .map(|webhook| field(webhook, "StreamEvent"))
        .collect();
    assert_eq!(streams, ["stream-started", "stream-stopped"]);
}

#[test]
fn a_broken_socket_is_continued_or_ends_the_call_as_configured() {
    for (policy, asked) in [(AbruptLoss::Continue, 3), (AbruptLoss::EndCall, 1)] {
        for fault in [Fault::Reset { at_frame: 10 }, Fault::Close { at_frame: 10 }] {
            let mut options = options(vec![FaultRule::nth(Site::MediaSocket, 1, fault)]);
            options.abrupt_loss = policy;
            let mut resumed = false;
            let mut world = World::new(Exchange::new(options, hangs_up_after(5)), move |webhook| {
                if webhook.url.ends_with("/resume") && std::mem::replace(&mut resumed, true) {
                    return "<Response><Hangup/></Response>".to_owned();
                }
                STREAM.to_owned()
            });
            world.place();
            world.run(S(2));
            if policy == AbruptLoss::Continue {
                let stream = world.exchange.streams.keys().next().unwrap().clone();
                world.exchange.socket_closed(S(2), &stream, SocketEnd::Closed);
            }
            world.run(S(10));
            let voice = world.delivered.iter().filter(|webhook| webhook.kind == WebhookKind::Voice).count();
            assert_eq!(voice, asked, "{policy:?}");
            assert!(world.warnings().contains(&31903));
            assert_eq!(world.exchange.live_calls(), 0);
        }
    }
}

#[test]
fn a_half_open_socket_is_silent_and_given_up_later() {
    let rules = vec![FaultRule::nth(Site::MediaSocket, 1, Fault::HalfOpenSocket { at_frame: 50 })];
    let mut world = World::new(exchange(rules, hangs_up_after(30)), |webhook| {
        if webhook.url.ends_with("/resume") { "<Response/>".to_owned() } else { STREAM.to_owned() }
    });
    world.place();
    world.run(S(60));
    assert_eq!(world.events().iter().filter(|event| event["event"] == "media").count(), 50);
    assert!(world.sockets.contains(&"break Silence".to_owned()));
    assert_eq!(world.exchange.log().last().unwrap().at.as_millis() / 100, 110);
}

#[test]
fn a_stalled_socket_delivers_everything_late_and_together() {
    let length = Duration::from_millis(400);
    let rules = vec![FaultRule::nth(Site::MediaSocket, 1, Fault::Stall { length, at_frame: 10 })];
    let mut world = World::new(exchange(rules, hangs_up_after(2)), |_| STREAM.to_owned());
    world.place();
    world.run(S(5));
    let times: Vec<u64> = world.texts.iter().map(|(at, _)| at.as_millis()).collect();
    assert!(times.windows(2).any(|pair| pair[1] - pair[0] >= 400), "{times:?}");
    assert_eq!(world.events().iter().filter(|event| event["event"] == "media").count(), 99);
}

#[test]
fn who_does_not_answer_is_busy_or_unknown_ends_the_call_so() {
    let cases = [
        (Answer::Never, CallStatus::NoAnswer, "487", 1),
        (Answer::Busy, CallStatus::Busy, "486", 0),
        (Answer::Unreachable, CallStatus::Failed, "404", 0),
        (Answer::After(Duration::from_secs(21)), CallStatus::NoAnswer, "487", 1),
    ];
    for (answer, status, sip, rings) in cases {
        let mut world = World::new(exchange(vec![], move |_| Box::new(Silent(answer))), |_| String::new());
        world.place();
        world.run(S(60));
        assert_eq!(world.statuses().last(), Some(&status));
        assert_eq!(field(world.delivered.last().unwrap(), "SipResponseCode"), sip);
        assert_eq!(world.exchange.rings(TO), rings);
    }
}

#[test]
fn the_time_limit_ends_an_answered_call() {
    let mut world = World::new(exchange(vec![], hangs_up_after(600)), |_| STREAM.to_owned());
    let form = [("To", TO), ("From", FROM), ("Url", "https://demo.example/voice"), ("TimeLimit", "30")];
    world.rest("POST", "/Calls.json", &form);
    world.run(S(100));
    let end = world
        .exchange
        .log()
        .iter()
        .find(|entry| matches!(entry.event, LogEvent::Status { status: CallStatus::Completed }));
    assert_eq!(end.unwrap().at, S(30));
}

#[test]
fn a_time_limit_moved_during_the_call_counts_from_the_answer() {
    for (moved, end) in [("10", 10), ("60", 60), ("3", 5)] {
        let mut world = World::new(exchange(vec![], hangs_up_after(600)), |_| STREAM.to_owned());
        let form = [("To", TO), ("From", FROM), ("Url", "https://demo.example/voice"), ("TimeLimit", "30")];
        let call = world.rest("POST", "/Calls.json", &form).1["sid"].as_str().unwrap().to_owned();
        world.run(S(5));
        world.rest("POST", &format!("/Calls/{call}.json"), &[("TimeLimit", moved)]);
        world.run(S(100));
        let last = world.exchange.log().iter().rfind(|entry| matches!(entry.event, LogEvent::Status { .. })).unwrap();
        assert_eq!(last.at, S(end), "{moved}");
    }
}

#[test]
fn calls_of_an_account_are_dialled_one_a_second() {
    let mut world = World::new(exchange(vec![], hangs_up_after(1)), |_| STREAM.to_owned());
    (0..5).for_each(|_| drop(world.place()));
    world.run(S(20));
    let rang: Vec<u64> = world
        .exchange
        .log()
        .iter()
        .filter(|entry| matches!(entry.event, LogEvent::Rang { .. }))
        .map(|entry| entry.at.as_millis())
        .collect();
    assert_eq!(rang, [0, 1000, 2000, 3000, 4000]);
}

#[test]
fn bad_instructions_are_an_error_and_end_the_call() {
    for document in ["<Response><Dance/></Response>", "no xml"] {
        let mut world = World::new(exchange(vec![], hangs_up_after(60)), move |_| document.to_owned());
        world.place();
        world.run(S(5));
        assert_eq!(world.warnings(), [12100]);
        assert_eq!(world.statuses().last(), Some(&CallStatus::Completed));
    }
}

#[test]
fn text_is_spoken_with_the_voice_given_or_noted_as_silence() {
    let spoken = exchange(vec![], hangs_up_after(60))
        .with_speaker(|text, language| (text == "hej" && language == "sv-SE").then(|| vec![0x11; 320]));
    let document = r#"<Response><Say language="sv-SE">hej</Say><Pause length="2"/><Say>no clip</Say></Response>"#;
    let mut world = World::new(spoken, move |_| document.to_owned());
    world.place();
    world.run(S(10));
    let said: Vec<bool> = world
        .exchange
        .log()
        .iter()
        .filter_map(|entry| match entry.event {
            LogEvent::Said { voiced, .. } => Some(voiced),
            _ => None,
        })
        .collect();
    assert_eq!(said, [true, false]);
    // 40 ms of speech, 2 s of pause, 7 characters of silence.
    let end = world.exchange.log().iter().rfind(|entry| matches!(entry.event, LogEvent::Status { .. })).unwrap();
    assert_eq!(end.at, CallTime::from_millis(40 + 2000 + 420));
}

#[test]
fn a_live_call_is_redirected_or_ended_and_an_ended_one_is_21220() {
    let answers = Silent(Answer::After(Duration::from_millis(500)));
    let mut world = World::new(exchange(vec![], move |_| Box::new(answers)), |_| STREAM.to_owned());
    let call = world.place();
    let path = format!("/Calls/{call}.json");
    let (status, body) = world.rest("POST", &path, &[("Twiml", "<Response/>")]);
    assert_eq!((status, &body["code"]), (400, &21220.into()), "not yet answered");
    world.run(S(1));
    assert_eq!(world.rest("GET", &path, &[]).1["status"], "in-progress");
    let (status, _) = world.rest("POST", &path, &[("Twiml", "<Response><Pause length=\"5\"/></Response>")]);
    assert_eq!((status, world.sockets.len()), (200, 1));
    world.run(S(2));
    assert_eq!(world.sockets.last().unwrap(), "close");
    let (status, body) = world.rest("POST", &path, &[("Status", "completed")]);
    assert_eq!((status, &body["status"], &body["duration"]), (200, &"completed".into(), &"1".into()));
    let (status, body) = world.rest("POST", &path, &[("Status", "completed")]);
    assert_eq!((status, &body["code"]), (400, &21220.into()));
}

#[test]
fn a_price_is_known_some_minutes_after_the_end_of_an_answered_call() {
    let mut world = World::new(exchange(vec![], |_| Box::new(Silent(Answer::After(Duration::ZERO)))), |_| {
        "<Response><Pause length=\"70\"/></Response>".to_owned()
    });
    let path = format!("/Calls/{}.json", world.place());
    world.run(S(80));
    let price = |world: &mut World| {
        let call = world.rest("GET", &path, &[]).1;
        (call["status"].clone(), call["price"].clone())
    };
    assert_eq!(price(&mut world), ("completed".into(), serde_json::Value::Null));
    world.run(S(260));
    assert_eq!(price(&mut world), ("completed".into(), "-0.02800".into()), "two minutes were begun");
}

#[test]
fn the_same_seed_gives_the_same_log_byte_for_byte() {
    let log = |seed: u64| {
        let mut options = options(vec![FaultRule::sometimes(Site::WebhookStatus, 0.5, Fault::Duplicate { times: 1 })]);
        options.seed = seed;
        options.phone.to_app.jitter = Duration::from_millis(50);
        let mut world = World::new(Exchange::new(options, hangs_up_after(4)), |_| STREAM.to_owned());
        (0..3).for_each(|_| drop(world.place()));
        world.run(S(30));
        let times: Vec<u64> = world.texts.iter().map(|(at, _)| at.as_micros()).collect();
        (serde_json::to_string(world.exchange.log()).unwrap(), times)
    };
    assert_eq!(log(1), log(1));
    assert_ne!(log(1), log(2));
}

#[test]
fn requests_are_refused_with_the_carriers_codes() {
    let mut world = World::new(exchange(vec![], hangs_up_after(1)), |_| String::new());
    let url = ("Url", "https://demo.example/voice");
    let cases: [(&[(&str, &str)], u64); 7] = [
        (&[("From", FROM), url], 21201),
        (&[("To", TO), url], 21213),
        (&[("To", "+46"), ("From", FROM), url], 21211),
        (&[("To", FROM), ("From", FROM), url], 21211),
        (&[("To", TO), ("From", "+46555555555"), url], 21210),
        (&[("To", TO), ("From", FROM), ("Url", "http://127.0.0.1/x")], 21205),
        (&[("To", TO), ("From", FROM), url, ("StatusCallback", "https://a_b.example/x")], 21609),
    ];
    for (form, code) in cases {
        let (status, body) = world.rest("POST", "/Calls.json", form);
        assert_eq!((status, body["code"].as_u64()), (400, Some(code)));
    }
    assert_eq!(world.raw("GET", "/Calls", &[]).content_type, "application/xml");
    assert_eq!(world.rest("GET", "/Calls/CA1.json", &[]).0, 404);
}

#[test]
fn a_text_is_repeated_as_often_as_it_says() {
    let spoken = exchange(vec![], hangs_up_after(60)).with_speaker(|_, _| Some(vec![0x11; 100]));
    let mut world = World::new(spoken, |_| r#"<Response><Say loop="16">la</Say></Response>"#.to_owned());
    world.place();
    world.run(S(10));
    let end = world.exchange.log().iter().rfind(|entry| matches!(entry.event, LogEvent::Status { .. })).unwrap();
    assert_eq!(end.at, CallTime::from_millis(200));
}

proptest::proptest! {
    #[test]
    fn no_request_and_no_document_panics(
        method in "GET|POST|DELETE|PUT",
        path in "(/Calls(/[A-Z0-9]{0,4})?)?(\\.json)?[ -~]{0,6}",
        name in "To|From|Url|Twiml|Timeout|Page|PageSize|StartTime[<>]?|Status|StatusCallback(Event|Method)?",
        value: String,
        document in "(<Response>)?[<>a-zA-Z/=\"& ]{0,60}(</Response>)?",
    ) {
        let mut world = World::new(exchange(vec![], hangs_up_after(1)), move |_| document.clone());
        world.place();
        world.raw(&method, &path, &[("To", TO), ("From", FROM), (&name, &value)]);
        world.run(S(3));
        proptest::prop_assert_eq!(world.exchange.live_calls(), 0);
    }
}

#[test]
fn a_ten_minute_call_sends_every_one_of_its_frames() {
    let mut world = World::new(exchange(vec![], hangs_up_after(600)), |_| STREAM.to_owned());
    world.place();
    world.run(S(700));
    assert_eq!(world.events().iter().filter(|event| event["event"] == "media").count(), 29_999);
}
