//! Whole interviews in virtual time: the real machine, interview and codec, a simulated phone, caller and AI services.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "shared by test files; unexpected results end a test")]

use std::collections::BTreeMap;
use std::time::Duration;

use voicecall::CallTime;
use voicecall::call::{CallMachine, CallSettings, Conversation, InputRecorder, PreparedSpeech};
use voicecall::journal::Fact;
use voicecall::money::Budget;
use voicecall::survey::interview::{Interview, InterviewPlan, PlannedQuestion, Progress};
use voicecall::survey::store::SurveyFact;
use voicecall::twilio::TwilioMedia;
use voicecall_sim::caller::{CallerEvent, LogEntry};
use voicecall_sim::clips::Library;
use voicecall_sim::phone::{Network, PhoneOptions};
use voicecall_sim::scenario::Scenario;
use voicecall_sim::simulation::{CallSimulation, Report};
use voicecall_sim::twilio::StreamWire;

/// The first question of every scenario.
pub(crate) const SATISFACTION: &str = "Hur nöjd är du med ditt senaste besök?";

/// The second question of every scenario.
pub(crate) const STAFF: &str = "Hur var bemötandet från personalen?";

/// What an answer is read as when the caller is content.
pub(crate) const CONTENT: &str = "Jag är mycket nöjd, allt gick snabbt.";

/// The answer about the staff.
pub(crate) const FRIENDLY: &str = "Personalen var trevlig och hjälpsam.";

/// When the bridges over a wait are said, after the end of the caller's turn.
const BRIDGES: [Duration; 3] = [Duration::from_millis(700), Duration::from_millis(1700), Duration::from_millis(4000)];

/// No call may be longer.
pub(crate) const LONGEST: Duration = Duration::from_secs(120);

/// A call about to be made.
pub(crate) struct Setup {
    pub(crate) scenario: Scenario,
    pub(crate) plan: InterviewPlan,
    pub(crate) settings: CallSettings,
    pub(crate) phone: PhoneOptions,
}

/// The call of a bundled scenario, conducted as the reference server conducts its calls.
pub(crate) fn call(name: &str) -> Setup {
    setup(Scenario::bundled(name).unwrap())
}

/// The call of a bundled scenario to which `lines` of TOML are added, such as faults.
pub(crate) fn call_with(name: &str, lines: &str) -> Setup {
    let file = format!("{}/voicecall-sim/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    setup(format!("{text}\n{lines}").parse().unwrap())
}

fn setup(scenario: Scenario) -> Setup {
    let plan = plan(vec![question(1, SATISFACTION), question(2, STAFF)]);
    let settings = settings(&plan);
    Setup { scenario, plan, settings, phone: line(Network::default()) }
}

/// The interview of the scenarios with these questions.
pub(crate) fn plan(questions: Vec<PlannedQuestion>) -> InterviewPlan {
    InterviewPlan::swedish("Kaffebutiken", "Vera", questions)
}

/// Settings with the bridges and the apology ready, as a server prepares them; everything else is synthesised.
pub(crate) fn settings(plan: &InterviewPlan) -> CallSettings {
    let mut settings = CallSettings::new("0198c0de-0000-7000-8000-000000000007".parse().unwrap());
    settings.keep = voicecall::call::Keep::AfterConsent;
    let phrases = &plan.phrases;
    let bridges = phrases.fillers.iter().chain([&phrases.apology]);
    settings.timeouts.fillers = BRIDGES.into_iter().zip(bridges.cloned()).collect();
    settings.timeouts.farewell = phrases.technical.first().cloned();
    let texts = phrases.fillers.iter().chain([&phrases.apology]).chain(&phrases.technical);
    settings.prepared = texts.map(|text| prepared(text)).collect();
    settings
}

/// A budget at prices like those of the reference server.
pub(crate) fn budget() -> Budget {
    let prices = r#"{ "effective": "2026-11-20",
        "carrier": { "per_minute": 14000, "stream_per_minute": 4400 },
        "transcription": { "per_minute": 4500, "increment_ms": 1000 },
        "speech": { "per_1000_characters": 17000 },
        "model": { "input_per_million": 100000, "cached_per_million": 10000, "output_per_million": 500000 } }"#;
    Budget::new(serde_json::from_str(prices).unwrap())
}

/// Speech that needs no service.
pub(crate) fn prepared(text: &str) -> PreparedSpeech {
    let speech = Library::bundled().voice("agent", text).unwrap();
    PreparedSpeech { text: text.to_owned(), audio: speech.audio.into(), words: Vec::new() }
}

/// A question with a fixed id, so that equal calls give equal logs.
pub(crate) fn question(number: u32, text: &str) -> PlannedQuestion {
    PlannedQuestion {
        id: format!("0198c0de-0000-7000-8000-{number:012}").parse().unwrap(),
        text: text.to_owned(),
        max_response_time: Duration::from_secs(30),
        follow_up_prompts: vec!["Vad gjorde att du kände så?".to_owned(), "Kan du berätta lite mer?".to_owned()],
    }
}

/// A phone whose messages travel like this in both directions.
pub(crate) fn line(network: Network) -> PhoneOptions {
    let mut options = PhoneOptions::default();
    (options.to_phone, options.to_app) = (network, network);
    options
}

impl Setup {
    /// The agent's sentences were synthesised before the call, as a server does that knows its interview.
    pub(crate) fn with_voices_ready(mut self) -> Self {
        let questions = self.plan.questions.iter().map(|question| question.text.as_str());
        let texts: Vec<_> = self.plan.phrases.texts().chain(questions).collect();
        self.settings.prepared = texts.into_iter().map(prepared).collect();
        self
    }

    /// Makes the call.
    pub(crate) fn run(self) -> Report {
        let wire = StreamWire::new("AC1".into(), "CA1".into(), "MZ1".into(), BTreeMap::new());
        let recorder = InputRecorder::new(&self.settings);
        let interview = Interview::new(self.plan, Progress::default()).unwrap();
        let logic = Conversation::new(CallMachine::new(self.settings), Box::new(interview)).with_recorder(recorder);
        let world =
            CallSimulation::new(&self.scenario, logic, Box::new(TwilioMedia::new()), Box::new(wire), self.phone)
                .unwrap();
        world.run(Duration::from_secs(300)).unwrap()
    }
}

/// The words of a text, without case and punctuation.
pub(crate) fn words(text: &str) -> Vec<String> {
    let bare = |word: &str| word.to_lowercase().replace(|letter: char| !letter.is_alphanumeric(), "");
    text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect()
}

/// What was answered to which question, as it was journaled.
pub(crate) fn answers(report: &Report) -> Vec<(String, String)> {
    let answer = |fact: &Fact| match SurveyFact::read(fact) {
        Ok(Some(SurveyFact::Answered { question_text, text, .. })) => Some((question_text, text)),
        _ => None,
    };
    report.facts.iter().filter_map(|(_, fact)| answer(fact)).collect()
}

/// What the caller decided about taking part; empty if nothing was.
pub(crate) fn consent(report: &Report) -> Vec<bool> {
    let given = |fact: &Fact| if let Fact::Consent { given } = fact { Some(*given) } else { None };
    report.facts.iter().filter_map(|(_, fact)| given(fact)).collect()
}

/// Whether the interview was told to wrap up.
pub(crate) fn warned(report: &Report) -> bool {
    report.facts.iter().any(|(_, fact)| *fact == Fact::Warned)
}

/// Samples below this are silence.
const AUDIBLE: u16 = 100;

fn is_audible(code: &u8) -> bool {
    voicecall::audio::g711::mulaw::decode(*code).unsigned_abs() >= AUDIBLE
}

/// When the caller stopped each time they had spoken, to the sample: behind the last one that can be heard.
pub(crate) fn turn_ends(report: &Report) -> Vec<CallTime> {
    let said = report.caller.entries().into_iter().filter(|entry| matches!(entry.event, CallerEvent::Said(_)));
    let end = |entry: LogEntry| {
        let until = (entry.until.as_samples() as usize).min(report.caller_audio.len());
        let last = report.caller_audio[..until].iter().rposition(is_audible).unwrap();
        CallTime::from_samples(last as u64 + 1)
    };
    said.map(end).collect()
}

/// The first sound of the agent from `from` on.
pub(crate) fn first_sound(report: &Report, from: CallTime) -> Option<CallTime> {
    let skip = from.as_samples() as usize;
    let at = report.agent_audio.get(skip..)?.iter().position(is_audible)?;
    Some(CallTime::from_samples((skip + at) as u64))
}

/// The longest stretch in which the agent was silent from `from` to `until`.
pub(crate) fn longest_silence(report: &Report, from: CallTime, until: CallTime) -> Duration {
    let range = from.as_samples() as usize..(until.as_samples() as usize).min(report.agent_audio.len());
    let silences = report.agent_audio[range].split(is_audible).map(<[u8]>::len);
    CallTime::from_samples(silences.max().unwrap_or(0) as u64).since(CallTime::ZERO)
}

/// The lines of the log: when, `fact` or `sent`, and what.
pub(crate) fn log_lines(report: &Report) -> Vec<(CallTime, &str, &str)> {
    report.log.lines().map(log_line).collect()
}

fn log_line(line: &str) -> (CallTime, &str, &str) {
    let (time, rest) = line.split_once(" s ").unwrap();
    let (kind, what) = rest.split_once(' ').unwrap();
    let (seconds, millis) = time.split_once('.').unwrap();
    let millis = seconds.parse::<u64>().unwrap() * 1000 + millis.parse::<u64>().unwrap();
    (CallTime::from_millis(millis), kind, what)
}
