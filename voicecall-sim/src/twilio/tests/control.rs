//! What a call is told to do beyond speaking over a socket: questions, further legs, queues, recordings, detection.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::phone::{Answerer, Automaton, PartyAction, Tone};

const DESK: &str = "+46700000002";
const OTHER: &str = "+46700000003";

/// A world whose application answers each path with its document, and any other with an end.
fn world(exchange: Exchange, documents: &'static [(&'static str, &'static str)]) -> World {
    World::new(exchange, move |webhook| {
        let path = webhook.url.trim_start_matches("https://demo.example");
        let found = documents.iter().find(|(known, _)| *known == path);
        found.map_or("<Response><Hangup/></Response>", |(_, document)| document).to_owned()
    })
}

fn asked<'a>(world: &'a World, path: &str) -> Vec<&'a Webhook> {
    let url = format!("https://demo.example{path}");
    world.delivered.iter().filter(|webhook| webhook.url == url).collect()
}

/// Keys and their times in milliseconds since the answer.
type Keys = &'static [(u64, char)];

fn presses(keys: Keys) -> impl FnMut(&Ring) -> Box<dyn Party> + Send + 'static {
    move |_| {
        let keys = PressesKeys::new(keys.iter().map(|&(millis, key)| (Duration::from_millis(millis), key)));
        Box::new(HangsUp { party: keys, at: Duration::from_secs(60) })
    }
}

/// Makes a sound for a while from a time on, and remembers the keys it was pressed.
#[derive(Debug, Clone)]
struct Speaks {
    from: Duration,
    until: Duration,
    keys: Arc<Mutex<String>>,
}

impl Speaks {
    fn between(from: u64, until: u64) -> Self {
        Self { from: Duration::from_millis(from), until: Duration::from_millis(until), keys: Arc::default() }
    }
}

impl Party for Speaks {
    fn speak(&mut self, now: CallTime) -> PartyAction {
        let spoken = CallTime::ZERO + self.from < now && now <= CallTime::ZERO + self.until;
        if spoken { Tone { frequency: 440.0, amplitude: 9000.0 }.speak(now) } else { PartyAction::Listen }
    }

    fn hear(&mut self, _now: CallTime, _frame: &Frame) {}

    fn hear_key(&mut self, _now: CallTime, key: char) {
        self.keys.lock().unwrap().push(key);
    }
}

fn speaks(from: u64, until: u64) -> impl FnMut(&Ring) -> Box<dyn Party> + Send + 'static {
    move |_| Box::new(HangsUp { party: Speaks::between(from, until), at: Duration::from_secs(60) })
}

#[test]
fn keys_are_gathered_until_there_are_enough_or_one_ends_them() {
    let cases: [(&str, Keys, &str); 3] = [
        (
            r#"<Response><Gather numDigits="2" action="/keys"/></Response>"#,
            &[(1000, '1'), (1300, '2'), (1600, '3')],
            "12",
        ),
        (
            r#"<Response><Gather action="/keys"><Pause length="30"/></Gather></Response>"#,
            &[(1000, '7'), (1300, '#')],
            "7",
        ),
        (r#"<Response><Gather finishOnKey="" timeout="2" action="/keys"/></Response>"#, &[(1000, '#')], "#"),
    ];
    for (document, keys, digits) in cases {
        let mut world = World::new(exchange(vec![], presses(keys)), move |webhook| {
            if webhook.url.ends_with("/keys") { "<Response/>".to_owned() } else { document.to_owned() }
        });
        world.place();
        world.run(S(30));
        let found = asked(&world, "/keys");
        assert_eq!(found.iter().map(|webhook| field(webhook, "Digits")).collect::<Vec<_>>(), [digits], "{document}");
    }
}

#[test]
fn without_input_the_next_instruction_follows_or_the_address_is_asked() {
    let documents = [
        (r#"<Response><Gather timeout="2" action="/in"/><Redirect>/none</Redirect></Response>"#, ["/none"]),
        (r#"<Response><Gather timeout="2" actionOnEmptyResult="true" action="/in"/></Response>"#, ["/in"]),
    ];
    for (document, paths) in documents {
        let mut world = World::new(exchange(vec![], presses(&[])), move |webhook| {
            if webhook.url.ends_with("/voice") { document.to_owned() } else { "<Response/>".to_owned() }
        });
        world.place();
        world.run(S(30));
        for path in paths {
            assert_eq!(asked(&world, path).len(), 1, "{document}");
        }
        assert_eq!(world.statuses().last(), Some(&CallStatus::Completed));
    }
}

#[test]
fn what_is_said_is_recognised_from_its_audio_when_it_has_ended() {
    let exchange = exchange(vec![], speaks(1000, 1500))
        .with_recogniser(|audio, language| (audio.len() >= 4000).then(|| (format!("hej {language}"), 0.75)));
    let documents = &[("/voice", r#"<Response><Gather input="speech" language="sv-SE" action="/said"/></Response>"#)];
    let mut world = world(exchange, documents);
    world.place();
    world.run(S(10));
    let [said] = asked(&world, "/said")[..] else { panic!("asked once") };
    assert_eq!((&*field(said, "SpeechResult"), &*field(said, "Confidence")), ("hej sv-SE", "0.75"));
    let ended = world.exchange.log().iter().find(|entry| matches!(entry.event, LogEvent::Gathered { .. })).unwrap();
    assert_eq!(ended.at.as_millis() / 100, 25, "a second after the last sound");
}

/// Different people behind different numbers.
fn people(desk: Answer, other: Answer) -> impl FnMut(&Ring) -> Box<dyn Party> + Send + 'static {
    move |ring| match ring.to.as_str() {
        DESK => Box::new(HangsUp { party: Silent(desk), at: Duration::from_secs(5) }),
        OTHER => Box::new(Silent(other)),
        _ => Box::new(HangsUp { party: Speaks::between(0, 60_000), at: Duration::from_secs(60) }),
    }
}

#[test]
fn the_first_leg_that_answers_is_connected_and_the_others_are_given_up() {
    let document = r#"<Response><Dial action="/dialled" record="record-from-answer-dual" trim="do-not-trim"><Number statusCallback="/leg" statusCallbackEvent="answered completed">+46700000002</Number><Number>+46700000003</Number></Dial></Response>"#;
    let answers = people(Answer::After(Duration::from_secs(2)), Answer::Never);
    let mut world = World::new(exchange(vec![], answers), move |webhook| {
        if webhook.url.ends_with("/voice") { document.to_owned() } else { "<Response/>".to_owned() }
    });
    let parent = world.place();
    world.run(S(20));
    let [dialled] = asked(&world, "/dialled")[..] else { panic!("asked once") };
    assert_eq!((&*field(dialled, "DialCallStatus"), &*field(dialled, "DialCallDuration")), ("completed", "5"));
    assert_eq!(field(dialled, "CallSid"), parent);
    let leg = field(dialled, "DialCallSid");
    let reports: Vec<_> =
        asked(&world, "/leg").iter().map(|it| (field(it, "CallSid"), field(it, "CallStatus"))).collect();
    assert_eq!(reports, [(leg.clone(), "in-progress".to_owned()), (leg.clone(), "completed".to_owned())]);
    let (_, listed) = world.rest("GET", "/Calls.json", &[("ParentCallSid", &parent)]);
    let legs: Vec<&str> = listed["calls"].as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(legs, ["canceled", "completed"]);
    let (_, recordings) = world.rest("GET", &format!("/Calls/{parent}/Recordings.json"), &[]);
    assert_eq!(recordings["recordings"][0]["source"], "DialVerb");
    assert_eq!(recordings["recordings"][0]["duration"], "5");
}

#[test]
fn who_cannot_be_reached_is_told_by_how_it_ended() {
    let cases = [(Answer::Busy, "busy"), (Answer::Never, "no-answer"), (Answer::Unreachable, "failed")];
    for (answer, status) in cases {
        let documents =
            &[("/voice", r#"<Response><Dial timeout="3" action="/dialled">+46700000003</Dial></Response>"#)];
        let mut world = world(exchange(vec![], people(answer, answer)), documents);
        world.place();
        world.run(S(20));
        let [dialled] = asked(&world, "/dialled")[..] else { panic!("asked once") };
        assert_eq!(field(dialled, "DialCallStatus"), status);
    }
}

#[test]
fn numbers_in_turn_ring_one_after_the_other() {
    let documents = &[(
        "/voice",
        r#"<Response><Dial timeout="3" sequential="true"><Number>+46700000003</Number><Number>+46700000002</Number></Dial></Response>"#,
    )];
    let mut world = world(exchange(vec![], people(Answer::AT_ONCE, Answer::Never)), documents);
    world.place();
    world.run(S(20));
    let rang: Vec<u64> = world
        .exchange
        .log()
        .iter()
        .filter(|entry| matches!(entry.event, LogEvent::Rang { .. }))
        .map(|entry| entry.at.as_millis() / 1000)
        .collect();
    assert_eq!(rang, [0, 0, 3]);
    assert!(world.exchange.log().iter().any(|entry| matches!(entry.event, LogEvent::Bridged { .. })));
}

#[test]
fn a_leg_that_declines_is_not_connected() {
    let screen = r#"<Response><Gather numDigits="1" timeout="2" action="/accepted"/><Hangup/></Response>"#;
    for (keys, status) in [(&[][..], "no-answer"), (&[(500, '1')][..], "completed")] {
        let answers = move |ring: &Ring| -> Box<dyn Party> {
            let keys = if ring.to == DESK { keys } else { &[] };
            let keys = PressesKeys::new(keys.iter().map(|&(millis, key)| (Duration::from_millis(millis), key)));
            Box::new(HangsUp { party: keys, at: Duration::from_secs(10) })
        };
        let dial = r#"<Response><Dial action="/dialled"><Number url="/screen">+46700000002</Number></Dial></Response>"#;
        let mut world = World::new(exchange(vec![], answers), move |webhook| {
            match webhook.url.trim_start_matches("https://demo.example") {
                "/voice" => dial,
                "/screen" => screen,
                _ => "<Response/>",
            }
            .to_owned()
        });
        world.place();
        world.run(S(30));
        let told: Vec<String> = asked(&world, "/dialled").iter().map(|it| field(it, "DialCallStatus")).collect();
        // Nobody is asked after a caller who has hung up.
        assert_eq!(told.first().map(String::as_str).unwrap_or("completed"), status);
        let connected = world.exchange.log().iter().any(|entry| matches!(entry.event, LogEvent::Bridged { .. }));
        assert_eq!(connected, status == "completed");
    }
}

const HOLD: &[(&str, &str)] = &[
    ("/voice", r#"<Response><Enqueue waitUrl="/music" action="/left">desk-7</Enqueue></Response>"#),
    ("/music", r#"<Response><Play>https://demo.example/music.wav</Play></Response>"#),
    ("/left", "<Response><Pause length=\"1\"/></Response>"),
];

const LEAVE: &[(&str, &str)] = &[HOLD[0], ("/music", "<Response><Leave/></Response>"), HOLD[2]];

#[test]
fn who_waits_hears_music_and_is_taken_over() {
    let exchange = exchange(vec![], people(Answer::AT_ONCE, Answer::Never)).with_files(|_| Some(vec![0x21; 16_000]));
    let mut world = world(exchange, HOLD);
    world.place();
    world.run(S(5));
    assert_eq!(asked(&world, "/music").len(), 3, "every 2 s");
    assert_eq!(field(asked(&world, "/music")[2], "QueueTime"), "4");
    let join = [("To", DESK), ("From", FROM), ("Twiml", "<Response><Dial><Queue>desk-7</Queue></Dial></Response>")];
    world.rest("POST", "/Calls.json", &join);
    world.run(S(20));
    let [left] = asked(&world, "/left")[..] else { panic!("asked once") };
    assert_eq!((&*field(left, "QueueResult"), &*field(left, "QueueTime")), ("bridged", "10"));
    assert_eq!(world.exchange.live_calls(), 0);
}

#[test]
fn who_waits_is_let_out_by_what_they_hear_or_by_a_request() {
    let mut world = world(exchange(vec![], people(Answer::AT_ONCE, Answer::Never)), HOLD);
    let call = world.place();
    world.run(S(3));
    let path = format!("/Calls/{call}.json");
    assert_eq!(world.rest("POST", &path, &[("Twiml", "<Response><Pause length=\"2\"/></Response>")]).0, 200);
    world.run(S(10));
    assert!(asked(&world, "/left").is_empty(), "a request replaces what follows");
    assert_eq!(world.exchange.live_calls(), 0);

    let mut other = self::world(exchange(vec![], people(Answer::AT_ONCE, Answer::Never)), LEAVE);
    other.place();
    other.run(S(10));
    assert_eq!(field(asked(&other, "/left")[0], "QueueResult"), "leave");
}

#[test]
fn detection_tells_a_person_from_a_machine_and_a_fax() {
    let seconds = Duration::from_secs;
    let machine = |greeting, beep| Answerer::Machine { greeting: seconds(greeting), beep };
    let cases = [
        (Answerer::Person, "Enable", "human", "1800"),
        (Answerer::Fax, "Enable", "fax", "1000"),
        (machine(8, true), "Enable", "machine_start", "2400"),
        (machine(8, true), "DetectMessageEnd", "machine_end_beep", "8000"),
        (machine(8, false), "DetectMessageEnd", "machine_end_silence", "9000"),
        (machine(50, true), "DetectMessageEnd", "unknown", "30000"),
    ];
    for (answerer, kind, verdict, millis) in cases {
        for background in [false, true] {
            let party =
                move |_: &Ring| -> Box<dyn Party> { Box::new(HangsUp { party: Automaton(answerer), at: seconds(60) }) };
            let documents = &[("/voice", "<Response><Pause length=\"40\"/></Response>")];
            let mut world = world(exchange(vec![], party), documents);
            let mut form =
                vec![("To", TO), ("From", FROM), ("Url", "https://demo.example/voice"), ("MachineDetection", kind)];
            if background {
                form.extend([("AsyncAmd", "true"), ("AsyncAmdStatusCallback", "https://demo.example/amd")]);
            }
            let (_, call) = world.rest("POST", "/Calls.json", &form);
            world.run(S(70));
            let path = if background { "/amd" } else { "/voice" };
            let [told] = asked(&world, path)[..] else { panic!("told once: {answerer:?}") };
            assert_eq!((&*field(told, "AnsweredBy"), &*field(told, "MachineDetectionDuration")), (verdict, millis));
            let first = asked(&world, "/voice")[0];
            assert_eq!(field(first, "AnsweredBy").is_empty(), background, "told with the question only if it waited");
            let (_, call) = world.rest("GET", &format!("/Calls/{}.json", call["sid"].as_str().unwrap()), &[]);
            assert_eq!(call["answered_by"], verdict);
        }
    }
}

#[test]
fn keys_are_pressed_towards_the_person_before_and_within_the_instructions() {
    let party = Speaks::between(0, 0);
    let keys = Arc::clone(&party.keys);
    let documents = &[("/voice", r#"<Response><Play digits="ww9"/></Response>"#)];
    let mut world = world(exchange(vec![], move |_| Box::new(party.clone())), documents);
    let form = [
        ("To", TO),
        ("From", FROM),
        ("Url", "https://demo.example/voice"),
        ("SendDigits", "W1w2#"),
        ("MachineDetection", "Enable"),
    ];
    world.rest("POST", "/Calls.json", &form);
    world.run(S(10));
    assert_eq!(*keys.lock().unwrap(), "12#9");
    let asked_at =
        world.exchange.log().iter().find(|entry| matches!(entry.event, LogEvent::WebhookSent { .. })).unwrap();
    assert!(asked_at.at >= CallTime::from_millis(2100), "{:?}", asked_at.at);
    assert!(field(asked(&world, "/voice")[0], "AnsweredBy").is_empty(), "keys exclude detection");
}

/// The samples of one channel of a WAV file.
fn channel(wav: &[u8], number: usize) -> Vec<i16> {
    let channels = usize::from(wav[22]);
    let samples = wav[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    samples.skip(number).step_by(channels).collect()
}

fn loud(samples: &[i16]) -> usize {
    samples.iter().filter(|sample| sample.unsigned_abs() > 1000).count()
}

#[test]
fn a_live_call_is_recorded_paused_and_the_audio_is_that_of_the_line() {
    let spoken = exchange(vec![], speaks(3000, 4000)).with_speaker(|_, _| Some(vec![0x21; 8000]));
    let documents = &[("/voice", r#"<Response><Pause length="1"/><Say>hej</Say><Pause length="9"/></Response>"#)];
    let mut world = world(spoken, documents);
    let call = world.place();
    world.run(S(0));
    let form = [
        ("RecordingChannels", "dual"),
        ("RecordingStatusCallback", "https://demo.example/recorded"),
        ("RecordingStatusCallbackEvent", "in-progress completed"),
    ];
    let path = format!("/Calls/{call}/Recordings");
    let (status, begun) = world.rest("POST", &format!("{path}.json"), &form);
    assert_eq!((status, &begun["status"], &begun["channels"]), (201, &"in-progress".into(), &2.into()));
    let sid = begun["sid"].as_str().unwrap();
    world.run(S(5));
    let current = format!("{path}/Twilio.CURRENT.json");
    assert_eq!(world.rest("POST", &current, &[("Status", "paused"), ("PauseBehavior", "skip")]).1["status"], "paused");
    world.run(S(7));
    assert_eq!(world.rest("POST", &current, &[("Status", "in-progress")]).1["status"], "in-progress");
    world.run(S(8));
    assert_eq!(world.raw("GET", &format!("/Recordings/{sid}.wav"), &[]).status, 404, "not yet");
    assert_eq!(world.rest("POST", &format!("{path}/{sid}.json"), &[("Status", "stopped")]).1["status"], "processing");
    world.run(S(9));

    let statuses: Vec<String> = asked(&world, "/recorded").iter().map(|it| field(it, "RecordingStatus")).collect();
    assert_eq!(statuses, ["in-progress", "completed"]);
    assert_eq!(field(asked(&world, "/recorded")[1], "RecordingDuration"), "6");
    let wav = world.raw("GET", &format!("/Recordings/{sid}.wav"), &[("RequestedChannels", "2")]);
    assert_eq!(wav.content_type, "audio/x-wav");
    let (said, heard) = (channel(&wav.body, 0), channel(&wav.body, 1));
    assert_eq!(said.len(), 6 * 8000);
    assert!(loud(&said[24_000..32_000]) > 5000 && loud(&said[..23_000]) == 0, "the caller speaks in the fourth second");
    assert!(loud(&heard[8160..16_000]) > 7000 && loud(&heard[16_320..]) == 0, "and hears the second");
    let mono = world.raw("GET", &format!("/Recordings/{sid}.wav"), &[]);
    assert_eq!((mono.body[22], mono.body.len()), (1, 44 + 6 * 16_000));

    assert_eq!(world.raw("DELETE", &format!("/Recordings/{sid}.json"), &[]).status, 204);
    assert_eq!(world.raw("DELETE", &format!("/Recordings/{sid}.json"), &[]).status, 404);
    assert_eq!(world.rest("GET", &format!("{path}.json"), &[]).1["recordings"].as_array().unwrap().len(), 0);
}

#[test]
fn a_recording_begun_in_the_instructions_is_stopped_by_its_name_and_an_empty_one_is_absent() {
    let documents = &[(
        "/voice",
        r#"<Response><Start><Recording name="a" trim="trim-silence" recordingStatusCallback="/recorded" recordingStatusCallbackEvent="absent completed"/></Start><Pause length="2"/><Stop><Recording name="a"/></Stop><Stop><Recording name="b"/></Stop><Pause length="2"/></Response>"#,
    )];
    for (until, status) in [(0, "absent"), (1500, "completed")] {
        let mut world = world(exchange(vec![], speaks(0, until)), documents);
        world.place();
        world.run(S(10));
        let told: Vec<String> = asked(&world, "/recorded").iter().map(|it| field(it, "RecordingStatus")).collect();
        assert_eq!(told, [status]);
        assert_eq!(world.warnings(), [0], "a recording that is not there is noted");
    }
}

#[test]
fn a_call_placed_with_a_recording_tells_of_it_at_its_end() {
    let documents = &[("/voice", "<Response><Pause length=\"3\"/></Response>")];
    let mut world = world(exchange(vec![], speaks(0, 9000)), documents);
    let form = [
        ("To", TO),
        ("From", FROM),
        ("Url", "https://demo.example/voice"),
        ("Record", "true"),
        ("StatusCallback", "https://demo.example/status"),
    ];
    world.rest("POST", "/Calls.json", &form);
    world.run(S(10));
    let ended = asked(&world, "/status")[0];
    assert_eq!(field(ended, "RecordingDuration"), "3");
    assert!(field(ended, "RecordingUrl").ends_with(&field(ended, "RecordingSid")));
}

#[test]
fn a_message_ends_with_a_key_silence_or_the_call_and_a_silent_one_is_none() {
    let document =
        r#"<Response><Record action="/message" timeout="2" playBeep="false"/><Redirect>/none</Redirect></Response>"#;
    let cases: [(Box<dyn Party>, &str, Option<&str>); 4] = [
        (Box::new(Speaks::between(0, 3000)), "/message", Some("")),
        (Box::new(Speaks::between(0, 0)), "/none", None),
        (Box::new(HangsUp { party: Speaks::between(0, 9000), at: Duration::from_secs(4) }), "/message", Some("hangup")),
        (Box::new(SpeaksAndPresses), "/message", Some("5")),
    ];
    for (party, path, digits) in cases {
        let mut party = Some(party);
        let answers = move |_: &Ring| party.take().unwrap();
        let mut world = World::new(exchange(vec![], answers), move |webhook| {
            if webhook.url.ends_with("/voice") { document.to_owned() } else { "<Response/>".to_owned() }
        });
        world.place();
        world.run(S(20));
        let [told] = asked(&world, path)[..] else { panic!("{path} asked once") };
        assert_eq!(told.form.iter().find(|(name, _)| name == "Digits").map(|(_, value)| value.as_str()), digits);
        assert_eq!(world.exchange.live_calls(), 0);
    }
}

#[derive(Debug)]
struct SpeaksAndPresses;

impl Party for SpeaksAndPresses {
    fn speak(&mut self, now: CallTime) -> PartyAction {
        if now == CallTime::from_millis(2000) { PartyAction::Press('5') } else { Speaks::between(0, 9000).speak(now) }
    }

    fn hear(&mut self, _now: CallTime, _frame: &Frame) {}
}

#[test]
fn an_incoming_call_is_answered_only_when_a_leg_is_if_it_says_so() {
    let document = r#"<Response><Dial answerOnBridge="true">+46700000002</Dial></Response>"#;
    let answers = people(Answer::After(Duration::from_secs(3)), Answer::Never);
    let mut world = World::new(exchange(vec![], answers), move |_| document.to_owned());
    let caller = Box::new(HangsUp { party: FixedAudio::default(), at: Duration::from_secs(20) });
    let call = world.exchange.call_in(CallTime::ZERO, TO, FROM, caller).unwrap();
    world.run(S(30));
    let answered = world.exchange.log().iter().find(|entry| {
        entry.call.as_ref() == Some(&call) && matches!(entry.event, LogEvent::Status { status: CallStatus::InProgress })
    });
    assert_eq!(answered.unwrap().at, S(3));
    assert_eq!(world.exchange.live_calls(), 0);
}

fn verb() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "<Say>hej</Say>",
        "<Play>https://demo.example/a.wav</Play>",
        "<Play digits=\"1w2\"/>",
        "<Pause/>",
        "<Gather timeout=\"1\" action=\"/a\"><Say>hej</Say></Gather>",
        "<Gather timeout=\"1\" input=\"speech\"/>",
        "<Dial action=\"/a\">+46700000002</Dial>",
        "<Dial record=\"record-from-answer\"><Number url=\"/b\">+46700000002</Number><Number>+46700000003</Number></Dial>",
        "<Dial timeout=\"1\"><Queue>q</Queue></Dial>",
        "<Enqueue waitUrl=\"/b\" action=\"/a\">q</Enqueue>",
        "<Enqueue>q</Enqueue>",
        "<Leave/>",
        "<Record timeout=\"1\" action=\"/a\"/>",
        "<Start><Recording name=\"r\"/></Start>",
        "<Stop><Recording name=\"r\"/></Stop>",
        "<Redirect>/c</Redirect>",
        "<Hangup/>",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_asked_for_every_call_ends(
        documents in prop::collection::vec(prop::collection::vec(verb(), 0..4), 4..8), calls in 1..4u64,
    ) {
        let mut next = 0;
        let people = |ring: &Ring| -> Box<dyn Party> {
            let at = if ring.to == TO { 20 } else { 5 };
            Box::new(HangsUp { party: Speaks::between(1000, 2500), at: Duration::from_secs(at) })
        };
        let mut world = World::new(exchange(vec![], people), move |_| {
            next += 1;
            // The pause lets time pass: no chain of addresses goes round within one instant.
            format!("<Response><Pause/>{}</Response>", documents[next % documents.len()].concat())
        });
        for _ in 0..calls {
            world.place();
        }
        world.run(S(120));
        prop_assert_eq!(world.exchange.live_calls(), 0);
        let open = world.exchange.recordings.iter().filter(|recording| recording.state.is_open()).count();
        prop_assert_eq!(open, 0);
    }
}
