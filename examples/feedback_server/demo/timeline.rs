//! The timeline: one self-contained page with both waveforms, the turns, what was heard and what was not, and latency.

use std::error::Error;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;
use voicecall::journal::{JournalEntry, Speaker, TranscriptLine};

/// One column of a waveform is this many samples at 8 kHz: 20 ms.
const COLUMN: usize = 160;

/// What the page draws. Times in seconds of the recording.
#[derive(Debug, Serialize)]
pub(super) struct Timeline {
    seconds: f64,
    caller: Vec<f32>,
    agent: Vec<f32>,
    lines: Vec<Line>,
    /// The recording itself, as base64.
    audio: String,
}

#[derive(Debug, Serialize)]
struct Line {
    agent: bool,
    from: f64,
    until: f64,
    heard: String,
    unheard: String,
}

impl Timeline {
    /// Reads the recording and puts the transcript beside it.
    ///
    /// # Errors
    /// When the recording is not a stereo WAV file.
    pub(super) fn new(
        recording: &Path,
        lines: &[TranscriptLine],
        journal: &[JournalEntry],
    ) -> Result<Self, Box<dyn Error>> {
        let bytes = std::fs::read(recording)?;
        let samples = hound::WavReader::new(&bytes[..])?.into_samples::<i16>().collect::<Result<Vec<_>, _>>()?;
        let side = |first: usize| -> Vec<f32> {
            let side: Vec<_> = samples.iter().skip(first).step_by(2).map(|sample| f32::from(*sample)).collect();
            side.chunks(COLUMN)
                .map(|column| column.iter().fold(0f32, |peak, sample| peak.max(sample.abs())) / 32768.0)
                .collect()
        };
        let line = |line: &TranscriptLine| Line {
            agent: line.speaker == Speaker::Agent,
            from: seconds(line.from),
            until: seconds(line.until),
            heard: line.text.clone(),
            unheard: line.unheard.clone(),
        };
        let end = journal.iter().map(|entry| seconds(entry.offset)).fold(0.0, f64::max);
        Ok(Self {
            seconds: end.max(samples.len() as f64 / 2.0 / 8000.0),
            caller: side(0),
            agent: side(1),
            lines: lines.iter().map(line).collect(),
            audio: STANDARD.encode(&bytes),
        })
    }
}

fn seconds(at: voicecall::CallTime) -> f64 {
    at.as_micros() as f64 / 1e6
}

/// The page. Everything it shows is data in a script element of type JSON, written by the page's own script as text,
/// so that nothing spoken can become markup.
///
/// # Errors
/// When the data cannot be written as JSON, which plain data can.
pub(super) fn page(timeline: &Timeline, report: &Value) -> Result<String, serde_json::Error> {
    let data = serde_json::to_string(&serde_json::json!({ "timeline": timeline, "report": report }))?;
    Ok(include_str!("timeline.html").replace("{{data}}", &data.replace('<', "\\u003c")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_spoken_becomes_markup() {
        let line = Line {
            agent: false,
            from: 0.0,
            until: 1.0,
            heard: "</script><script>alert(1)</script><!--".to_owned(),
            unheard: String::new(),
        };
        let timeline =
            Timeline { seconds: 1.0, caller: vec![], agent: vec![], lines: vec![line], audio: String::new() };
        let page = page(&timeline, &serde_json::json!({})).unwrap();
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("<script>alert") && !page.contains("<!--"));
    }
}
