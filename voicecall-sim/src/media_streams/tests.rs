//! The figures of calls whose every frame is known, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use voicecall_core::CallTime;
use voicecall_core::audio::g711::mulaw;

use super::call::Call;
use super::judge::judge;
use super::report::*;
use crate::caller::ScriptedCaller;
use crate::clips::Library;
use crate::matcher::ClipMatcher;
use crate::scenario::Scenario;
use crate::twilio::StreamWire;

const MS: fn(u64) -> CallTime = CallTime::from_millis;

/// A call whose server sends what a test says, when it says so.
struct Line {
    scenario: Scenario,
    call: Call,
    now: u64,
    /// What the server got.
    sent: Vec<String>,
}

impl Line {
    /// A caller whose sentences are a tone, 70 ms for each character.
    fn new(rest: &str) -> Self {
        let text = format!("name = 'x'\nseed = 1\n[caller]\nanswer = {{ after = '0 s' }}\nin_order = true\n{rest}");
        let scenario: Scenario = text.parse().unwrap();
        let tones = Library::tones(&["0123456789", "bye", "ja"]);
        let caller = ScriptedCaller::with_voices(&scenario, &tones, ClipMatcher::bundled()).unwrap().without_words();
        let wire = StreamWire::new("AC1".into(), "CA1".into(), "MZ1".into(), BTreeMap::new());
        Self { call: Call::open(wire, caller, Duration::from_secs(20)), scenario, now: 0, sent: Vec::new() }
    }

    /// Lets the call go on, tick by tick, until `millis`.
    fn until(&mut self, millis: u64) -> &mut Self {
        while self.now / 20 < millis / 20 {
            self.now = (self.now / 20 + 1) * 20;
            self.call.tick(MS(self.now));
            self.sent.extend(std::iter::from_fn(|| self.call.pop(MS(self.now))));
        }
        self.now = millis;
        self
    }

    fn receive(&mut self, message: serde_json::Value) -> &mut Self {
        self.call.receive(MS(self.now), &message.to_string());
        self
    }

    /// The server sends a tone of so many milliseconds.
    fn says(&mut self, millis: usize) -> &mut Self {
        let tone: Vec<u8> =
            [8000, -8000].iter().cycle().take(8 * millis).map(|&sample| mulaw::encode(sample)).collect();
        self.sends(&tone)
    }

    fn sends(&mut self, audio: &[u8]) -> &mut Self {
        self.receive(json!({ "event": "media", "streamSid": "MZ1", "media": { "payload": STANDARD.encode(audio) } }))
    }

    fn clears(&mut self) -> &mut Self {
        self.receive(json!({ "event": "clear", "streamSid": "MZ1" }))
    }

    fn report(self) -> CallReport {
        let mut report = CallReport::new(1, "CA1".into(), "MZ1".into());
        self.call.report(&mut report);
        judge(&mut report, &self.scenario.expect);
        report
    }

    /// The server closes the socket now.
    fn closed(mut self) -> CallReport {
        self.call.closed(MS(self.now), CallEnd::Server { code: Some(1000), reason: String::new() });
        self.report()
    }
}

fn kinds(report: &CallReport) -> Vec<FailureKind> {
    report.failures.iter().map(|failure| failure.kind).collect()
}

#[test]
fn the_first_audio_is_the_first_audible_sample() {
    let mut line = Line::new("[expect]\nfirst_audio = '300 ms'");
    // 100 ms of silence, then a sample that can be heard.
    let mut audio = vec![mulaw::SILENCE; 800];
    audio.extend([mulaw::encode(8000); 80]);
    line.until(195).sends(&audio).until(1000);
    let report = line.closed();
    // It begins to play with the next 20 ms.
    assert_eq!((report.first_audio_ms, report.agent.speech_ms, report.agent.utterances), (Some(300), 10, 1));
    assert!(report.passed, "{report:#?}");

    let mut line = Line::new("[expect]\nfirst_audio = '300 ms'");
    line.until(205).sends(&audio).until(1000);
    let report = line.closed();
    assert_eq!((report.first_audio_ms, kinds(&report)), (Some(320), vec![FailureKind::FirstAudio]));
}

#[test]
fn a_response_is_counted_from_the_callers_last_sample_to_the_agents_first() {
    let steps = "[[caller.step]]\nat = '1 s'\nsay = '0123456789'\n[[caller.step]]\nat = '5 s'\nsay = '0123456789'";
    let mut line = Line::new(&format!("{steps}\n[expect]\nresponse = '700 ms'"));
    line.until(100).says(200).until(2385).says(500).until(9000);
    let report = line.closed();
    let [first, second] = &report.turns[..] else { panic!("{report:#?}") };
    // Ten characters: 0.7 s from the frame that ends at 1 s on.
    assert_eq!((first.from_ms, first.until_ms, first.next_ms), (980, 1680, 4980));
    assert_eq!(first.response_ms, Some(2400 - 1680));
    assert_eq!((second.until_ms, second.next_ms, second.response_ms), (5680, 9000, None));
    assert_eq!(report.agent.speech_ms, 700);
    // The first came late, and the second was waited for.
    assert_eq!(kinds(&report), [FailureKind::Response; 2]);
}

#[test]
fn an_answer_that_is_not_waited_for_is_not_missed() {
    let steps = "[[caller.step]]\nat = '1 s'\nsay = 'bye'\n[[caller.step]]\nafter_silence = '300 ms'\nhang_up = true";
    let mut line = Line::new(&format!("{steps}\n[expect]\nresponse = '700 ms'\nended_by = 'caller'"));
    line.until(100).says(200).until(3000);
    let report = line.report();
    assert_eq!((&report.end, report.turns[0].response_ms), (&CallEnd::Caller, None));
    assert!(report.passed, "{report:#?}");
}

#[test]
fn an_agent_that_talks_over_the_end_of_a_turn_answers_before_it() {
    let mut line = Line::new("[[caller.step]]\nat = '1 s'\nsay = '0123456789'");
    line.until(1555).says(1000).until(4000);
    let turn = &line.closed().turns[0];
    assert_eq!((turn.until_ms, turn.response_ms, turn.barge_in), (1680, Some(-120), None));
}

#[test]
fn a_barge_in_is_counted_from_the_callers_first_sample_to_clear_and_to_silence() {
    let steps = "[[caller.step]]\nhears = '*'\ninterrupt_after = '400 ms'\nsay = '0123456789'";
    let mut line = Line::new(&format!("{steps}\n[expect]\nbarge_in = '200 ms'"));
    line.until(95).says(3000).until(645).clears().until(2005).says(300).until(3000);
    let report = line.closed();
    let turn = &report.turns[0];
    // It was heard from 100 ms on; the frame that ends 400 ms later is the caller's first.
    assert_eq!(turn.from_ms, 480);
    assert_eq!(turn.barge_in, Some(BargeIn { clear_ms: Some(165), silent_ms: Some(660 - 480) }));
    // What the agent says after it has stopped is the answer.
    assert_eq!(turn.response_ms, Some(2020 - 1180));
    assert_eq!((report.clears, report.audio.cleared_ms), (1, 3000 - 560));
    assert!(report.passed, "{report:#?}");
}

#[test]
fn an_agent_that_ignores_an_interruption_fails() {
    let steps = "[[caller.step]]\nhears = '*'\ninterrupt_after = '400 ms'\nsay = '0123456789'";
    let expect = "[expect]\nbarge_in = '200 ms'";
    let mut line = Line::new(&format!("{steps}\n{expect}"));
    line.until(95).says(3000).until(5000);
    let report = line.closed();
    assert_eq!(report.turns[0].barge_in, Some(BargeIn { clear_ms: None, silent_ms: Some(3100 - 480) }));
    assert_eq!(kinds(&report), [FailureKind::BargeIn]);

    let mut line = Line::new(&format!("{steps}\n{expect}"));
    line.until(95).says(8000).until(5000);
    let report = line.closed();
    assert_eq!(report.turns[0].barge_in, Some(BargeIn { clear_ms: None, silent_ms: None }));
    assert_eq!(report.audio.unplayed_ms, 8000 - 4920);
    assert!(report.failures[0].message.contains("to the end"), "{report:#?}");

    let mut line = Line::new(expect);
    line.until(95).says(300).until(5000);
    assert!(line.closed().failures[0].message.contains("never interrupted"));
}

#[test]
fn gaps_lie_within_an_utterance() {
    let mut line = Line::new("[expect]\ngap = '100 ms'");
    // Dry from 300 to 460 ms, from 960 to 1000 ms, and then for a second, which is a pause.
    line.until(95).says(200).until(445).says(500).until(995).says(100).until(2095).says(100).until(3000);
    let report = line.closed();
    let gaps: Vec<(u64, u64)> = report.gaps.iter().map(|gap| (gap.at_ms, gap.length_ms)).collect();
    assert_eq!(gaps, [(300, 160), (960, 40)]);
    assert_eq!((report.agent.utterances, kinds(&report)), (2, vec![FailureKind::Gap]));
}

#[test]
fn marks_return_and_what_is_refused_is_counted() {
    let mark = |name: &str| json!({ "event": "mark", "streamSid": "MZ1", "mark": { "name": name } });
    let mut line = Line::new("");
    line.until(95).says(100).receive(mark("a")).until(150).says(9000).receive(mark("b"));
    line.receive(json!({ "event": "dance" })).until(300).receive(json!({ "event": "start" }));
    line.receive(json!({ "event": "clear", "streamSid": "MZ2" })).call.receive_binary(MS(300));
    line.until(500);
    let returned = line.sent.iter().filter(|text| text.contains(r#""event":"mark""#)).count();
    let report = line.closed();
    assert_eq!((report.marks, returned), (Marks { sent: 2, returned: 1 }, 1));
    let errors: Vec<(u32, u64, u64)> =
        report.protocol_errors.iter().map(|error| (error.code, error.count, error.first_ms)).collect();
    assert_eq!(errors, [(31951, 2, 150), (31951, 1, 300), (31950, 1, 300)]);
    assert_eq!(kinds(&report), [FailureKind::ProtocolError; 3]);
}

#[test]
fn more_than_ten_minutes_of_audio_are_refused() {
    let minute = vec![mulaw::encode(8000); 60 * 8000];
    let mut line = Line::new("");
    line.until(95);
    for _ in 0..12 {
        line.sends(&minute);
    }
    let report = line.closed();
    assert_eq!((report.audio.received_ms, report.audio.max_buffered_ms), (600_000, 600_000));
    assert_eq!((report.protocol_errors[0].code, report.protocol_errors[0].count), (31931, 2));
}

#[test]
fn a_call_that_nobody_ends_has_failed() {
    let mut line = Line::new("");
    line.until(100).says(500).until(30_000);
    assert!(line.sent.last().unwrap().contains(r#""event":"stop""#));
    let report = line.report();
    assert_eq!((report.end.clone(), report.duration_ms), (CallEnd::TimeLimit, 20_000));
    assert_eq!(kinds(&report), [FailureKind::TimeLimit]);
}

#[test]
fn a_silent_agent_and_the_wrong_end_are_failures() {
    let mut line = Line::new("[expect]\nended_by = 'caller'\nhears = ['goodbye']");
    line.until(500).sends(&[mulaw::encode(100); 800]).until(1000);
    let report = line.closed();
    assert_eq!(kinds(&report), [FailureKind::EndedBy, FailureKind::NoAudio, FailureKind::Hears]);
    assert_eq!((report.first_audio_ms, report.audio.played_ms), (None, 100));
}

#[test]
fn the_form_of_a_report_in_json() {
    let mut line = Line::new("[[caller.step]]\nhears = '*'\nsay = 'ja'");
    line.until(95).says(200).until(2000);
    let value = serde_json::to_value(line.closed()).unwrap();
    assert_eq!(
        value,
        json!({
            "number": 1, "call_sid": "CA1", "stream_sid": "MZ1", "passed": true, "failures": [], "connected": true, "connect_ms": 0,
            "duration_ms": 2000, "end": { "by": "server", "code": 1000, "reason": "" }, "first_audio_ms": 100,
            "turns": [{ "text": "ja", "from_ms": 780, "until_ms": 920, "next_ms": 2000, "response_ms": null, "barge_in": null }],
            "gaps": [], "marks": { "sent": 0, "returned": 0 }, "clears": 0,
            "audio": { "received_ms": 200, "played_ms": 200, "cleared_ms": 0, "unplayed_ms": 0, "max_buffered_ms": 200 },
            "agent": { "utterances": 1, "speech_ms": 200, "transcript": null },
            "protocol_errors": [], "unread_messages": 0, "simulator_late_ms": 0,
        })
    );
}

#[test]
fn the_caller_for_any_agent_asks_interrupts_and_says_goodbye() {
    let scenario = super::any_agent().unwrap();
    let caller = ScriptedCaller::new(&scenario).unwrap().without_words();
    let wire = StreamWire::new("AC1".into(), "CA1".into(), "MZ1".into(), BTreeMap::new());
    let call = Call::open(wire, caller, Duration::from_secs(60));
    let mut line = Line { scenario, call, now: 0, sent: Vec::new() };
    line.until(95).says(1000).until(5000).says(4000).until(7000).clears().until(9000).says(1000).until(20_000);
    let report = line.report();
    let said: Vec<(&str, bool)> = report.turns.iter().map(|turn| (&*turn.text, turn.barge_in.is_some())).collect();
    let expected =
        [("Hi, when are you open on Sunday?", false), ("Can I speak to the baker?", true), ("Thank you, bye!", false)];
    assert_eq!(said, expected);
    assert_eq!((report.end, report.passed), (CallEnd::Caller, true));
}
