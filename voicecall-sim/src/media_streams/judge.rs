//! Whether a call went as expected.

use std::time::Duration;

use super::report::{BargeIn, CallEnd, CallReport, CallerTurn, Failure, FailureKind};
use crate::scenario::{EndedBy, Expect};

/// Judges a report: by what every call has to be like, and by what its scenario expects.
pub(super) fn judge(report: &mut CallReport, expect: &Expect) {
    let mut failures = Failures::default();
    ends(report, expect, &mut failures);
    if report.connected {
        protocol(report, &mut failures);
        speech(report, expect, &mut failures);
        turns(report, expect, &mut failures);
    }
    report.failures = failures.0;
    report.passed = report.failures.is_empty();
}

#[derive(Default)]
struct Failures(Vec<Failure>);

impl Failures {
    fn add(&mut self, kind: FailureKind, message: String) {
        self.0.push(Failure { kind, message });
    }
}

fn ends(report: &CallReport, expect: &Expect, failures: &mut Failures) {
    let by = match &report.end {
        CallEnd::Caller => EndedBy::Caller,
        CallEnd::Server { .. } => EndedBy::Server,
        CallEnd::TimeLimit => {
            let message = format!("the call was not over after {} s", report.duration_ms.div_ceil(1000));
            return failures.add(FailureKind::TimeLimit, message);
        }
        CallEnd::Lost { error, reason } => {
            return failures.add(FailureKind::ConnectionLost, format!("the socket broke: {reason} ({error})"));
        }
        CallEnd::Refused { status, reason } => {
            let status = status.map_or_else(|| "no HTTP".to_owned(), |status| format!("HTTP {status}"));
            let message = format!("the server refused the socket: {status}, {reason} (31920)");
            return failures.add(FailureKind::NotConnected, message);
        }
        CallEnd::Unreachable { reason } => {
            return failures.add(FailureKind::NotConnected, format!("no connection: {reason} (31901)"));
        }
    };
    if let Some(expected) = expect.ended_by.filter(|expected| *expected != by) {
        let message = format!("the {} ended the call, not the {}", side(by), side(expected));
        failures.add(FailureKind::EndedBy, message);
    }
}

const fn side(side: EndedBy) -> &'static str {
    match side {
        EndedBy::Caller => "caller",
        EndedBy::Server => "server",
    }
}

fn protocol(report: &CallReport, failures: &mut Failures) {
    for error in &report.protocol_errors {
        let (count, at) = (error.count, error.first_ms);
        let message = format!("{count} × {} ({}), first after {at} ms", error.kind, error.code);
        failures.add(FailureKind::ProtocolError, message);
    }
}

fn speech(report: &CallReport, expect: &Expect, failures: &mut Failures) {
    match (report.first_audio_ms, expect.first_audio) {
        (None, _) => failures.add(FailureKind::NoAudio, "the agent was never heard".to_owned()),
        (Some(took), Some(limit)) if took > millis(limit) => {
            let message = format!("the agent was first heard after {took} ms, not within {} ms", millis(limit));
            failures.add(FailureKind::FirstAudio, message);
        }
        _ => {}
    }
    for gap in expect.gap.iter().flat_map(|limit| report.gaps.iter().filter(|gap| gap.length_ms > millis(*limit))) {
        let message = format!("a gap of {} ms in the agent's audio at {} ms", gap.length_ms, gap.at_ms);
        failures.add(FailureKind::Gap, message);
    }
    let transcript = report.agent.transcript.as_deref().unwrap_or_default();
    for phrase in expect.hears.iter().filter(|phrase| !phrase.is_in(transcript)) {
        failures.add(FailureKind::Hears, format!("the agent did not say \"{phrase}\""));
    }
}

fn turns(report: &CallReport, expect: &Expect, failures: &mut Failures) {
    if let Some(limit) = expect.response {
        for turn in &report.turns {
            response(turn, millis(limit), failures);
        }
    }
    if let Some(limit) = expect.barge_in {
        let interruptions: Vec<&BargeIn> = report.turns.iter().filter_map(|turn| turn.barge_in.as_ref()).collect();
        if interruptions.is_empty() {
            failures.add(FailureKind::BargeIn, "the caller never interrupted the agent".to_owned());
        }
        for barge_in in interruptions {
            let message = match barge_in.silent_ms {
                Some(after) if after <= millis(limit) => continue,
                Some(after) => format!("the agent spoke on for {after} ms, not {} ms", millis(limit)),
                None => "the agent spoke on to the end of the call".to_owned(),
            };
            failures.add(FailureKind::BargeIn, message);
        }
    }
}

/// An answer that did not come is missed only where it was waited for.
fn response(turn: &CallerTurn, limit: u64, failures: &mut Failures) {
    let message = match turn.response_ms {
        Some(took) if took > i64::try_from(limit).unwrap_or(i64::MAX) => {
            format!("the answer to \"{}\" came after {took} ms, not within {limit} ms", turn.text)
        }
        None if turn.next_ms.saturating_sub(turn.until_ms) > limit => {
            format!("no answer to \"{}\" within {limit} ms", turn.text)
        }
        _ => return,
    };
    failures.add(FailureKind::Response, message);
}

fn millis(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
}
