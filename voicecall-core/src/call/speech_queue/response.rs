//! An utterance a model is still writing: its text as it comes, and which part of it lies where in the audio.

use super::super::heard::{self, HeardText};
use super::super::io::Output;
use super::SpeechQueue;
use crate::agent::{AgentTask, OpId, Respond};
use crate::dialogue::UtteranceId;
use crate::model::WordTiming;
use crate::time::CallTime;

/// An answer longer than this is not one; the model runs wild.
const LONGEST_ANSWER: usize = 16 * 1024;

/// What a model says in one utterance.
#[derive(Debug)]
pub(super) struct Response {
    request: Respond,
    /// Who was asked last.
    op: Option<OpId>,
    /// Everything the model wrote.
    text: String,
    /// The parts of it that were given to the voice, in order; none of a model that speaks itself.
    segments: Vec<Segment>,
    written: bool,
}

#[derive(Debug)]
struct Segment {
    text: String,
    /// The first sample of it in the utterance's audio.
    from: u64,
}

impl Response {
    pub(super) const fn new(request: Respond) -> Self {
        Self { request, op: None, text: String::new(), segments: Vec::new(), written: false }
    }

    /// Asks for it, by this operation.
    pub(super) fn ask(&mut self, op: OpId) -> AgentTask {
        self.op = Some(op);
        AgentTask::Respond(self.request.clone())
    }

    /// Who was asked for it, if anybody was yet.
    pub(super) const fn op(&self) -> Option<OpId> {
        self.op
    }

    /// Whether the model has written all it will.
    pub(super) const fn is_written(&self) -> bool {
        self.written
    }

    /// More text. Returns whether it was the first; `None` if there is too much of it.
    pub(super) fn token(&mut self, text: &str) -> Option<bool> {
        let first = self.text.is_empty();
        self.text.push_str(text);
        (self.text.len() <= LONGEST_ANSWER).then_some(first)
    }

    /// The next part of the text begins behind so many samples.
    pub(super) fn segment(&mut self, text: String, from: u64) {
        self.segments.push(Segment { text, from });
    }

    /// Nothing more is written. Returns the text.
    pub(super) fn done(&mut self) -> String {
        self.written = true;
        self.text.trim().to_owned()
    }

    /// Nothing more comes: what has no sound in `samples` is not spoken.
    pub(super) fn fail(&mut self, samples: u64) {
        self.written = true;
        self.segments.retain(|segment| segment.from < samples);
    }

    /// The text that was given to the voice; of a model that speaks itself what its `samples` are likely to say.
    pub(super) fn spoken(&self, samples: u64) -> String {
        if self.segments.is_empty() && samples > 0 {
            return heard::split(self.text.trim(), &[], samples, None).heard;
        }
        self.segments.iter().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Splits the text by how much of it was heard: segment by segment, so that an estimate errs within one of them only. Without
    /// segments the text lies over the whole audio. Arguments are those of [`heard::split`], for the whole utterance.
    pub(super) fn split(&self, words: &[WordTiming], samples: u64, total: Option<u64>) -> HeardText {
        if self.segments.is_empty() && total.unwrap_or(samples) > 0 {
            return heard::split(self.text.trim(), words, samples, total);
        }
        let mut whole = HeardText { heard: String::new(), unheard: String::new(), estimated: false };
        for (at, segment) in self.segments.iter().enumerate() {
            let until = self.segments.get(at + 1).map(|next| next.from).or(total);
            let within =
                |word: &&WordTiming| word.start >= segment.from && until.is_none_or(|until| word.start < until);
            let from = |sample: u64| sample.saturating_sub(segment.from);
            let words: Vec<_> = words
                .iter()
                .filter(within)
                .map(|word| WordTiming { start: from(word.start), end: from(word.end), ..word.clone() })
                .collect();
            let part = heard::split(&segment.text, &words, from(samples), until.map(from));
            // Only the segment with the border in it can be an estimate.
            whole.estimated |= part.estimated && from(samples) > 0;
            append(&mut whole.heard, &part.heard);
            append(&mut whole.unheard, &part.unheard);
        }
        append(&mut whole.unheard, self.rest());
        whole
    }

    /// What the model wrote that was not given to the voice.
    fn rest(&self) -> &str {
        let given = self.segments.iter().flat_map(|segment| segment.text.chars());
        let mut left = given.filter(|char| !char.is_whitespace()).count();
        let end = self.text.char_indices().find(|(_, char)| {
            let is_rest = left == 0;
            left = left.saturating_sub(usize::from(!char.is_whitespace()));
            is_rest
        });
        end.map_or("", |(at, _)| self.text.get(at..).unwrap_or("").trim())
    }
}

fn append(text: &mut String, part: &str) {
    if !text.is_empty() && !part.is_empty() {
        text.push(' ');
    }
    text.push_str(part);
}

/// What a responding operation says, on its way to its utterance. What belongs to none is dropped.
impl SpeechQueue {
    /// More text of a response. Returns whether it was the first; `None` if no response wants it.
    pub(in crate::call) fn token(
        &mut self,
        op: OpId,
        text: &str,
        now: CallTime,
        out: &mut Vec<Output>,
    ) -> Option<bool> {
        let first = self.progress(op, now, |response| response.token(text))?;
        if first.is_none() {
            out.push(Output::Cancel { op });
            self.failed(op, now);
        }
        first
    }

    /// A response is about to speak this part of its text. Returns whether there is such a response.
    pub(in crate::call) fn segment(&mut self, op: OpId, text: String) -> bool {
        let Some(line) = self.queue.iter_mut().find(|line| line.is_asked(op)) else { return false };
        let Some(response) = &mut line.response else { return false };
        response.segment(text, line.samples);
        true
    }

    /// Whether a response is spoken by the model that makes it, which does not say first what it is about to speak.
    pub(in crate::call) fn speaks_itself(&self, op: OpId) -> bool {
        let response = self.queue.iter().find(|line| line.is_asked(op)).and_then(|line| line.response.as_ref());
        response.is_some_and(|response| response.segments.is_empty())
    }

    /// A response calls a tool. Returns which, if it is still wanted.
    pub(in crate::call) fn tool_call(&mut self, op: OpId, now: CallTime) -> Option<UtteranceId> {
        self.progress(op, now, |_| ())?;
        self.queue.iter().find(|line| line.is_asked(op))?.utterance
    }

    /// A response has written all it will. Returns which, and its text.
    pub(in crate::call) fn text_done(&mut self, op: OpId, now: CallTime) -> Option<(UtteranceId, String)> {
        let timeouts = self.timeouts.speech;
        let line = self.queue.iter_mut().find(|line| line.is_asked(op))?;
        let text = line.response.as_mut()?.done();
        line.wait_until(now + timeouts);
        Some((line.utterance?, text))
    }

    /// A response that has failed, each once, with the text of it that has sound.
    pub(in crate::call) fn next_failed(&mut self) -> Option<(UtteranceId, String)> {
        self.failed.pop_front()
    }

    fn progress<T>(&mut self, op: OpId, now: CallTime, take: impl FnOnce(&mut Response) -> T) -> Option<T> {
        let timeouts = self.timeouts.between_tokens;
        let line = self.queue.iter_mut().find(|line| line.is_asked(op))?;
        let taken = take(line.response.as_mut()?);
        line.wait_until(now + timeouts);
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response() -> Response {
        let mut response = Response::new(Respond { messages: Vec::new(), tools: Vec::new(), max_tokens: 1 });
        assert_eq!(response.token("One two. Three"), Some(true));
        assert_eq!(response.token(" four. Five"), Some(false));
        response.segment("One two.".into(), 0);
        response.segment("Three four.".into(), 8000);
        response
    }

    fn split(samples: u64, total: Option<u64>) -> (String, String, bool) {
        let HeardText { heard, unheard, estimated } = response().split(&[], samples, total);
        (heard, unheard, estimated)
    }

    #[test]
    fn what_was_heard_is_known_segment_by_segment() {
        assert_eq!(split(0, None), ("".into(), "One two. Three four. Five".into(), false));
        assert_eq!(split(4000, None), ("One".into(), "two. Three four. Five".into(), true));
        assert_eq!(split(8000, None), ("One two.".into(), "Three four. Five".into(), false));
        assert_eq!(split(16_000, Some(16_000)), ("One two. Three four.".into(), "Five".into(), false));
    }

    #[test]
    fn words_lie_where_the_voice_says() {
        let word = |text: &str, start, end| WordTiming { text: text.into(), start, end };
        let words =
            [word("One", 0, 7000), word("two.", 7000, 7900), word("Three", 8000, 9000), word("four.", 9000, 9900)];
        let heard = response().split(&words, 9100, None);
        assert_eq!((heard.heard.as_str(), heard.estimated), ("One two. Three", false));
    }

    #[test]
    fn a_segment_without_sound_was_not_spoken() {
        let mut response = response();
        response.fail(8000);
        assert_eq!(response.spoken(8000), "One two.");
        assert_eq!(response.split(&[], 8000, Some(8000)).unheard, "Three four. Five");
    }

    #[test]
    fn without_segments_the_text_lies_over_the_whole_audio() {
        let mut response = Response::new(Respond { messages: Vec::new(), tools: Vec::new(), max_tokens: 1 });
        let _ = response.token("One two three four");
        let split = |samples, total| response.split(&[], samples, total);
        assert_eq!(split(9000, Some(18_000)).heard, "One two");
        assert_eq!(split(18_000, Some(18_000)).heard, "One two three four");
        // Of what is still being made the pace is guessed.
        assert_eq!((split(4000, None).heard.as_str(), split(4000, None).estimated), ("One two", true));
        assert_eq!(split(0, Some(0)).unheard, "One two three four", "it has no sound");
        assert_eq!((response.spoken(4000).as_str(), response.spoken(0).as_str()), ("One two", ""));
    }

    #[test]
    fn a_model_that_runs_wild_is_noticed() {
        assert_eq!(response().token(&"x".repeat(LONGEST_ANSWER)), None);
    }
}
