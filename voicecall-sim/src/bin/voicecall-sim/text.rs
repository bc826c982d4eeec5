//! The report for whoever runs the program.

use std::fmt::{self, Display, Write as _};

use voicecall_sim::media_streams::{CallEnd, CallReport, CallerTurn, Report, Spread};

/// From this much on, the simulator's own lateness is worth a word.
const LATE: u64 = 40;

/// What is said about one call.
pub(crate) fn call(call: &CallReport) -> String {
    // Writing to a string cannot fail.
    let mut text = String::new();
    let _ = write_call(&mut text, call);
    text
}

/// What is said about all calls.
pub(crate) fn summary(report: &Report) -> String {
    let mut text = String::new();
    let _ = write_summary(&mut text, report);
    text
}

fn write_call(text: &mut String, call: &CallReport) -> fmt::Result {
    let verdict = if call.passed { "passed" } else { "FAILED" };
    write!(text, "call {} {verdict}: {}", call.number, End(&call.end))?;
    if call.connected {
        write_stream(text, call)?;
    }
    for failure in &call.failures {
        write!(text, "\n  - {}: {}", failure.kind.as_str(), failure.message)?;
    }
    Ok(())
}

fn write_stream(text: &mut String, call: &CallReport) -> fmt::Result {
    write!(text, " after {}", Seconds(call.duration_ms))?;
    let first =
        call.first_audio_ms.map_or_else(|| "no audio".to_owned(), |took| format!("first audio after {took} ms"));
    write!(text, "\n  connected in {} ms, {first}", call.connect_ms)?;
    for turn in &call.turns {
        write!(text, "\n  {}", Turn(turn))?;
    }
    let agent = &call.agent;
    write!(text, "\n  agent: {} of speech in {} utterances", Seconds(agent.speech_ms), agent.utterances)?;
    write!(text, ", {} of {} marks returned, {} clears", call.marks.returned, call.marks.sent, call.clears)?;
    let longest = call.gaps.iter().map(|gap| gap.length_ms).max();
    match longest {
        Some(longest) => write!(text, ", {} gaps of up to {longest} ms", call.gaps.len())?,
        None => write!(text, ", no gaps")?,
    }
    if let Some(transcript) = &agent.transcript {
        write!(text, "\n  heard: {transcript}")?;
    }
    if call.audio.unplayed_ms > 0 {
        write!(text, "\n  never heard: {} that were still waiting", Seconds(call.audio.unplayed_ms))?;
    }
    if call.unread_messages > 0 {
        write!(text, "\n  the server did not read {} messages in time", call.unread_messages)?;
    }
    if call.simulator_late_ms >= LATE {
        write!(text, "\n  note: the simulator itself was up to {} ms late", call.simulator_late_ms)?;
    }
    Ok(())
}

fn write_summary(text: &mut String, report: &Report) -> fmt::Result {
    let summary = &report.summary;
    write!(text, "\ncalls of {}: {} passed, {} failed", report.url, summary.passed, summary.failed)?;
    let figures = [
        ("first audio", summary.first_audio_ms),
        ("response", summary.response_ms),
        ("silent after barge-in", summary.barge_in_ms),
    ];
    for (name, spread) in figures {
        let Some(Spread { min, median, p95, max, .. }) = spread else { continue };
        write!(text, "\n  {name:<22} min {min} ms, median {median} ms, 95 % {p95} ms, max {max} ms")?;
    }
    Ok(())
}

/// How a call ended, in words.
struct End<'a>(&'a CallEnd);

impl Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            CallEnd::Caller => f.write_str("the caller hung up"),
            CallEnd::Server { code: Some(code), .. } => write!(f, "the server closed the socket ({code})"),
            CallEnd::TimeLimit => f.write_str("nobody ended it"),
            CallEnd::Lost { .. } => f.write_str("the socket broke"),
            CallEnd::Refused { status: Some(status), .. } => write!(f, "refused with HTTP {status}"),
            CallEnd::Refused { .. } => f.write_str("refused"),
            CallEnd::Unreachable { .. } => f.write_str("no connection"),
            _ => f.write_str("the server closed the socket"),
        }
    }
}

struct Turn<'a>(&'a CallerTurn);

impl Display for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turn = self.0;
        write!(f, "{:>7}  \"{}\"", Seconds(turn.from_ms).to_string(), turn.text)?;
        if let Some(barge_in) = turn.barge_in {
            let after =
                |time: Option<u64>, none| time.map_or_else(|| String::from(none), |time| format!("after {time} ms"));
            let (clear, silent) = (after(barge_in.clear_ms, "never"), after(barge_in.silent_ms, "never"));
            write!(f, ", interrupts: clear {clear}, silent {silent}")?;
        }
        match turn.response_ms {
            Some(took) => write!(f, ", answered after {took} ms"),
            None => f.write_str(", not answered"),
        }
    }
}

struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0 as f64 / 1000.0)
    }
}
