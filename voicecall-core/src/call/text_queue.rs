//! What a carrier is given to say, in order: words as they come, and which of them were heard.
//!
//! Nothing says when the carrier has said something. It is taken to speak at a usual pace, and corrected by what it tells:
//! what an interruption left, and that a caller who is heard without one has let the agent finish.

mod response;
mod words;

use std::collections::VecDeque;
use std::time::Duration;

use super::io::Output;
use super::ops::Ops;
use super::settings::Timeouts;
use super::speech_queue::Floor;
use crate::agent::{AgentTask, OpId, Respond};
use crate::carrier::Digits;
use crate::dialogue::{Utterance, UtteranceId};
use crate::text_media::TextCommand;
use crate::time::CallTime;

use self::response::Response;

/// A character of speech lasts this long at a usual pace: fifteen a second.
const PER_CHARACTER: Duration = Duration::from_micros(66_667);

/// How long the carrier's voice takes to begin.
const VOICE_BEGINS: Duration = Duration::from_millis(300);

/// How long before the end of what is being said the next utterance is sent. What the carrier does with what waits when the
/// caller interrupts is not known, so that little should.
const LEAD: Duration = Duration::from_secs(1);

/// A call is not ended before what was said last has certainly been heard.
const SETTLES: Duration = Duration::from_secs(1);

/// A pressed key, its pause included, and the two pauses there are.
const PER_KEY: Duration = Duration::from_millis(250);

/// What is to be said and done on the line, one behind the other.
#[derive(Debug)]
pub(super) struct TextQueue {
    queue: VecDeque<Item>,
    timeouts: (Duration, Duration),
    /// When everything that was sent and is over is taken to have been heard.
    free_at: CallTime,
    /// Responses that failed, to be told of.
    failed: VecDeque<(UtteranceId, String)>,
}

#[derive(Debug)]
struct Item {
    utterance: Option<UtteranceId>,
    interruptible: bool,
    /// What is known of the words, and how many bytes of them were sent.
    text: String,
    sent: usize,
    keys: Option<Digits>,
    /// Who is still writing the words.
    response: Option<Response>,
    /// Everything was sent.
    closed: bool,
    from: CallTime,
    until: CallTime,
}

/// Something that was said, or was to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EndedText {
    pub(super) utterance: Option<UtteranceId>,
    pub(super) heard: String,
    pub(super) unheard: String,
    pub(super) from: CallTime,
    pub(super) until: CallTime,
    /// Whether nobody has told what was heard of it.
    pub(super) estimated: bool,
    /// Whether it was heard to its end.
    pub(super) whole: bool,
}

impl Item {
    fn words(utterance: Option<UtteranceId>, text: String, interruptible: bool) -> Self {
        Self {
            utterance,
            interruptible,
            text,
            sent: 0,
            keys: None,
            response: None,
            closed: false,
            from: CallTime::ZERO,
            until: CallTime::ZERO,
        }
    }

    fn said(&self) -> &str {
        &self.text[..self.sent]
    }

    const fn is_begun(&self) -> bool {
        self.sent > 0 || self.closed
    }

    /// Its end, of which `count` words were heard.
    fn ended(self, count: usize, whole: bool, estimated: bool) -> EndedText {
        let mut words = self.text.split_whitespace();
        let heard = words.by_ref().take(count).collect::<Vec<_>>().join(" ");
        let unheard = words.collect::<Vec<_>>().join(" ");
        let heard = if whole { self.text.trim().to_owned() } else { heard };
        let Self { utterance, from, until, .. } = self;
        EndedText { utterance, heard, unheard, from, until, estimated, whole }
    }
}

impl TextQueue {
    pub(super) const fn new(timeouts: &Timeouts) -> Self {
        let timeouts = (timeouts.first_token, timeouts.between_tokens);
        Self { queue: VecDeque::new(), timeouts, free_at: CallTime::ZERO, failed: VecDeque::new() }
    }

    pub(super) fn say(&mut self, Utterance { id, text, interruptible }: Utterance) {
        self.queue.push_back(Item::words(Some(id), text, interruptible));
    }

    /// Says a filler, ahead of everything that waits.
    pub(super) fn fill(&mut self, text: String) {
        let at = self.queue.iter().take_while(|item| item.is_begun()).count();
        self.queue.insert(at, Item::words(None, text, true));
    }

    /// Says the machine's own last words, which cannot be interrupted.
    pub(super) fn farewell(&mut self, text: String) {
        self.queue.push_back(Item::words(None, text, false));
    }

    pub(super) fn press(&mut self, keys: Digits) {
        self.queue.push_back(Item { keys: Some(keys), ..Item::words(None, String::new(), true) });
    }

    /// Has a model write an utterance.
    pub(super) fn respond(
        &mut self,
        utterance: UtteranceId,
        request: Respond,
        now: CallTime,
        ops: &mut Ops,
        out: &mut Vec<Output>,
    ) {
        let op = ops.next();
        out.push(Output::Start { op, task: AgentTask::Write(request) });
        let response = Some(Response { op, due: now + self.timeouts.0 });
        self.queue.push_back(Item { response, ..Item::words(Some(utterance), String::new(), true) });
    }

    /// Sends what is due. Returns whether words of an utterance, or the first of one, went out.
    pub(super) fn advance(&mut self, now: CallTime, out: &mut Vec<Output>) -> bool {
        let mut free_at = self.free_at;
        let mut said = false;
        for item in &mut self.queue {
            let is_next = item.is_begun() || free_at <= now + LEAD;
            // Keys are heard by somebody who is to have heard everything before.
            let waits = item.keys.is_some() && free_at > now;
            if !is_next || waits {
                break;
            }
            if !item.closed {
                said |= send(item, free_at, now, out) && item.utterance.is_some();
            }
            if !item.closed {
                break;
            }
            free_at = free_at.max(item.until);
        }
        said
    }

    /// The next utterance that is taken to have been heard to its end.
    pub(super) fn next_ended(&mut self, now: CallTime) -> Option<EndedText> {
        let item = self.queue.pop_front_if(|item| item.closed && item.until <= now)?;
        self.free_at = self.free_at.max(item.until);
        Some(item.ended(usize::MAX, true, true))
    }

    /// The caller interrupted when this had been heard: what was sent is over, and what waits is not said any more, unless it
    /// may not be interrupted.
    pub(super) fn interrupted(&mut self, heard: &str, now: CallTime, out: &mut Vec<Output>) -> Vec<EndedText> {
        let begun = self.queue.iter().take_while(|item| item.is_begun()).count();
        let found = {
            let texts: Vec<&str> = self.queue.iter().take(begun).map(Item::said).collect();
            words::compare(&texts, heard)
        };
        let last = found.counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        let counts = found.counts.into_iter().enumerate();
        let mut ended: Vec<EndedText> = counts
            .zip(self.queue.drain(..begun).collect::<Vec<_>>())
            .map(|((at, count), item)| {
                let whole = item.closed && (at < last || count >= item.text.split_whitespace().count());
                let until = if whole { item.until.min(now) } else { now };
                cancel(&item, out);
                Item { until, ..item }.ended(count, whole, found.differs)
            })
            .collect();
        ended.extend(self.drop_waiting(out));
        self.free_at = now;
        ended
    }

    /// The caller spoke and interrupted nothing: what was sent has been heard. What waits or is still being written is not
    /// said, unless it may not be interrupted.
    pub(super) fn answered(&mut self, now: CallTime, out: &mut Vec<Output>) -> Vec<EndedText> {
        let mut ended = Vec::new();
        while let Some(item) = self.queue.pop_front_if(|item| item.is_begun()) {
            cancel(&item, out);
            if !item.closed {
                // The carrier is not to wait for the rest.
                out.push(Output::SendText(TextCommand::Say { words: String::new(), last: true, interruptible: true }));
            }
            let (count, whole, until) = (item.said().split_whitespace().count(), item.closed, item.until.min(now));
            ended.push(Item { until, ..item }.ended(count, whole, false));
        }
        ended.extend(self.drop_waiting(out));
        self.free_at = now;
        ended
    }

    /// Nothing that waits is said. What was sent is being said: the carrier cannot be silenced.
    pub(super) fn clear(&mut self, out: &mut Vec<Output>) -> Vec<EndedText> {
        let mut dropped = Vec::new();
        for item in std::mem::take(&mut self.queue) {
            cancel(&item, out);
            if item.closed {
                self.queue.push_back(item);
            } else if item.is_begun() {
                out.push(Output::SendText(TextCommand::Say { words: String::new(), last: true, interruptible: true }));
                self.free_at = self.free_at.max(item.until);
                let count = item.said().split_whitespace().count();
                dropped.push(item.ended(count, false, true));
            } else {
                dropped.push(item.ended(0, false, false));
            }
        }
        dropped
    }

    /// The line is gone: what was sent was heard as far as there was time for it.
    pub(super) fn hung_up(&mut self, now: CallTime, out: &mut Vec<Output>) -> Vec<EndedText> {
        let items = std::mem::take(&mut self.queue);
        items
            .into_iter()
            .map(|item| {
                cancel(&item, out);
                let count = words_by(&item, now);
                let whole = item.closed && item.until <= now;
                let until = item.until.min(now);
                let estimated = item.sent > 0;
                Item { until, ..item }.ended(count, whole, estimated)
            })
            .collect()
    }

    fn drop_waiting(&mut self, out: &mut Vec<Output>) -> Vec<EndedText> {
        let waiting = std::mem::take(&mut self.queue).into_iter();
        let (dropped, kept): (VecDeque<_>, VecDeque<_>) = waiting.partition(|item| item.interruptible);
        self.queue = kept;
        dropped
            .into_iter()
            .map(|item| {
                cancel(&item, out);
                item.ended(0, false, false)
            })
            .collect()
    }

    /// Whether something is to be said, or is being said.
    pub(super) fn is_busy(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether everything was certainly heard.
    pub(super) fn is_settled(&self, now: CallTime) -> bool {
        self.queue.is_empty() && self.free_at + SETTLES <= now
    }

    /// When everything is certainly heard, once nothing is queued any more.
    pub(super) fn settles_at(&self) -> CallTime {
        self.free_at + SETTLES
    }

    /// Who has the floor.
    pub(super) fn floor(&self) -> Floor {
        match self.queue.front() {
            Some(item) if item.is_begun() && item.utterance.is_none() && item.interruptible => Floor::Filler,
            Some(item) if item.is_begun() || !item.interruptible => Floor::Utterance,
            _ => Floor::Free,
        }
    }

    /// When [`advance`](Self::advance) or [`next_ended`](Self::next_ended) has something to do.
    pub(super) fn wake_at(&self) -> Option<CallTime> {
        let ends = self.queue.front().filter(|item| item.closed).map(|item| item.until);
        let (begun, mut waiting) = (self.queue.iter().take_while(|item| item.is_begun()), self.queue.iter());
        let mut free_at = Some(self.free_at);
        for item in begun {
            waiting.next();
            // Behind something that is still being written nothing is due.
            free_at = free_at.filter(|_| item.closed).map(|free_at| free_at.max(item.until));
        }
        let next = waiting.next().filter(|item| item.response.is_none() || !item.text.is_empty());
        let sends = next.zip(free_at).map(|(item, at)| if item.keys.is_some() { at } else { at.back(LEAD) });
        [ends, sends].into_iter().flatten().min()
    }

    /// When a model is late.
    pub(super) fn late_at(&self) -> Option<CallTime> {
        self.queue.iter().filter_map(|item| item.response.as_ref()).map(|response| response.due).min()
    }
}

/// Sends what is known of an item's words, or its keys. Returns whether anything was sent.
fn send(item: &mut Item, free_at: CallTime, now: CallTime, out: &mut Vec<Output>) -> bool {
    if let Some(keys) = &item.keys {
        out.push(Output::SendText(TextCommand::Press(keys.clone())));
        item.closed = true;
        item.from = now;
        item.until = now + PER_KEY * u32::try_from(keys.reveal().len()).unwrap_or(u32::MAX);
        return false;
    }
    let last = item.response.is_none();
    let words = item.text[item.sent..].to_owned();
    // A response without words needs no end.
    let is_needed = !words.is_empty() || (last && item.sent > 0);
    if item.sent == 0 {
        item.from = free_at.max(now);
        item.until = item.from + if words.is_empty() { Duration::ZERO } else { VOICE_BEGINS };
    }
    item.until = item.until.max(now) + spoken_length(&words);
    item.sent = item.text.len();
    item.closed = last;
    if is_needed {
        let interruptible = item.interruptible;
        out.push(Output::SendText(TextCommand::Say { words, last, interruptible }));
    }
    is_needed
}

/// How long it takes to say that at a usual pace.
pub(super) fn spoken_length(words: &str) -> Duration {
    PER_CHARACTER * u32::try_from(words.chars().count()).unwrap_or(u32::MAX)
}

/// How many words of an item there was time for.
fn words_by(item: &Item, now: CallTime) -> usize {
    let mut until = item.from + VOICE_BEGINS;
    let mut in_time = |word: &&str| {
        until = until + spoken_length(word) + PER_CHARACTER;
        until <= now
    };
    item.said().split_whitespace().take_while(|word| in_time(word)).count()
}

fn cancel(item: &Item, out: &mut Vec<Output>) {
    if let Some(Response { op, .. }) = item.response {
        out.push(Output::Cancel { op });
    }
}

/// Whether an operation writes an item.
fn is_of(item: &Item, op: OpId) -> bool {
    item.response.as_ref().is_some_and(|response| response.op == op)
}

#[cfg(test)]
mod tests;
